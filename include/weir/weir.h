/* SPDX-License-Identifier: MIT
 *
 * All of weir: channels, workers, and the interface for driver authors.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/channel.h>
#include <weir/driver.h>
#include <weir/version.h>
#include <weir/worker.h>

#endif

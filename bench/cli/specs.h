/* SPDX-License-Identifier: MIT
 *
 * Specs and drivers, tried before they are used, in a process of their own: the module of a stranger that crashes or
 * hangs takes that process along and not the program.
 */
#ifndef WEIR_BENCH_SPECS_H
#define WEIR_BENCH_SPECS_H

#include <weir/channel.h>

/* Tries a spec on a small channel between threads. What is wrong with its words, or that its driver does not survive
 * this, is an error; what is only not available here, or not in this form, is not. 0 or -1. */
int spec_check(const char *spec, struct weir_error *error);

/* Finds and probes a driver. 0: both came back, whatever they said; -1: they did not. */
int driver_check(const char *name, struct weir_error *error);

#endif

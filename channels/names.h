/* SPDX-License-Identifier: MIT
 *
 * Names in /dev/shm: what the shm driver makes and what weir_sweep may remove.
 */
#ifndef WEIR_NAMES_H
#define WEIR_NAMES_H

#define WEIR_SHM_PREFIX "weir-ring-"
#define WEIR_SHM_SUFFIX 16 /* hexadecimal digits drawn by the kernel: nobody guesses them */

#endif

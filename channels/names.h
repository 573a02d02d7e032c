/* SPDX-License-Identifier: MIT
 *
 * Names of kernel objects that outlive a process: what drivers make and what weir_sweep may remove.
 */
#ifndef WEIR_NAMES_H
#define WEIR_NAMES_H

#define WEIR_SHM_PREFIX "weir-ring-" /* in /dev/shm */
#define WEIR_SHM_SUFFIX 16           /* hexadecimal digits drawn by the kernel: nobody guesses them */

#define WEIR_MQUEUE_PREFIX "weir-queue-" /* a POSIX message queue, in /dev/mqueue where that is mounted */
#define WEIR_MQUEUE_SUFFIX 16

/* A file in a private folder that says: there is, or will be, a System V message queue of this key, and it goes when
 * the file goes. */
#define WEIR_SYSV_RECORD "sysv-queue-"
#define WEIR_SYSV_DIGITS 8 /* hexadecimal digits of the key */

#endif

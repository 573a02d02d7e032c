/* SPDX-License-Identifier: MIT
 *
 * Ctrl-C, kill and a closed terminal as something to poll for. The program is the one that may change signals; the
 * library does not.
 */
#ifndef WEIR_BENCH_INTERRUPT_H
#define WEIR_BENCH_INTERRUPT_H

/* Blocks SIGINT, SIGTERM and SIGHUP and returns a descriptor that becomes readable when one comes, or -1. */
int interrupt_open(void);

/* The signal that came, or 0; does not wait. */
int interrupt_read(int interrupt_fd);

#endif

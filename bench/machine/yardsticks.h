/* SPDX-License-Identifier: MIT
 *
 * Yardsticks: short measurements of what the machine allows at best, each of one thing that every channel is made of.
 *
 * A yardstick runs in a process of its own, forked for it and gone when the call returns. So the caller's process never
 * has a second thread (fork copies one thread only, and libc is slower for ever once there were two), keeps its CPUs,
 * and survives a yardstick that hangs: that one is killed. Where a second thread is needed it is one of that process.
 *
 * What cannot be measured is NaN: the CPUs are not allowed here, are one and the same, or were taken away for longer
 * than the yardstick waits. A call takes little more than `for_ns`, and never more than YARDSTICK_PATIENCE_NS beyond
 * ten times that.
 */
#ifndef WEIR_BENCH_YARDSTICKS_H
#define WEIR_BENCH_YARDSTICKS_H

#include <stddef.h>
#include <stdint.h>

#define YARDSTICK_PATIENCE_NS INT64_C(250000000)

/* The round trip of one cache line between two CPUs: one stores a number, the other waits for it by loads and stores
 * the next, and back. The median of batches. About 1 ms is enough. */
double yardstick_line_ns(int cpu_a, int cpu_b, int64_t for_ns);

/* Likewise, with both waiting by compare-and-swap: as two lock holders hand over a lock word. */
double yardstick_line_cas_ns(int cpu_a, int cpu_b, int64_t for_ns);

#endif

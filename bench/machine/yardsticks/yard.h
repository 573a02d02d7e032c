/* SPDX-License-Identifier: MIT
 *
 * What the yardsticks share: a process for each, a partner thread on another CPU, and batches with their median.
 */
#ifndef WEIR_BENCH_YARD_H
#define WEIR_BENCH_YARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/clock.h"
#include "machine/yardsticks.h"

/* Where and how long to measure. */
struct yard {
    int cpu_a;      /* that the measuring thread is pinned to; -1: anywhere */
    int cpu_b;      /* of the partner; -1: there is none */
    size_t size;    /* bytes, where it matters */
    int64_t for_ns; /* how long, not counting the start */
};

/* Runs `measure` in a process of its own, and returns what it returned; NaN if it did not. */
double yard_run(double (*measure)(const struct yard *yard), const struct yard *yard);

/* The rest is for that process. */

/* Starts a thread on yard->cpu_b and pins the caller to yard->cpu_a. The thread needs no end: it ends with its process.
 * 0, or -1 if it cannot be. */
int yard_partner(const struct yard *yard, void (*body)(void *argument), void *argument);

/* Likewise with a process, which sees of `argument` what lies in shared memory. */
int yard_partner_process(const struct yard *yard, void (*body)(void *argument), void *argument);

#define YARD_BATCH_NS 20000

/* Does something so many times, and returns the nanoseconds that count; negative to give up. */
typedef int64_t yard_batch(void *state, unsigned times);

/* Runs batches of so many operations that one takes about YARD_BATCH_NS, until the time is over, and returns the median
 * of the nanoseconds per operation. The first batches warm up and find the number; they do not count. NaN when a batch
 * gave up before any counted. */
double yard_repeat(const struct yard *yard, yard_batch *batch, void *state);

/* When a wait for the partner is to be given up: it was never let run. */
int64_t yard_patience(const struct yard *yard);

/* Waits, by loads alone, until the word has the value; false if that did not come in time. No PAUSE in the loop: it
 * takes 10 to 140 cycles, which would be added to what is measured. */
static inline bool yard_await(const _Atomic uint32_t *word, uint32_t value, int64_t give_up_ns)
{
    do
        for (int looks = 0; looks < 4096; looks++)
            if (atomic_load_explicit(word, memory_order_acquire) == value)
                return true;
    while (clock_now_ns() < give_up_ns);
    return false;
}

/* ---- the yardsticks, by file: in that process, called by yard_run alone ---------------------------------------- */

/* line.c */
double yard_line_store(const struct yard *yard);
double yard_line_swap(const struct yard *yard);
double yard_line_stream(const struct yard *yard);

/* kernel.c */
double yard_system_call(const struct yard *yard);
double yard_transit_pipe(const struct yard *yard);
double yard_transit_seqpacket(const struct yard *yard);
double yard_transit_stream(const struct yard *yard);
double yard_write_pipe(const struct yard *yard);
double yard_write_seqpacket(const struct yard *yard);
double yard_write_stream(const struct yard *yard);

/* wake.c */
double yard_switch(const struct yard *yard);
double yard_wake(const struct yard *yard);
double yard_wake_round(const struct yard *yard);
double yard_switch_processes(const struct yard *yard);
double yard_wake_processes(const struct yard *yard);

/* memory.c */
double yard_copy(const struct yard *yard);
double yard_copy_written(const struct yard *yard);
double yard_copy_memory(const struct yard *yard);

/* clocks.c */
double yard_clock_monotonic(const struct yard *yard);
double yard_clock_raw(const struct yard *yard);
double yard_clock_thread(const struct yard *yard);
double yard_clock_counter(const struct yard *yard);
double yard_skew(const struct yard *yard);
double yard_skew_bound(const struct yard *yard);

/* creation.c */
double yard_thread(const struct yard *yard);
double yard_fork(const struct yard *yard);
double yard_spawn(const struct yard *yard);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The clock that costs are measured with: the CPU's time-stamp counter where it is invariant (CPUID 80000007H, EDX bit
 * 8: it runs at one rate whatever the CPU does) and the kernel trusts it too, scaled to nanoseconds by comparison with
 * CLOCK_MONOTONIC_RAW; elsewhere that clock itself. The counters of all CPUs are then one clock: the kernel would not
 * use them otherwise. Processes forked after the calibration share it.
 *
 * Deadlines do not use this clock: those of the library are CLOCK_MONOTONIC (weir_now_ns).
 */
#ifndef WEIR_BENCH_CLOCK_H
#define WEIR_BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct clock {
    bool ticks;          /* read the counter; else the kernel's clock */
    uint64_t base_ticks; /* where the scale starts */
    int64_t base_ns;
    uint64_t scale; /* nanoseconds per tick, times 2^32 */
};

__extension__ typedef unsigned __int128 clock_product;

/* What a read costs, and the smallest step that the clock can show. */
struct clock_facts {
    const char *source; /* "tsc" or "CLOCK_MONOTONIC_RAW" */
    double overhead_ns, resolution_ns;
};

extern struct clock clock_in_use;
extern _Thread_local uint64_t clock_reads; /* by this thread: a proof that the clock stays out of what it times */

/* Takes 20 ms. Once, before anything is forked; without it the kernel's clock is read. */
void clock_calibrate(void);

const struct clock_facts *clock_facts(void);

/* How far the scale has drifted from CLOCK_MONOTONIC_RAW since the calibration, as a share of the time since. */
double clock_drift(void);

static inline int64_t clock_raw_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds since some start; any thread. The fence keeps the read behind what came before it (Intel SDM, RDTSC). */
static inline int64_t clock_now_ns(void)
{
    clock_reads++;
#if defined(__x86_64__)
    if (clock_in_use.ticks) {
        _mm_lfence();
        uint64_t ticks = __rdtsc() - clock_in_use.base_ticks;
        return clock_in_use.base_ns + (int64_t)(((clock_product)ticks * clock_in_use.scale) >> 32);
    }
#endif
    return clock_raw_ns();
}

#endif

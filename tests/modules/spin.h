/* SPDX-License-Identifier: MIT
 *
 * Time spent on purpose, by CLOCK_MONOTONIC_RAW: not the clock that weir measures with where it reads the time-stamp
 * counter itself. Times to come are in picoseconds, so that small ones add up exactly.
 */
#ifndef WEIR_TESTS_SPIN_H
#define WEIR_TESTS_SPIN_H

#include <stdint.h>
#include <time.h>

static inline int64_t spin_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t spin_until(int64_t end_ns)
{
    int64_t now_ns;
    do
        now_ns = spin_now_ns();
    while (now_ns < end_ns);
    return now_ns;
}

/* Spins until what is owed has passed since `begin_ns`; returns the time at the end. A spin ends somewhat late (a look
 * at the clock takes about 25 ns): that is taken off what is owed next. If it ends later than twice the time, it was
 * interrupted, and nothing is taken off. */
static inline int64_t spin_off(int64_t *owed_ps, int64_t begin_ns)
{
    int64_t asked_ps = *owed_ps;
    int64_t end_ns = spin_until(begin_ns + asked_ps / 1000);
    *owed_ps -= (end_ns - begin_ns) * 1000;
    if (*owed_ps < -asked_ps)
        *owed_ps = 0;
    return end_ns;
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Gauges: yardsticks set up at a place (CPUs, a size), each with what it has shown so far. The one list of them is
 * gone through once a round.
 */
#ifndef WEIR_BENCH_GAUGE_H
#define WEIR_BENCH_GAUGE_H

#include "machine/yardsticks.h"
#include "statistics.h"

struct gauge {
    enum yardstick yardstick;
    int cpu_a, cpu_b; /* -1: anywhere; none */
    size_t size;      /* 0: has none */
    const char *name; /* in place of the yardstick's own; NULL: that */
    bool minor;       /* one of many of its kind: in the files only, not in the table */
    double *values;   /* one a round; NaN where it could not be measured */
    size_t count, capacity;
};

struct gauges {
    struct gauge *items;
    size_t count, capacity;
};

/* The index of such a gauge, set up if it is not yet there; the CPUs and the size that the yardstick does not need
 * count for nothing. -1: no memory. */
int gauges_add(struct gauges *gauges, enum yardstick yardstick, int cpu_a, int cpu_b, size_t size);

/* Measures once, for about `for_ns`. 0 or -1 (memory). */
int gauge_measure(struct gauge *gauge, int64_t for_ns);

/* Median and interval over the rounds that count. NaN without any. */
struct estimate gauge_estimate(const struct gauge *gauge, struct slice slice);

/* In how many rounds it could be measured. */
size_t gauge_known(const struct gauge *gauge);

void gauges_free(struct gauges *gauges);

#endif

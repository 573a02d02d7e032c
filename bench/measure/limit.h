/* SPDX-License-Identifier: MIT
 *
 * The nearest limit of a cell: the least that this machine allows for what the cell does, from yardsticks measured once
 * in each round of the very run. docs/measuring.md has the rules in words; limit.c says for each why it is a bound.
 */
#ifndef WEIR_BENCH_LIMIT_H
#define WEIR_BENCH_LIMIT_H

#include "gauge.h"

/* A part of a limit: so many times what a gauge of time shows; of a gauge of bytes per second, what so many bytes take.
 * With `per_sleep` it counts in full only when both ends sleep once in each round trip, and in part when they do less
 * often. */
struct limit_term {
    int gauge; /* index */
    double times;
    bool per_sleep;
};

#define LIMIT_MOST_TERMS 3

/* How the limit of one cell is made up. */
struct limit_rule {
    const char *name; /* NULL: none is known */
    struct limit_term terms[LIMIT_MOST_TERMS];
    size_t count;
};

struct limits {
    struct gauges gauges;
    struct limit_rule *rules; /* one for each cell */
};

/* The rule for a cell whose first producer and first consumer run on these CPUs (-1: anywhere), adding the gauges that
 * it needs. What the channel is like must be known, so the cell must have been run once. 0 or -1 (memory). */
int limit_rule_make(struct limit_rule *ret, struct gauges *gauges, const struct cell *cell, int cpu_producer,
                    int cpu_consumer);

/* Rules for all cells, after their calibration. 0 or -1 (memory). */
int limits_plan(struct limits *ret, const struct cells *cells);

/* Once a round. 0 or -1 (memory). */
int limits_measure_round(struct limits *limits);

/* Fills in cell.limit from the medians over the rounds of the main regime. */
void limits_settle(const struct limits *limits, struct cells *cells, const struct journal *journal);

void limits_free(struct limits *limits);

/* A cost over the cell's limit; NaN if there is none. Below 1 one of the two figures does not mean what it seems to. */
double limit_ratio(const struct cell *cell, double cost_ns);

#endif

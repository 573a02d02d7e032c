/* SPDX-License-Identifier: MIT
 *
 * The ratio of two medians whose rounds were not measured side by side, as of two saved runs: by resampling.
 *
 * Rounds that follow each other are alike (a neighbour was busy, the host had moved a CPU), so they are not
 * independent, and an interval that takes them for it is too narrow. The hierarchical bootstrap draws whole blocks of
 * consecutive rounds, with replacement, and in each of them rounds, with replacement, and does so thousands of times;
 * the interval holds the middle 95 % of the ratios (percentile method). See Kalibera and Jones, "Rigorous benchmarking
 * in reasonable time", ISMM 2013, sections 5 to 7, and Davison and Hinkley, Bootstrap Methods and their Application,
 * 1997, sections 3.8 (levels) and 8.2 (blocks). Drawing on both levels makes it a little too wide where blocks do not
 * differ; tests/unit/test_bootstrap.c tells how often it holds the truth.
 *
 * What it cannot see is what differs between whole runs, for there is one run on each side.
 */
#ifndef WEIR_BENCH_BOOTSTRAP_H
#define WEIR_BENCH_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "statistics.h"

/* With fewer rounds a resample repeats so few values that the interval says nothing. */
#define BOOTSTRAP_LEAST_ROUNDS 8

#define BOOTSTRAP_RESAMPLES 10000

struct rounds_view {
    const double *values; /* above 0, in the order of the rounds */
    size_t count;
};

/* The ratio of the medians, b to a, and its 95 % interval, which is NaN with too few rounds. The same seed gives the
 * same interval. 0 or -1 (memory). */
int bootstrap_ratio(struct estimate *ret, struct rounds_view a, struct rounds_view b, size_t resamples, uint64_t seed);

/* How many resamples so many rounds (of all that is to be compared) leave time for: BOOTSTRAP_RESAMPLES, or fewer. */
size_t bootstrap_resamples(size_t rounds);

#endif

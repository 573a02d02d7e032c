/* SPDX-License-Identifier: MIT
 *
 * What the rounds of a cell say: the median and an interval for it that assumes nothing about the distribution.
 */
#ifndef WEIR_BENCH_STATISTICS_H
#define WEIR_BENCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "journal.h"

struct estimate {
    double median;
    double low, high; /* NaN with fewer than 6 values: no interval of 95 % exists */
};

/* For qsort: numbers upwards. */
int compare_doubles(const void *a, const void *b);

/* The median, and the exact 95 % interval of the sign test: the order statistics k and n+1-k with the largest k for
 * which 2 P(Binomial(n, 1/2) < k) <= 0.05 (e.g. Conover, Practical Nonparametric Statistics, section 3.2). Sorts
 * `values`. Not a number for none. */
struct estimate estimate_median(double *values, size_t count);

/* Which rounds count: those of one regime, where there are two. */
struct slice {
    const struct journal *journal; /* NULL: all rounds */
    int regime;
};

static inline bool slice_holds(struct slice slice, size_t round)
{
    return slice.journal == NULL || journal_in_regime(slice.journal, round, slice.regime);
}

/* The regime that most rounds stood in. */
struct slice slice_main(const struct journal *journal);

/* Of one figure over the rounds of a cell; `offset` is that of a double in struct epoch_cost. NaN without rounds. */
struct estimate estimate_rounds(const struct cell *cell, size_t offset, struct slice slice);

/* CPU time a message of producers, consumers and a driver's own threads; NaN where the last is not known. */
double epoch_cpu_ns(const struct epoch_cost *cost);

/* The median of the sum of producers', consumers' and drivers' CPU time, per message; and of both kinds of switches. */
double median_cpu(const struct cell *cell, struct slice slice);
double median_switches(const struct cell *cell, struct slice slice);

/* The median of the least share of a producer; NaN: there is one only. */
double median_least_share(const struct cell *cell, struct slice slice);

#endif

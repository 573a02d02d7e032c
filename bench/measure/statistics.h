/* SPDX-License-Identifier: MIT
 *
 * What the rounds of a cell say: the median and an interval for it that assumes nothing about the distribution.
 */
#ifndef WEIR_BENCH_STATISTICS_H
#define WEIR_BENCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "cell.h"

struct estimate {
    double median;
    double low, high; /* NaN with fewer than 6 values: no interval of 95 % exists */
};

/* The median, and the exact 95 % interval of the sign test: the order statistics k and n+1-k with the largest k for
 * which 2 P(Binomial(n, 1/2) < k) <= 0.05 (e.g. Conover, Practical Nonparametric Statistics, section 3.2). Sorts
 * `values`. Not a number for none. */
struct estimate estimate_median(double *values, size_t count);

/* Of one figure over the rounds of a cell; `offset` is that of a double in struct epoch_cost. NaN without rounds. */
struct estimate estimate_rounds(const struct cell *cell, size_t offset);

/* The median of the sum of producers' and consumers' CPU time, per message; and of both kinds of switches. */
double median_cpu(const struct cell *cell);
double median_switches(const struct cell *cell);

#endif

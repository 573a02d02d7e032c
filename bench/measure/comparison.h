/* SPDX-License-Identifier: MIT
 *
 * Is B faster than A? From pairs of costs that were measured in the same round, so that whatever the machine did in
 * that round happened to both and cancels in their ratio.
 */
#ifndef WEIR_BENCH_COMPARISON_H
#define WEIR_BENCH_COMPARISON_H

#include "statistics.h"

/* Differences of less than this are not worth a verdict, however sure they are. */
#define LEAST_DELTA 0.02

/* Where noise alone may make more than this, nothing is called the same. */
#define MOST_SAME_DELTA 0.10

/* Of B, seen from A. */
enum verdict { VERDICT_FASTER, VERDICT_SLOWER, VERDICT_SAME, VERDICT_INCONCLUSIVE };

struct comparison {
    const struct cell *a, *b;
    const char *regime; /* of the rounds that were compared; NULL: of all */
    double a_ns, b_ns;  /* median costs in them; NaN: there are none */
    double ratio;       /* cost of B / cost of A, median; NaN: there is none */
    double low, high;   /* its 95 % interval; NaN with too few rounds */
    double mde;   /* the smallest difference that could have been seen, as a share of A; NaN without an interval */
    double delta; /* differences up to this share count as none */
    size_t pairs; /* rounds that both have; 0 if they were not measured side by side */
    enum verdict verdict;
};

struct comparisons {
    struct comparison *items;
    size_t count;
};

/* Whether there is something to compare: of paced cells there is not, since their time follows from their rate. */
bool cell_has_cost(const struct cell *cell);

/* The median wall time over the rounds of the slice, or NaN. */
double median_cost(const struct cell *cell, struct slice slice);

/* The median of the ratios of wall time, round by round, and its exact interval (estimate_median), over the rounds of
 * the slice. A cell without a cost makes it inconclusive, without a ratio. 0 or -1 (memory). */
int compare_paired(struct comparison *ret, const struct cell *a, const struct cell *b, struct slice slice,
                   double delta);

/* Each cell of the first half, an A, with the one at its place in the second half, its B; where the machine had two
 * regimes, in each of them that has enough rounds for an interval. Differences within the noise floor of the A, or
 * within LEAST_DELTA, count as none. 0 or -1 (memory). */
int compare_halves(struct comparisons *ret, const struct cells *cells, const struct journal *journal);

int comparisons_add(struct comparisons *comparisons, const struct comparison *comparison);
void comparisons_free(struct comparisons *comparisons);

/* Fills in mde and verdict from ratio, low, high and delta: faster if all of the interval is below 1 - delta, slower if
 * above 1 + delta, the same if within and delta is at most MOST_SAME_DELTA; else inconclusive.
 *
 * mde is the effect that would have been called with a power of 80 %. For "slower" the estimate must lie at least half
 * the interval's width, h, above 1 + delta; h is taken as a share of the ratio, for noise grows with what it is in. It
 * scatters about the truth with a standard error of h / z(0.975), so an effect of delta + h gets its verdict every
 * other time, and one that is larger by z(0.80) standard errors 80 % of the time: mde = delta + h (1 + z(0.80) /
 * z(0.975)) = delta + 1.43 h. (The usual sum of two quantiles, e.g. Cohen, Statistical Power Analysis for the
 * Behavioral Sciences, 1988, moved by delta.) */
void comparison_judge(struct comparison *comparison);

/* How far the costs of two cells that are the same thing, A and A', lie apart: the end of the interval of their ratio
 * that is farther from 1, less 1. NaN with too few rounds. */
double noise_floor(const struct cell *a, const struct cell *twin);

/* The larger of LEAST_DELTA and the noise floor, which may be NaN. */
double comparison_delta(double floor);

const char *verdict_name(enum verdict verdict);

#endif

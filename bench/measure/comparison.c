/* SPDX-License-Identifier: MIT
 *
 * Ratios by round, and what they prove.
 */
#include "comparison.h"

#include <math.h>
#include <stdlib.h>

/* 1 + z(0.80) / z(0.975), with the quantiles of the normal distribution. */
#define POWER_FACTOR (1 + 0.8416212 / 1.9599640)

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"faster", "slower", "same", "inconclusive"};
    return names[verdict];
}

bool cell_has_cost(const struct cell *cell)
{
    return cell->status == CELL_OK && cell->round_count > 0 && cell->setup.pattern != PATTERN_PACED;
}

static bool counts(const struct epoch_cost *cost, struct slice slice)
{
    return cost->wall_ns > 0 && slice_holds(slice, cost->round);
}

/* Both lists are in the order of the rounds; a round that only one has (interrupted, or later marked) is left out. */
static size_t take_ratios(double *ret, const struct cell *a, const struct cell *b, struct slice slice)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < a->round_count && j < b->round_count;) {
        const struct epoch_cost *left = &a->rounds[i], *right = &b->rounds[j];
        if (left->round == right->round && counts(left, slice) && counts(right, slice))
            ret[count++] = right->wall_ns / left->wall_ns;
        i += left->round <= right->round;
        j += right->round <= left->round;
    }
    return count;
}

double median_cost(const struct cell *cell, struct slice slice)
{
    return cell_has_cost(cell) ? estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice).median : NAN;
}

int compare_paired(struct comparison *ret, const struct cell *a, const struct cell *b, struct slice slice, double delta)
{
    struct comparison comparison = {.a = a, .b = b, .ratio = NAN, .low = NAN, .high = NAN, .delta = delta};
    comparison.a_ns = median_cost(a, slice);
    comparison.b_ns = median_cost(b, slice);
    if (slice.journal != NULL && slice.journal->regime_count > 1)
        comparison.regime = slice.journal->regimes[slice.regime].name;
    if (cell_has_cost(a) && cell_has_cost(b)) {
        double *ratios = calloc(a->round_count, sizeof *ratios);
        if (ratios == NULL)
            return -1;
        comparison.pairs = take_ratios(ratios, a, b, slice);
        struct estimate estimate = estimate_median(ratios, comparison.pairs);
        free(ratios);
        comparison.ratio = estimate.median;
        comparison.low = estimate.low;
        comparison.high = estimate.high;
    }
    comparison_judge(&comparison);
    *ret = comparison;
    return 0;
}

/* ---- many ---------------------------------------------------------------------------------------------------- */

int comparisons_add(struct comparisons *comparisons, const struct comparison *comparison)
{
    struct comparison *items = realloc(comparisons->items, (comparisons->count + 1) * sizeof *items);
    if (items == NULL)
        return -1;
    comparisons->items = items;
    comparisons->items[comparisons->count++] = *comparison;
    return 0;
}

void comparisons_free(struct comparisons *comparisons)
{
    free(comparisons->items);
    *comparisons = (struct comparisons){0};
}

static int add_pair(struct comparisons *comparisons, const struct cell *a, const struct cell *b,
                    const struct journal *journal, double delta)
{
    struct comparison comparison;
    bool found = false;
    for (int regime = 0; journal->regime_count == 2 && regime < 2; regime++) {
        if (compare_paired(&comparison, a, b, (struct slice){journal, regime}, delta) != 0)
            return -1;
        if (isfinite(comparison.low) && comparisons_add(comparisons, &comparison) != 0)
            return -1;
        found |= isfinite(comparison.low);
    }
    if (found)
        return 0;
    if (compare_paired(&comparison, a, b, (struct slice){NULL, 0}, delta) != 0)
        return -1;
    return comparisons_add(comparisons, &comparison);
}

int compare_halves(struct comparisons *ret, const struct cells *cells, const struct journal *journal)
{
    struct comparisons comparisons = {0};
    size_t half = cells->count / 2;
    for (size_t i = 0; i < half; i++) {
        /* Without a noise floor nobody knows what counts as none: the verdict is then inconclusive. */
        double floor = journal_noise_floor(journal, cells, i), delta = isnan(floor) ? NAN : comparison_delta(floor);
        if (add_pair(&comparisons, &cells->items[i], &cells->items[half + i], journal, delta) != 0) {
            comparisons_free(&comparisons);
            return -1;
        }
    }
    *ret = comparisons;
    return 0;
}

/* ---- verdicts ------------------------------------------------------------------------------------------------ */

void comparison_judge(struct comparison *comparison)
{
    double low = comparison->low, high = comparison->high, delta = comparison->delta;
    comparison->verdict = VERDICT_INCONCLUSIVE;
    comparison->mde = NAN;
    if (!isfinite(low) || !isfinite(high))
        return;
    comparison->mde = delta + POWER_FACTOR * (high - low) / 2 / comparison->ratio;
    if (high < 1 - delta)
        comparison->verdict = VERDICT_FASTER;
    else if (low > 1 + delta)
        comparison->verdict = VERDICT_SLOWER;
    else if (low >= 1 - delta && high <= 1 + delta && delta <= MOST_SAME_DELTA)
        comparison->verdict = VERDICT_SAME;
}

double noise_floor(const struct cell *a, const struct cell *twin)
{
    struct comparison comparison;
    if (compare_paired(&comparison, a, twin, (struct slice){NULL, 0}, 0) != 0)
        return NAN;
    return fmax(fabs(comparison.low - 1), fabs(comparison.high - 1));
}

double comparison_delta(double floor)
{
    return fmax(LEAST_DELTA, floor); /* fmax ignores a NaN */
}

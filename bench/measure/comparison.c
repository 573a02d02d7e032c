/* SPDX-License-Identifier: MIT
 *
 * Ratios by round, and what they prove.
 */
#include "comparison.h"

#include <math.h>
#include <stdlib.h>

#include "statistics.h"

/* 1 + z(0.80) / z(0.975), with the quantiles of the normal distribution. */
#define POWER_FACTOR (1 + 0.8416212 / 1.9599640)

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"faster", "slower", "same", "inconclusive"};
    return names[verdict];
}

static bool has_cost(const struct cell *cell)
{
    return cell->status == CELL_OK && cell->round_count > 0;
}

/* Both lists are in the order of the rounds; a round that only one has (interrupted, or later marked) is left out. */
static size_t take_ratios(double *ret, const struct cell *a, const struct cell *b)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < a->round_count && j < b->round_count;) {
        const struct epoch_cost *left = &a->rounds[i], *right = &b->rounds[j];
        if (left->round == right->round && left->wall_ns > 0 && right->wall_ns > 0)
            ret[count++] = right->wall_ns / left->wall_ns;
        i += left->round <= right->round;
        j += right->round <= left->round;
    }
    return count;
}

int compare_paired(struct comparison *ret, const struct cell *a, const struct cell *b, double delta)
{
    struct comparison comparison = {.a = a, .b = b, .ratio = NAN, .low = NAN, .high = NAN, .delta = delta};
    if (has_cost(a) && has_cost(b)) {
        double *ratios = calloc(a->round_count, sizeof *ratios);
        if (ratios == NULL)
            return -1;
        comparison.pairs = take_ratios(ratios, a, b);
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

void comparison_judge(struct comparison *comparison)
{
    double low = comparison->low, high = comparison->high, delta = comparison->delta;
    comparison->verdict = VERDICT_INCONCLUSIVE;
    comparison->mde = NAN;
    if (!isfinite(low) || !isfinite(high))
        return;
    comparison->mde = delta + POWER_FACTOR * (high - low) / 2;
    if (high < 1 - delta)
        comparison->verdict = VERDICT_FASTER;
    else if (low > 1 + delta)
        comparison->verdict = VERDICT_SLOWER;
    else if (low >= 1 - delta && high <= 1 + delta)
        comparison->verdict = VERDICT_SAME;
}

double noise_floor(const struct cell *a, const struct cell *twin)
{
    struct comparison comparison;
    if (compare_paired(&comparison, a, twin, 0) != 0)
        return NAN;
    return fmax(fabs(comparison.low - 1), fabs(comparison.high - 1));
}

double comparison_delta(double floor)
{
    return fmax(LEAST_DELTA, floor); /* fmax ignores a NaN */
}

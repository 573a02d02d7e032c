/* SPDX-License-Identifier: MIT
 *
 * Order statistics.
 */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The largest k with 2 P(Binomial(n, 1/2) < k) <= 0.05; 0 if there is none. In logarithms: 2^-n underflows at 1075. */
static size_t interval_rank(size_t count)
{
    const double n = (double)count;
    double below = 0;
    for (size_t k = 0; k <= count / 2; k++) {
        double i = (double)k;
        below += exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) - n * log(2));
        if (2 * below > 0.05)
            return k;
    }
    return count / 2;
}

struct estimate estimate_median(double *values, size_t count)
{
    if (count == 0)
        return (struct estimate){NAN, NAN, NAN};
    qsort(values, count, sizeof *values, compare_doubles);
    size_t rank = interval_rank(count);
    return (struct estimate){
        .median = count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2,
        .low = rank > 0 ? values[rank - 1] : NAN,
        .high = rank > 0 ? values[count - rank] : NAN,
    };
}

/* ---- over the rounds of a cell ------------------------------------------------------------------------------- */

typedef double figure_of(const struct epoch_cost *cost, size_t offset);

struct slice slice_main(const struct journal *journal)
{
    return (struct slice){journal, journal_main_regime(journal)};
}

static struct estimate estimate_figure(const struct cell *cell, figure_of *figure, size_t offset, struct slice slice)
{
    double *values = calloc(cell->round_count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; values != NULL && i < cell->round_count; i++)
        if (slice_holds(slice, cell->rounds[i].round) && isfinite(figure(&cell->rounds[i], offset)))
            values[count++] = figure(&cell->rounds[i], offset);
    struct estimate estimate = estimate_median(values, count);
    free(values);
    return estimate;
}

static double member_at(const struct epoch_cost *cost, size_t offset)
{
    double value;
    memcpy(&value, (const char *)cost + offset, sizeof value);
    return value;
}

double epoch_cpu_ns(const struct epoch_cost *cost)
{
    return cost->producer_user_ns + cost->producer_system_ns + cost->consumer_user_ns + cost->consumer_system_ns +
           cost->driver_ns;
}

static double all_cpu(const struct epoch_cost *cost, size_t offset)
{
    (void)offset;
    return epoch_cpu_ns(cost);
}

static double all_switches(const struct epoch_cost *cost, size_t offset)
{
    (void)offset;
    return cost->voluntary + cost->involuntary;
}

struct estimate estimate_rounds(const struct cell *cell, size_t offset, struct slice slice)
{
    return estimate_figure(cell, member_at, offset, slice);
}

double median_cpu(const struct cell *cell, struct slice slice)
{
    return estimate_figure(cell, all_cpu, 0, slice).median;
}

double median_switches(const struct cell *cell, struct slice slice)
{
    return estimate_figure(cell, all_switches, 0, slice).median;
}

double median_least_share(const struct cell *cell, struct slice slice)
{
    return estimate_rounds(cell, offsetof(struct epoch_cost, least_share), slice).median;
}

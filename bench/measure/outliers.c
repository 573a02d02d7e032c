/* SPDX-License-Identifier: MIT
 *
 * Finding outliers, and their causes by the size of what happened: a cause that explains less than a fifth of the time
 * too much is not one.
 */
#include "outliers.h"

#include <math.h>
#include <stdlib.h>

#include "statistics.h"

#define FENCE        1.5
#define LEAST_SHARE  0.2
#define LEAST_ROUNDS 6

const char *outlier_cause_name(unsigned bit)
{
    static const char *const names[] = {"steal", "preempted", "regime"};
    return bit < sizeof names / sizeof names[0] ? names[bit] : NULL;
}

struct fences {
    double low, high;
};

/* The quartiles as order statistics; with so few values no finer rule would be honest. */
static struct fences find_fences(const struct cell *cell, const struct journal *journal, int regime)
{
    double *values = calloc(cell->round_count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; values != NULL && i < cell->round_count; i++)
        if (journal_in_regime(journal, cell->rounds[i].round, regime))
            values[count++] = cell->rounds[i].wall_ns;
    struct fences fences = {-INFINITY, INFINITY};
    if (count >= LEAST_ROUNDS) {
        qsort(values, count, sizeof *values, compare_doubles);
        double first = values[count / 4], third = values[count - 1 - count / 4];
        fences = (struct fences){first - FENCE * (third - first), third + FENCE * (third - first)};
    }
    free(values);
    return fences;
}

/* What a cell usually has, to see what is unusual. */
struct usual {
    double wall_ns, epoch_ns, delayed_ns, involuntary;
};

static struct usual find_usual(const struct cell *cell, struct slice slice)
{
    return (struct usual){
        .wall_ns = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice).median,
        .epoch_ns = estimate_rounds(cell, offsetof(struct epoch_cost, epoch_ns), slice).median,
        .delayed_ns = estimate_rounds(cell, offsetof(struct epoch_cost, delayed_ns), slice).median,
        .involuntary = estimate_rounds(cell, offsetof(struct epoch_cost, involuntary), slice).median,
    };
}

static unsigned find_causes(const struct epoch_cost *cost, const struct usual *usual, const struct round *round)
{
    double excess_ns = cost->epoch_ns * (1 - usual->wall_ns / cost->wall_ns);
    unsigned causes = round->regime == REGIME_BETWEEN ? CAUSE_REGIME : 0;
    if (excess_ns > 0 && cost->steal_ns > LEAST_SHARE * excess_ns)
        causes |= CAUSE_STEAL;
    if (excess_ns > 0 &&
        (cost->delayed_ns - usual->delayed_ns > LEAST_SHARE * excess_ns || cost->involuntary > 2 * usual->involuntary))
        causes |= CAUSE_PREEMPTED;
    return causes;
}

size_t outliers_find(const struct cell *cell, const struct journal *journal, struct outlier *ret, size_t capacity)
{
    size_t found = 0;
    const struct fences fences[2] = {find_fences(cell, journal, 0), find_fences(cell, journal, 1)};
    const struct usual usual[2] = {find_usual(cell, (struct slice){journal, 0}),
                                   find_usual(cell, (struct slice){journal, 1})};
    for (size_t i = 0; i < cell->round_count; i++) {
        const struct epoch_cost *cost = &cell->rounds[i];
        const struct round *round = &journal->rounds[cost->round];
        int regime = round->regime == REGIME_BETWEEN ? journal_main_regime(journal) : round->regime;
        if (cost->wall_ns >= fences[regime].low && cost->wall_ns <= fences[regime].high)
            continue;
        if (found < capacity)
            ret[found] = (struct outlier){cost->wall_ns, cost->round, find_causes(cost, &usual[regime], round)};
        found++;
    }
    return found;
}

/* SPDX-License-Identifier: MIT
 *
 * Regimes and noise floors.
 */
#include "journal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comparison.h"

/* Yardsticks of one regime differ by some per cent, of two by half or more. */
#define REGIMES_APART 1.5

/* A handful of odd rounds is no regime. */
#define LEAST_ROUNDS 2
#define LEAST_SHARE  0.1

int journal_reserve(struct journal *journal)
{
    if (journal->round_count < journal->round_capacity)
        return 0;
    size_t capacity = journal->round_capacity ? 2 * journal->round_capacity : 64;
    struct round *rounds = realloc(journal->rounds, capacity * sizeof *rounds);
    if (rounds != NULL)
        journal->rounds = rounds;
    uint32_t *orders = realloc(journal->orders, capacity * journal->places * sizeof *orders);
    if (orders != NULL)
        journal->orders = orders;
    double *lines_ns = realloc(journal->lines_ns, (capacity + 1) * sizeof *lines_ns);
    if (lines_ns != NULL)
        journal->lines_ns = lines_ns;
    if (rounds == NULL || orders == NULL || lines_ns == NULL)
        return -1;
    journal->round_capacity = capacity;
    return 0;
}

void journal_free(struct journal *journal)
{
    for (size_t i = 0; i < journal->twin_count; i++)
        cell_clear(&journal->twins[i].copy);
    free(journal->twins);
    free(journal->rounds);
    free(journal->orders);
    free(journal->lines_ns);
    *journal = (struct journal){0};
}

/* ---- twins --------------------------------------------------------------------------------------------------- */

static void share_failure(struct cell *failed, struct cell *other)
{
    cell_set(other, failed->status, "%s", failed->reason);
    integrity_add(&other->integrity, &failed->integrity);
    failed->integrity = other->integrity;
}

void journal_share_failures(const struct journal *journal, struct cells *cells)
{
    for (size_t i = 0; i < journal->twin_count; i++) {
        struct cell *cell = &cells->items[journal->twins[i].cell], *twin = &journal->twins[i].copy;
        if (cell->status != CELL_OK && twin->status == CELL_OK)
            share_failure(cell, twin);
        else if (twin->status != CELL_OK && cell->status == CELL_OK)
            share_failure(twin, cell);
    }
}

/* ---- regimes ------------------------------------------------------------------------------------------------- */

/* Where the sorted values fall apart: the index of the first of the upper group, so that the largest step (as a ratio)
 * lies below it and both groups are large enough; 0 if they do not. */
static size_t find_gap(const double *values, size_t count)
{
    size_t least = (size_t)ceil(LEAST_SHARE * (double)count), found = 0;
    double widest = 0;
    least = least > LEAST_ROUNDS ? least : LEAST_ROUNDS;
    for (size_t i = least; i + least <= count; i++) {
        double step = values[i] / values[i - 1];
        if (step > widest) {
            widest = step;
            found = i;
        }
    }
    if (found == 0 || values[found + (count - found) / 2] < REGIMES_APART * values[found / 2])
        return 0;
    /* A smear from near to far is one restless regime, not two. */
    return widest > sqrt(REGIMES_APART) ? found : 0;
}

static double middle(const double *values, size_t count)
{
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* The regime of one yardstick. One that lies far from the only regime there is belongs to none. */
static int regime_of(const struct journal *journal, double line_ns)
{
    const struct regime *regimes = journal->regimes;
    if (!isfinite(line_ns))
        return REGIME_BETWEEN;
    if (journal->regime_count == 2)
        return line_ns * line_ns > regimes[0].line_ns * regimes[1].line_ns;
    return line_ns > regimes[0].line_ns * REGIMES_APART || line_ns * REGIMES_APART < regimes[0].line_ns ? REGIME_BETWEEN
                                                                                                        : 0;
}

/* Names the regimes from sorted yardsticks; a gap of 0 is none. */
static void name_regimes(struct journal *journal, const double *values, size_t count, size_t gap)
{
    const char *name = gap > 0 ? "near" : "steady";
    journal->regimes[0] = (struct regime){name, middle(values, gap > 0 ? gap : count), 0};
    journal->regimes[1] = (struct regime){"far", middle(values + gap, count - gap), 0};
    journal->regime_count = gap > 0 ? 2 : 1;
}

static void sort_rounds(struct journal *journal)
{
    for (size_t i = 0; i < journal->round_count; i++) {
        int before = regime_of(journal, journal->lines_ns[i]), after = regime_of(journal, journal->lines_ns[i + 1]);
        journal->rounds[i].regime = before == after ? before : REGIME_BETWEEN;
        if (before == after && before != REGIME_BETWEEN)
            journal->regimes[before].round_count++;
    }
}

void journal_find_regimes(struct journal *journal)
{
    double *values = calloc(journal->round_count + 1, sizeof *values);
    size_t count = 0;
    journal->regime_count = 0;
    for (size_t i = 0; values != NULL && i < journal->round_count; i++) {
        struct round *round = &journal->rounds[i];
        round->line_ns = sqrt(journal->lines_ns[i] * journal->lines_ns[i + 1]);
        round->regime = 0;
        if (isfinite(journal->lines_ns[i]))
            values[count++] = journal->lines_ns[i];
    }
    if (count > 0) {
        qsort(values, count, sizeof *values, compare_doubles);
        name_regimes(journal, values, count, find_gap(values, count));
        sort_rounds(journal);
    }
    /* Yardsticks that are odd now and then, with no whole round between two of them, are noise. */
    if (journal->regime_count == 2 &&
        (journal->regimes[0].round_count < LEAST_ROUNDS || journal->regimes[1].round_count < LEAST_ROUNDS)) {
        name_regimes(journal, values, count, 0);
        sort_rounds(journal);
    }
    free(values);
}

int journal_main_regime(const struct journal *journal)
{
    return journal->regime_count == 2 && journal->regimes[1].round_count > journal->regimes[0].round_count;
}

bool journal_in_regime(const struct journal *journal, size_t round, int regime)
{
    return journal->regime_count < 2 || (round < journal->round_count && journal->rounds[round].regime == regime);
}

/* ---- noise --------------------------------------------------------------------------------------------------- */

double journal_noise_floor(const struct journal *journal, const struct cells *cells, size_t cell)
{
    for (size_t i = 0; i < journal->twin_count; i++)
        if (journal->twins[i].cell == cell)
            return noise_floor(&cells->items[cell], &journal->twins[i].copy);
    return NAN;
}

double journal_worst_noise_floor(const struct journal *journal, const struct cells *cells)
{
    double worst = NAN;
    for (size_t i = 0; i < journal->twin_count; i++)
        worst = fmax(worst, journal_noise_floor(journal, cells, journal->twins[i].cell));
    return worst;
}

/* SPDX-License-Identifier: MIT
 *
 * Two saved results, cell by cell. They were not measured side by side, so that whatever changed between the two runs
 * counts as a difference between A and B; results of different machines or builds are not compared at all.
 */
#ifndef WEIR_BENCH_UNPAIRED_H
#define WEIR_BENCH_UNPAIRED_H

#include "comparison.h"
#include "saved.h"

struct reference {
    const struct cell *cell;
};

/* Cells of the same id in both; the others are only on one side. */
struct matches {
    struct match {
        const struct cell *a, *b;
    } * items;
    size_t count;
    struct reference *only_a, *only_b;
    size_t only_a_count, only_b_count;
    size_t paced_count; /* cells of both that are not compared: cell_has_cost */
};

/* 0 or -1 (memory). */
int matches_make(struct matches *ret, const struct saved *a, const struct saved *b);
void matches_free(struct matches *matches);

/* Whether they stem from the same machine, system, build and placement. 0, or -1 with what differs. */
int check_comparable(const struct saved *a, const struct saved *b, const struct matches *matches,
                     struct weir_error *error);

/* The first cell whose epochs were more than EPOCHS_ALIKE times as long in one result as in the other; NULL: none. */
const struct match *matches_of_other_epochs(const struct matches *matches);

/* Compares what matches, by hierarchical bootstrap (bootstrap.h). Where a run had two regimes, each is compared with
 * the one of the other run in which a line took as long, within REGIMES_ALIKE; if there is none, the comparison is
 * labelled "unlike", and inconclusive. Delta is from the larger of the two noise floors. *ret_resamples: how many there
 * were. 0 or -1 (memory). */
int compare_saved(struct comparisons *ret, const struct saved *a, const struct saved *b, const struct matches *matches,
                  uint64_t seed, size_t *ret_resamples);

#define REGIMES_ALIKE 1.5
#define EPOCHS_ALIKE  3.0 /* calibration alone leaves a factor of two */

#endif

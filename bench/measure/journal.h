/* SPDX-License-Identifier: MIT
 *
 * What happened in a run, round by round: in which order the cells stood, how far apart the CPUs were, what the
 * hypervisor took, and how two measurements of the same cell differed.
 */
#ifndef WEIR_BENCH_JOURNAL_H
#define WEIR_BENCH_JOURNAL_H

#include "cell.h"

#define REGIME_BETWEEN (-1) /* the CPUs moved while the round was on, or its yardstick fits no regime */

struct round {
    double line_ns;  /* round trip of a cache line between the CPUs in use, around this round; NaN: not measured */
    double steal_ns; /* CPU time that the hypervisor took meanwhile; NaN: not known */
    int regime;      /* an index into the regimes, or REGIME_BETWEEN */
};

/* How the host had placed the CPUs for a part of the rounds. */
struct regime {
    const char *name;   /* "near", "far" */
    double line_ns;     /* median of its rounds */
    size_t round_count; /* whole rounds */
};

/* A' of an A: the same cell measured again in each round. Their difference is noise, whatever else it looks like. */
struct twin {
    size_t cell;      /* the index of A */
    struct cell copy; /* A' */
};

struct journal {
    struct round *rounds;
    size_t round_count, round_capacity;
    uint32_t *orders; /* round_count times `places`: indices of cells; cells->count + i is twin i */
    size_t places;
    struct regime regimes[2];
    size_t regime_count; /* 0 (no yardstick), 1 or 2; with 2 the first is the nearer */
    struct twin *twins;
    size_t twin_count;
    double *lines_ns;           /* the yardstick before each round, and after the last: round_count + 1 values */
    int64_t calibration_ns;     /* wall time until the first round */
    bool last_round_is_partial; /* the budget ended in it */
};

/* Room for a round more; it is not counted yet. 0 or -1 (memory). */
int journal_reserve(struct journal *journal);
void journal_free(struct journal *journal);

/* Sorts the rounds into regimes by the yardsticks around them. */
void journal_find_regimes(struct journal *journal);

/* The most rounds stand in this regime: what a single figure stands for. 0 without regimes. */
int journal_main_regime(const struct journal *journal);

/* Whether the round belongs to the regime; all do where there is no second one. */
bool journal_in_regime(const struct journal *journal, size_t round, int regime);

/* A cell and its twin are one: where one of them has failed, the other has failed as well, of the same. Each then has
 * the account of both, so that the counts hold what went wrong. */
void journal_share_failures(const struct journal *journal, struct cells *cells);

/* The noise floor that the twin of a baseline found: how far from 1 the ratio A'/A may still be, by its 95 % interval,
 * as a share. NaN if the cell has no twin or too few rounds. */
double journal_noise_floor(const struct journal *journal, const struct cells *cells, size_t cell);

/* Of the run: the largest that there is. */
double journal_worst_noise_floor(const struct journal *journal, const struct cells *cells);

#endif

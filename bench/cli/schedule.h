/* SPDX-License-Identifier: MIT
 *
 * The options that say how long to measure, and in which order.
 */
#ifndef WEIR_BENCH_SCHEDULE_H
#define WEIR_BENCH_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syntax.h"

struct schedule_options {
    uint64_t rounds;   /* 0: not given */
    int64_t budget_ns; /* 0: not given */
    double precision;  /* a fraction, 0.02 for 2%; 0: not given */
    int64_t epoch_ns;  /* 0: not given */
    uint64_t seed;
    bool seed_given;
};

extern const struct option_group schedule_group;

/* Whether the options go together. 0, or -1 with a sentence. */
int schedule_check(const struct schedule_options *schedule, struct weir_error *error);

/* How long so many cells may take: what was asked for, or 0 (until the rounds are done) if only rounds were, or five
 * minutes at most for a precision, or ten seconds, and more for many cells. */
int64_t schedule_budget_ns(const struct schedule_options *schedule, size_t cells);

/* The seed that was asked for, or one that is drawn. */
uint64_t schedule_seed(const struct schedule_options *schedule);

#endif

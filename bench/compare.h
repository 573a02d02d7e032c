/* SPDX-License-Identifier: MIT
 *
 * What the two forms of `weir compare` share: compare.c measures, compare_files.c reads.
 */
#ifndef WEIR_BENCH_COMPARE_H
#define WEIR_BENCH_COMPARE_H

#include "cli/output.h"
#include "cli/schedule.h"
#include "cli/sides.h"
#include "measure/comparison.h"

struct compare_options {
    struct sides sides;
    struct axes axes; /* for both sides */
    struct schedule_options schedule;
    struct output_options output;
    bool fail_on_slower, strict, rerun, dry_run;
};

/* Both return the exit status. */
int compare_files(const struct compare_options *options);
int compare_measure(const struct compare_options *options, struct cells *cells);

/* The cells of A, then as many of B, whose names are told apart; takes both over. Each A is to be measured twice in a
 * round, so that each comparison has a noise floor of its own. */
void compare_join(struct cells *ret, struct cells *a, struct cells *b);

/* The exit status that the verdicts ask for. */
int compare_judge(const struct compare_options *options, const struct comparisons *comparisons);

void compare_no_memory(void) __attribute__((noreturn));

#endif

/* SPDX-License-Identifier: MIT
 *
 * The command line of `weir run` as values, checked as far as that can be done before anything is started.
 */
#ifndef WEIR_BENCH_OPTIONS_H
#define WEIR_BENCH_OPTIONS_H

#include "axes.h"
#include "output.h"
#include "schedule.h"

struct options {
    struct axes axes;
    struct schedule_options schedule;
    struct output_options output;
    bool dry_run;
};

extern const struct syntax run_syntax;

/* Parses the arguments of `weir run`; see syntax_parse. */
void options_parse(struct options *ret, const char *const *alternatives, int argc, char **argv);
void options_free(struct options *options);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The command line of `weir run` as values, checked as far as that can be done before anything is started.
 */
#ifndef WEIR_BENCH_OPTIONS_H
#define WEIR_BENCH_OPTIONS_H

#include "measure/cell.h"

enum toggle { TOGGLE_AUTO, TOGGLE_ALWAYS, TOGGLE_NEVER };

struct options {
    struct axes axes;
    bool default_specs; /* no channel was named */
    uint64_t rounds;    /* 0: by budget */
    int64_t budget_ns;  /* 0: by the number of cells */
    uint64_t seed;
    bool seed_given;
    const char *json, *csv, *markdown; /* paths, "-" for stdout, or NULL */
    bool quiet, verbose, dry_run;
    enum toggle progress, color;
};

/* Parses the arguments of `weir run` (argv[0] is the name shown in messages). Exits with 0 after --help and with 2 and
 * one line on stderr for a bad word. */
void options_parse(struct options *ret, int argc, char **argv);
void options_free(struct options *options);

#endif

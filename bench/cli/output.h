/* SPDX-License-Identifier: MIT
 *
 * The options that say where results go and how much is said, and what follows from them.
 */
#ifndef WEIR_BENCH_OUTPUT_H
#define WEIR_BENCH_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "syntax.h"

enum toggle { TOGGLE_AUTO, TOGGLE_ALWAYS, TOGGLE_NEVER };

struct output_options {
    const char *json, *csv, *markdown; /* paths, "-" for stdout, or NULL */
    bool quiet, verbose;
    enum toggle progress, color;
};

extern const struct option_group output_group;

/* Whether the files go together and could be written; to be asked before anything is measured. 0, or -1 with a
 * sentence. */
int output_check(const struct output_options *output, struct weir_error *error);

/* As what `path` would be written, under whatever name; NULL if it is not. */
const char *output_over(const struct output_options *output, const char *path);

/* A file that both would write; NULL if there is none. */
const char *output_common_file(const struct output_options *a, const struct output_options *b);

/* One of the formats goes to stdout, so that the table must not. */
bool output_takes_stdout(const struct output_options *output);

bool output_wants_progress(const struct output_options *output);
bool output_wants_color(const struct output_options *output);

/* How a subcommand prints its result in each format. */
struct output_formats {
    void (*json)(FILE *file, void *result);
    void (*csv)(FILE *file, void *result);
    void (*markdown)(FILE *file, void *result);
    void (*table)(FILE *file, void *result);
};

/* Writes the files that were asked for, and the table if stdout is free. 0, or 1 if one could not be written, which is
 * told on stderr. */
int output_write(const struct output_options *output, const struct output_formats *formats, void *result);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What `weir limits` has found, for people and for programs.
 */
#ifndef WEIR_BENCH_RENDER_LIMITS_H
#define WEIR_BENCH_RENDER_LIMITS_H

#include <stdio.h>

#include "machine/checks.h"
#include "measure/survey.h"

struct limits_result {
    const struct survey *survey;
    const struct environment *environment;
    const struct checks *checks;
    char started[32]; /* UTC, ISO 8601 */
    double wall_s;
    uint64_t rounds; /* whole ones */
    int interrupted; /* the signal, or 0 */
    bool verbose;
    bool color;
};

/* For struct output_formats: the argument is the struct limits_result. */
void render_limits_table(FILE *file, void *result);
void render_limits_json(FILE *file, void *result);
void render_limits_csv(FILE *file, void *result);
void render_limits_markdown(FILE *file, void *result);

#endif

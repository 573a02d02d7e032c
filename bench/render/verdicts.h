/* SPDX-License-Identifier: MIT
 *
 * Comparisons as people and programs read them: a row each, and sentences that answer.
 */
#ifndef WEIR_BENCH_RENDER_VERDICTS_H
#define WEIR_BENCH_RENDER_VERDICTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "measure/comparison.h"

struct verdicts {
    struct comparisons comparisons;
    const char *names[2]; /* of A and B, as typed */
    bool files;           /* which do not say what they measured, as channels do */
};

/* The table, what its columns mean, and the answers. */
void render_verdicts(FILE *file, const struct verdicts *verdicts, bool color);
void render_verdicts_csv(FILE *file, const struct verdicts *verdicts);
void render_verdicts_markdown(FILE *file, const struct verdicts *verdicts);

/* The array "comparisons". */
json_t *verdicts_json(const struct verdicts *verdicts);

/* The sentences alone, of verdicts.c's making (answers.c). */
void render_answers(FILE *file, const struct verdicts *verdicts);

/* "1.17", "0.984", "14.1" */
void format_ratio(char *text, size_t capacity, double ratio);

#endif

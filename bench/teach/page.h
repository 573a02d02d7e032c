/* SPDX-License-Identifier: MIT
 *
 * A lesson as it is read: in the terminal, as a hand-out in Markdown, as JSON (weir.lesson/1).
 */
#ifndef WEIR_BENCH_PAGE_H
#define WEIR_BENCH_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "experiment.h"

/* What was asked and guessed, and what came of it. */
struct page {
    const struct lesson *lesson;
    const struct experiment *experiment; /* judged, unless `end` says otherwise */
    enum experiment_end end;
    const char *predicted; /* the word of a choice; NULL: no guess */
    bool color;
};

/* Before the experiment: the claim and the question. */
void page_open(FILE *file, const struct page *page);

/* After it: the table, the picture, the verdict, why, and what to try next. */
void page_show(FILE *file, const struct page *page);

/* All of it as a section of Markdown. */
void page_markdown(FILE *file, const struct page *page);

/* A line for each figure: lesson, verdict, row, column, median. */
void page_csv(FILE *file, const struct page *page);

/* The document weir.lesson/1, without "tool" and "env". */
json_t *page_json(const struct page *page);

/* Bars of one column, on a logarithmic scale where they span decades. */
void picture_print(FILE *file, const struct experiment *experiment, size_t width, bool color);

/* "holds", "refuted", "depends", as in JSON; NULL: there is none. */
const char *verdict_word(enum verdict verdict);

/* A figure with its unit; "n/a". */
void figure_text(char *text, size_t capacity, enum unit unit, double value);

/* The same for a sentence; the text is valid until told has been called eight times more. Not thread-safe. */
const char *told(enum unit unit, double value);

/* The choice of that word; NULL: there is none. */
const struct lesson_choice *choice_find(const struct lesson *lesson, const char *word);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The experiment of a lesson: its rows, each measured once a round in an order that is drawn anew, until the time is
 * up. What a row shows is the median over its rounds.
 */
#ifndef WEIR_BENCH_EXPERIMENT_H
#define WEIR_BENCH_EXPERIMENT_H

#include "cli/progress.h"
#include "lesson.h"

struct experiment_row {
    char key[32], label[48]; /* in JSON; in tables */
    char remark[48];
    double *samples[LESSON_MOST_COLUMNS]; /* of each round; NaN: not known */
    size_t count, capacity;
    double medians[LESSON_MOST_COLUMNS]; /* once all is measured, and what follows from them; NaN: not known */
};

struct experiment {
    const struct lesson *lesson;
    struct knobs knobs;
    int64_t budget_ns; /* rounds go on for so long; one is made at least */
    int interrupt_fd;
    void *state; /* the lesson's own */
    struct experiment_row *rows;
    size_t row_count;
    size_t columns;
    size_t rounds;
    uint64_t random;
    struct progress progress;
    char obstacle[256]; /* why it cannot be made here, or what went wrong; empty: nothing is in the way */
    enum verdict verdict;
    const char *answer; /* the choice that came true; NULL: none of them */
    char figure[512];   /* the verdict's reason, with figures */
};

enum experiment_end { EXPERIMENT_DONE, EXPERIMENT_CANNOT, EXPERIMENT_FAILED, EXPERIMENT_INTERRUPTED };

/* Prepares, measures, judges and finishes. The fields above `state` are given; experiment_free is due in any case. */
enum experiment_end experiment_run(struct experiment *experiment);
void experiment_free(struct experiment *experiment);

/* ---- for lessons --------------------------------------------------------------------------------------------- */

/* One more row, in `prepare`; `key` is a word, `label` made as by printf. 0, or what experiment_failed returns. */
int experiment_row(struct experiment *experiment, const char *key, const char *label, ...)
    __attribute__((format(printf, 3, 4)));

/* Says why the lesson cannot be held on this machine, and what it would need; or what went wrong in the midst of it.
 * What they return, less than 0, is for `prepare` or `measure` to return. */
int experiment_cannot(struct experiment *experiment, const char *format, ...) __attribute__((format(printf, 2, 3)));
int experiment_failed(struct experiment *experiment, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What stands behind the figures of a row. */
void experiment_remark(struct experiment *experiment, size_t row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The median of a column in the row of that key; NaN: there is none. */
double experiment_figure(const struct experiment *experiment, const char *key, const char *column);

/* A figure that was not measured (`measure` left it alone) but follows from others. In `judge`. */
void experiment_derive(struct experiment *experiment, const char *key, const char *column, double value);

/* The verdict, the choice that came true (NULL: none), and the sentence with the figures. In `judge`. */
void experiment_conclude(struct experiment *experiment, enum verdict verdict, const char *answer, const char *format,
                         ...) __attribute__((format(printf, 4, 5)));

/* Whether the user wants to stop; does not wait. A `measure` that takes long asks now and then and returns 1. */
bool experiment_is_interrupted(const struct experiment *experiment);

#endif

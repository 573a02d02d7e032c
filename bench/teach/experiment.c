/* SPDX-License-Identifier: MIT
 *
 * Rounds, medians, and a verdict.
 */
#include "experiment.h"

#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/order.h"
#include "measure/statistics.h"

/* What `prepare` and `measure` return, besides 0 and 1 (interrupted). */
enum { FAILED = -1, CANNOT = -2 };

/* ---- rows ---------------------------------------------------------------------------------------------------- */

int experiment_row(struct experiment *experiment, const char *key, const char *label, ...)
{
    struct experiment_row *rows = realloc(experiment->rows, (experiment->row_count + 1) * sizeof *rows);
    if (rows == NULL)
        return experiment_failed(experiment, "there is no memory for the rows");
    experiment->rows = rows;
    struct experiment_row *row = &rows[experiment->row_count++];
    *row = (struct experiment_row){0};
    snprintf(row->key, sizeof row->key, "%s", key);
    va_list arguments;
    va_start(arguments, label);
    vsnprintf(row->label, sizeof row->label, label, arguments);
    va_end(arguments);
    return 0;
}

void experiment_remark(struct experiment *experiment, size_t row, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(experiment->rows[row].remark, sizeof experiment->rows[row].remark, format, arguments);
    va_end(arguments);
}

static int add_sample(struct experiment_row *row, const double *values, size_t columns)
{
    if (row->count == row->capacity) {
        size_t capacity = row->capacity == 0 ? 16 : 2 * row->capacity;
        for (size_t i = 0; i < columns; i++) {
            double *samples = realloc(row->samples[i], capacity * sizeof *samples);
            if (samples == NULL)
                return -1;
            row->samples[i] = samples;
        }
        row->capacity = capacity;
    }
    for (size_t i = 0; i < columns; i++)
        row->samples[i][row->count] = values[i];
    row->count++;
    return 0;
}

/* Of the rounds in which it is known. */
static double median_known(double *samples, size_t count)
{
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(samples[i]))
            samples[known++] = samples[i];
    return known > 0 ? estimate_median(samples, known).median : NAN;
}

static void settle(struct experiment *experiment)
{
    for (size_t i = 0; i < experiment->row_count; i++)
        for (size_t column = 0; column < experiment->columns; column++)
            experiment->rows[i].medians[column] =
                median_known(experiment->rows[i].samples[column], experiment->rows[i].count);
}

static double *find_median(const struct experiment *experiment, const char *key, const char *column)
{
    for (size_t i = 0; i < experiment->row_count; i++)
        for (size_t k = 0; strcmp(experiment->rows[i].key, key) == 0 && k < experiment->columns; k++)
            if (strcmp(experiment->lesson->columns[k].key, column) == 0)
                return &experiment->rows[i].medians[k];
    return NULL;
}

double experiment_figure(const struct experiment *experiment, const char *key, const char *column)
{
    const double *median = find_median(experiment, key, column);
    return median != NULL ? *median : NAN;
}

void experiment_derive(struct experiment *experiment, const char *key, const char *column, double value)
{
    double *median = find_median(experiment, key, column);
    if (median != NULL)
        *median = value;
}

/* ---- what came of it ----------------------------------------------------------------------------------------- */

int experiment_cannot(struct experiment *experiment, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(experiment->obstacle, sizeof experiment->obstacle, format, arguments);
    va_end(arguments);
    return CANNOT;
}

int experiment_failed(struct experiment *experiment, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(experiment->obstacle, sizeof experiment->obstacle, format, arguments);
    va_end(arguments);
    return FAILED;
}

void experiment_conclude(struct experiment *experiment, enum verdict verdict, const char *answer, const char *format,
                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(experiment->figure, sizeof experiment->figure, format, arguments);
    va_end(arguments);
    experiment->verdict = verdict;
    experiment->answer = answer;
}

const char *verdict_text(enum verdict verdict)
{
    static const char *const texts[] = {"There is no verdict.", "The claim holds here.", "The claim is refuted here.",
                                        "It depends."};
    return texts[verdict];
}

/* ---- rounds -------------------------------------------------------------------------------------------------- */

bool experiment_is_interrupted(const struct experiment *experiment)
{
    struct pollfd fd = {.fd = experiment->interrupt_fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

static enum experiment_end end_of(int result)
{
    return result == 0        ? EXPERIMENT_DONE
           : result == CANNOT ? EXPERIMENT_CANNOT
           : result == FAILED ? EXPERIMENT_FAILED
                              : EXPERIMENT_INTERRUPTED;
}

static enum experiment_end go_round(struct experiment *experiment, const uint32_t *order, int64_t begin_ns)
{
    for (size_t i = 0; i < experiment->row_count; i++) {
        double values[LESSON_MOST_COLUMNS];
        for (size_t column = 0; column < LESSON_MOST_COLUMNS; column++)
            values[column] = NAN;
        progress_show(&experiment->progress, experiment->lesson->name, (uint64_t)(weir_now_ns() - begin_ns),
                      (uint64_t)experiment->budget_ns);
        if (experiment_is_interrupted(experiment))
            return EXPERIMENT_INTERRUPTED;
        int result = experiment->lesson->measure(experiment, order[i], values);
        if (result == 0 && add_sample(&experiment->rows[order[i]], values, experiment->columns) != 0)
            result = experiment_failed(experiment, "there is no memory for the figures");
        if (result != 0)
            return end_of(result);
    }
    experiment->rounds++;
    return EXPERIMENT_DONE;
}

/* Rounds go on as long as one more surely fits. */
static enum experiment_end go_on(struct experiment *experiment)
{
    enum experiment_end end = EXPERIMENT_DONE;
    uint32_t *order = calloc(experiment->row_count + 1, sizeof *order);
    if (order == NULL)
        return end_of(experiment_failed(experiment, "there is no memory for the order of the rows"));
    int64_t begin_ns = weir_now_ns(), round_ns = 0;
    do {
        int64_t round_begin_ns = weir_now_ns();
        order_draw(order, experiment->row_count, experiment->rounds, &experiment->random);
        end = go_round(experiment, order, begin_ns);
        round_ns = weir_now_ns() - round_begin_ns;
    } while (end == EXPERIMENT_DONE && weir_now_ns() - begin_ns + round_ns <= experiment->budget_ns);
    free(order);
    return end;
}

enum experiment_end experiment_run(struct experiment *experiment)
{
    const struct lesson *lesson = experiment->lesson;
    while (lesson->columns[experiment->columns].key != NULL)
        experiment->columns++;
    experiment->random = (uint64_t)weir_now_ns();
    progress_show(&experiment->progress, lesson->name, 0, 1);
    int cpus = weir_cpus_allowed(NULL, 0);
    enum experiment_end end =
        end_of(cpus >= lesson->cpus ? lesson->prepare(experiment)
                                    : experiment_cannot(experiment, "it needs %d CPUs, and this program may use %d",
                                                        lesson->cpus, cpus));
    if (end == EXPERIMENT_DONE)
        end = go_on(experiment);
    progress_clear(&experiment->progress);
    settle(experiment);
    if (end == EXPERIMENT_DONE)
        lesson->judge(experiment);
    if (lesson->finish != NULL)
        lesson->finish(experiment); /* at once: what a lesson holds would be in the way of the next */
    return end;
}

void experiment_free(struct experiment *experiment)
{
    for (size_t i = 0; i < experiment->row_count; i++)
        for (size_t column = 0; column < experiment->columns; column++)
            free(experiment->rows[i].samples[column]);
    free(experiment->rows);
}

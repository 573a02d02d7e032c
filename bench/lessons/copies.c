/* SPDX-License-Identifier: MIT
 *
 * The lesson `copies`: what a message costs as it grows, by channel, with copies and in place.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lessons.h"
#include "teach/matrix.h"

#define MOST_BYTES  ((size_t)4 << 20)
#define LEAST_BYTES 64
#define STEP        16

static const struct way {
    const char *spec;
    enum access access;
} ways[] = {{"pipe", ACCESS_COPY}, {"unix,type=stream", ACCESS_COPY}, {"shm", ACCESS_COPY}, {"shm", ACCESS_PLACE}};

#define WAYS (sizeof ways / sizeof ways[0])

static int prepare(struct experiment *experiment)
{
    struct setup setups[8 * WAYS];
    size_t rows = 0, most = experiment->knobs.size != 0 ? experiment->knobs.size : MOST_BYTES;
    int result = 0;
    for (size_t size = LEAST_BYTES; size <= most && rows < 8 && result == 0; size *= STEP, rows++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", size);
        result = experiment_row(experiment, key, size < 1024 ? "%zu B" : "%zu KiB", size < 1024 ? size : size / 1024);
        for (size_t i = 0; i < WAYS; i++) {
            struct setup *setup = &setups[rows * WAYS + i];
            *setup = matrix_setup(ways[i].spec, WEIR_PROCESS, PATTERN_STREAM, size);
            setup->access = ways[i].access;
            setup->depth = 16;
        }
    }
    return result != 0 ? result : matrix_prepare(experiment, setups, rows, WAYS);
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    return matrix_measure(experiment, row, ret, NULL);
}

/* Nanoseconds for each KiB, from the smallest to the largest message that the channel has a figure for. */
static double slope(const struct experiment *experiment, size_t column)
{
    double least = NAN, most = NAN, bytes = NAN;
    for (size_t i = 0; i < experiment->row_count; i++) {
        double ns = experiment->rows[i].medians[column];
        if (!isfinite(ns))
            continue;
        least = isnan(least) ? ns : least;
        most = ns;
        bytes = strtod(experiment->rows[i].key, NULL);
    }
    return (most - least) / ((bytes - LEAST_BYTES) / 1024);
}

static void judge(struct experiment *experiment)
{
    double copied = slope(experiment, 2), placed = slope(experiment, 3), pipe = slope(experiment, 0);
    const char *answer = placed < 2 ? "nothing" : placed < 0.6 * copied ? "half" : "much";
    experiment_conclude(experiment, placed < 2 ? VERDICT_HOLDS : VERDICT_REFUTED, answer,
                        "A message of 64 B cost %.0f ns in shared memory and %.0f ns through a pipe. Each KiB more "
                        "cost %.0f ns through a pipe, %.0f ns in shared memory copied in and out, and %.0f ns made and "
                        "read in place.",
                        experiment->rows[0].medians[2], experiment->rows[0].medians[0], pipe, copied, placed);
}

static const struct lesson_column columns[] = {
    {"pipe", "PIPE", UNIT_NS}, {"unix", "UNIX", UNIT_NS}, {"shm", "SHM", UNIT_NS}, {"place", "IN PLACE", UNIT_NS}, {0}};

static const struct lesson_choice choices[] = {
    {"nothing", "nothing: a long message costs what a short one does"},
    {"half", "about half of what the copying channel costs"},
    {"much", "nearly as much as with the copies"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson copies --size 1K", "short messages: there is little to save"},
    {"weir run shm -p process:process -m stream -d 16 -s 64,4K,64K --access copy,place",
     "the same cells, with intervals and CPU time"},
    {0},
};

const struct lesson lesson_copies = {
    .name = "copies",
    .question = "Is shared memory free of copies?",
    .claim = "Shared memory is zero-copy, so the size of a message does not matter.",
    .ask = "In shared memory a message can be made and read where it lies, without any copy. What does each KiB more "
           "cost then?",
    .choices = choices,
    .seconds = 8,
    .heeds = KNOB_SIZE,
    .columns = columns,
    .pictured = 3,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .finish = matrix_finish,
    .why =
        "Zero-copy counts copies by programs. But the bytes that one CPU has written lie in its cache, and to be "
        "read by another CPU they must travel there, line by line of 64 bytes; and before the first CPU may write "
        "the next message there it must take the lines back. No program can avoid that as long as somebody writes "
        "the bytes and somebody reads them.\n"
        "So the cost of a message has a fixed part (the intercept) and a part for each byte (the slope). A pipe "
        "has a high intercept, for its system calls, and a slope of two copies and the journey. Shared memory "
        "with send and receive copies too, into the ring and out of it; in place only the journey is left.\n"
        "(There is room for 16 messages here, so a short one costs more than in the lesson `channels`, which has room "
        "for 512.) A benchmark that finds size without influence has not written the bytes, or has not read them.",
    .see = "shm_overview(7), pipe(7), memcpy(3)",
    .twists = twists,
};

/* SPDX-License-Identifier: MIT
 *
 * The lesson `copies`: what a message costs as it grows, by channel, with copies and in place.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lessons.h"
#include "teach/matrix.h"
#include "teach/page.h"

#define MOST_BYTES  ((size_t)4 << 20)
#define LEAST_BYTES 64
#define STEP        16
#define MOST_SIZES  5
#define DEPTH       16

/* The columns, in this order. */
static const struct way {
    const char *spec;
    enum access access;
} ways[] = {{"pipe", ACCESS_COPY}, {"unix,type=stream", ACCESS_COPY}, {"shm", ACCESS_COPY}, {"shm", ACCESS_PLACE}};

#define WAYS (sizeof ways / sizeof ways[0])

struct line {
    double intercept_ns, slope_ns; /* of a KiB */
};

/* Room for DEPTH messages of each size, which shm has by itself for the shorter ones only. The text is `capacity`'s. */
static const char *spec_of(const struct way *way, size_t size, char *text, size_t capacity)
{
    if (strcmp(way->spec, "shm") != 0)
        return way->spec;
    snprintf(text, capacity, "shm,capacity=%zu", (DEPTH + 4) * (size + 256));
    return text;
}

/* Sizes that are not above the knob, but two at least; and the line through them. */
static int prepare(struct experiment *experiment)
{
    static char specs[MOST_SIZES * WAYS][48]; /* setups keep the pointers */
    struct setup setups[MOST_SIZES * WAYS];
    size_t rows = 0, most = experiment->knobs.size != 0 ? experiment->knobs.size : MOST_BYTES;
    int result = 0;
    for (size_t size = LEAST_BYTES; rows < MOST_SIZES && (rows < 2 || size <= most) && result == 0; size *= STEP) {
        char key[32];
        snprintf(key, sizeof key, "%zu", size);
        result = experiment_row(experiment, key, size < 1024 ? "%zu B" : "%zu KiB", size < 1024 ? size : size / 1024);
        for (size_t i = 0; i < WAYS; i++) {
            struct setup *setup = &setups[rows * WAYS + i];
            const char *spec = spec_of(&ways[i], size, specs[rows * WAYS + i], sizeof specs[0]);
            *setup = matrix_setup(spec, WEIR_PROCESS, PATTERN_STREAM, size);
            setup->access = ways[i].access;
            setup->depth = DEPTH;
        }
        rows++;
    }
    if (result == 0)
        result = experiment_row(experiment, "intercept", "of any message");
    if (result == 0)
        result = experiment_row(experiment, "slope", "of each KiB in it");
    return result != 0 ? result : matrix_prepare(experiment, setups, rows, WAYS);
}

static size_t sizes(const struct experiment *experiment)
{
    return experiment->row_count - 2; /* then intercept and slope */
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    return row < sizes(experiment) ? matrix_measure(experiment, row, ret, NULL) : 0;
}

/* The line that misses the figures least, each by a share of itself: least squares with the weights 1 / ns^2. */
static struct line fit_line(const struct experiment *experiment, size_t column)
{
    double sum = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
    for (size_t i = 0; i < sizes(experiment); i++) {
        double x = strtod(experiment->rows[i].key, NULL) / 1024, y = experiment->rows[i].medians[column];
        if (!isfinite(y))
            continue;
        double weight = 1 / (y * y);
        sum += weight;
        sum_x += weight * x;
        sum_y += weight * y;
        sum_xx += weight * x * x;
        sum_xy += weight * x * y;
    }
    double slope = (sum * sum_xy - sum_x * sum_y) / (sum * sum_xx - sum_x * sum_x);
    return (struct line){(sum_y - slope * sum_x) / sum, slope};
}

static void judge(struct experiment *experiment)
{
    struct line lines[WAYS];
    for (size_t i = 0; i < WAYS; i++) {
        lines[i] = fit_line(experiment, i);
        experiment_derive(experiment, "intercept", experiment->lesson->columns[i].key, lines[i].intercept_ns);
        experiment_derive(experiment, "slope", experiment->lesson->columns[i].key, lines[i].slope_ns);
    }
    const struct line *pipe = &lines[0], *copied = &lines[2], *placed = &lines[3];
    const char *answer = placed->slope_ns < 2 ? "nothing" : placed->slope_ns < 0.6 * copied->slope_ns ? "half" : "much";
    experiment_conclude(
        experiment, placed->slope_ns < 2 ? VERDICT_HOLDS : VERDICT_REFUTED, answer,
        "A message cost %s through a pipe and %s in shared memory, however short. Each KiB in it cost %s more "
        "through a pipe, %s in shared memory copied in and out, and %s made and read in place.",
        told(UNIT_NS, pipe->intercept_ns), told(UNIT_NS, copied->intercept_ns), told(UNIT_NS, pipe->slope_ns),
        told(UNIT_NS, copied->slope_ns), told(UNIT_NS, placed->slope_ns));
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
    {"weir run shm -p process:process -s 64,4K,64K --access copy,place", "the same cells, with intervals and CPU time"},
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
        "Zero-copy counts copies by programs. But the bytes that one CPU has written lie in its cache, and to be read "
        "by another CPU they must travel there, line by line of 64 bytes; and before the first CPU may write the next "
        "message there it must take the lines back. No program can avoid that as long as somebody writes the bytes and "
        "somebody reads them.\n"
        "So the cost of a message has a fixed part (the intercept) and a part for each byte (the slope); the last two "
        "rows are those of the line that comes nearest to all sizes (where the largest do not fit into the caches any "
        "more, they cost more than the line says). A pipe has a high intercept, for its system calls, and a slope of "
        "two copies and the journey. Shared memory with send and receive copies too, into the ring and out of it; in "
        "place the journey is left, and the making and the reading of the bytes. Both sides are at work at once, so "
        "only the slower one's time shows.\n"
        "(There is room for 16 messages here, so a short one costs more than in the lesson `channels`, which has room "
        "for 512.) A benchmark that finds size without influence has not written the bytes, or has not read them.",
    .see = "shm_overview(7), pipe(7), memcpy(3)",
    .twists = twists,
};

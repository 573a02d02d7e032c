/* SPDX-License-Identifier: MIT
 *
 * The table as texts: a row for each combination of the axes that vary. If both patterns were run they stand side by
 * side, so that the tour fits one screen.
 */
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "render.h"
#include "measure/limit.h"
#include "measure/statistics.h"

bool speaks_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void format_ns(char *text, size_t capacity, double nanoseconds)
{
    const char *micro = speaks_utf8() ? "µs" : "us";
    const char *units[] = {"ns", micro, "ms", "s"};
    size_t unit = 0;
    if (!isfinite(nanoseconds)) {
        snprintf(text, capacity, "n/a");
        return;
    }
    while (nanoseconds >= 999.5 && unit < 3) {
        nanoseconds /= 1000;
        unit++;
    }
    int digits = nanoseconds < 9.995 ? 2 : nanoseconds < 99.95 ? 1 : 0;
    snprintf(text, capacity, "%.*f %s", digits, nanoseconds, units[unit]);
}

void format_bytes(char *text, size_t capacity, size_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 && unit < 3) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, capacity, "%zu %s", bytes, units[unit]);
}

void format_times(char *text, size_t capacity, double ratio)
{
    const char *times = speaks_utf8() ? "×" : "x";
    if (isfinite(ratio))
        snprintf(text, capacity, "%.*f%s%s",
                 ratio < 0.995  ? 2
                 : ratio < 9.95 ? 1
                                : 0,
                 ratio, times, ratio < 1 ? " !" : "");
    else
        snprintf(text, capacity, "n/a");
}

/* ---- columns ------------------------------------------------------------------------------------------------- */

enum column_kind {
    COLUMN_CHANNEL,
    COLUMN_PAIRING,
    COLUMN_SIZE,
    COLUMN_WORKERS,
    COLUMN_CODEC,
    COLUMN_WAIT,
    COLUMN_DEPTH,
    COLUMN_BATCH,
    COLUMN_PIN,
    COLUMN_LINE,
    COLUMN_COST,
    COLUMN_SPREAD,
    COLUMN_CPU,
    COLUMN_SWITCHES,
    COLUMN_LIMIT
};

#define MOST_COLUMNS 24
#define WIDE_COLUMNS 100

struct column {
    enum column_kind kind;
    size_t pattern; /* of figures */
};

static const char *head_of(const struct result *result, const struct column *column)
{
    static const char *const heads[] = {"CHANNEL", "PAIRING", "SIZE", "WORKERS", "CODEC", "WAIT", "DEPTH", "BATCH",
                                        "PIN",     "LINE",    "",     "±",       "CPU",   "SW",   "LIMIT"};
    if (column->kind == COLUMN_SPREAD && !speaks_utf8())
        return "+-";
    if (column->kind != COLUMN_COST)
        return heads[column->kind];
    return result->axes->patterns[column->pattern] == PATTERN_STREAM ? "STREAM" : "ROUND TRIP";
}

/* Both patterns with all their columns need more than 80; -v tells each cell's limit below the table too. */
static bool has_room_for_limits(const struct result *result)
{
    struct winsize window;
    return result->axes->pattern_count == 1 ||
           (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= WIDE_COLUMNS);
}

static size_t choose_columns(const struct result *result, struct column *columns)
{
    const struct axes *axes = result->axes;
    size_t count = 0;
    columns[count++] = (struct column){COLUMN_CHANNEL, 0};
    columns[count++] = (struct column){COLUMN_PAIRING, 0};
    const size_t values[] = {axes->size_count,  axes->workers_count, axes->codec_count, axes->wait_count,
                             axes->depth_count, axes->batch_count,   axes->pin_count};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i] > 1)
            columns[count++] = (struct column){(enum column_kind)(COLUMN_SIZE + i), 0};
    if (result->journal.regime_count == 2)
        columns[count++] = (struct column){COLUMN_LINE, 0};
    int last = result->verbose && has_room_for_limits(result) ? COLUMN_LIMIT : COLUMN_SWITCHES;
    for (size_t pattern = 0; pattern < axes->pattern_count; pattern++)
        for (int kind = COLUMN_COST; kind <= last; kind++)
            columns[count++] = (struct column){(enum column_kind)kind, pattern};
    return count;
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

static void write_figure(char *text, size_t capacity, const struct cell *cell, enum column_kind kind,
                         struct slice slice)
{
    struct estimate wall = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice);
    *text = '\0';
    if (cell->status != CELL_OK || cell->round_count == 0) {
        if (kind == COLUMN_COST)
            snprintf(text, capacity, "%s", cell->status == CELL_OK ? "n/a" : status_name(cell->status));
        return;
    }
    if (kind == COLUMN_COST)
        format_ns(text, capacity, wall.median);
    else if (kind == COLUMN_CPU)
        format_ns(text, capacity, median_cpu(cell, slice));
    else if (kind == COLUMN_SWITCHES)
        snprintf(text, capacity, "%.2f", median_switches(cell, slice));
    else if (kind == COLUMN_LIMIT)
        format_times(text, capacity, limit_ratio(cell, wall.median));
    else if (isfinite(wall.low))
        snprintf(text, capacity, "%.0f%%", ceil(50 * (wall.high - wall.low) / wall.median));
    else
        snprintf(text, capacity, "n/a");
}

static void write_text(char *text, size_t capacity, const struct cell *cell, enum column_kind kind, struct slice slice)
{
    const struct setup *setup = &cell->setup;
    switch (kind) {
    case COLUMN_CHANNEL:
        snprintf(text, capacity, "%s", setup->spec);
        return;
    case COLUMN_PAIRING:
        snprintf(text, capacity, "%s", pairing_name(setup->pairing));
        return;
    case COLUMN_SIZE:
        format_bytes(text, capacity, setup->size);
        return;
    case COLUMN_WORKERS:
        snprintf(text, capacity, "%ux%u", setup->workers.producers, setup->workers.consumers);
        return;
    case COLUMN_CODEC:
        snprintf(text, capacity, "%s", codec_name(setup->codec));
        return;
    case COLUMN_WAIT:
        snprintf(text, capacity, "%s", wait_name(setup->wait));
        return;
    case COLUMN_DEPTH:
        snprintf(text, capacity, "%zu", setup->depth);
        return;
    case COLUMN_BATCH:
        snprintf(text, capacity, "%u", setup->batch);
        return;
    case COLUMN_PIN:
        snprintf(text, capacity, "%s", setup->pin);
        return;
    case COLUMN_LINE:
        snprintf(text, capacity, "%s", slice.journal->regimes[slice.regime].name);
        return;
    case COLUMN_COST:
    case COLUMN_SPREAD:
    case COLUMN_CPU:
    case COLUMN_SWITCHES:
    case COLUMN_LIMIT:
        write_figure(text, capacity, cell, kind, slice);
        return;
    }
}

/* With two regimes each row stands twice. The patterns are the slowest axis: the same row of the other pattern lies a
 * whole pattern's cells further on. */
static void fill_column(struct grid *grid, size_t column, const struct column *what, const struct result *result)
{
    const struct journal *journal = &result->journal;
    size_t regimes = journal->regime_count == 2 ? 2 : 1, cells = grid->rows / regimes;
    grid->heads[column] = head_of(result, what);
    grid->right[column] = what->kind == COLUMN_SIZE || what->kind == COLUMN_DEPTH || what->kind == COLUMN_BATCH ||
                          what->kind >= COLUMN_COST;
    for (size_t row = 0; row < grid->rows; row++)
        write_text(grid->texts[row * grid->columns + column], sizeof grid->texts[0],
                   &result->cells->items[what->pattern * cells + row / regimes], what->kind,
                   (struct slice){journal, (int)(row % regimes)});
}

int grid_make(struct grid *ret, const struct result *result)
{
    struct column columns[MOST_COLUMNS];
    struct grid grid = {.columns = choose_columns(result, columns),
                        .rows = result->cells->count / result->axes->pattern_count};
    grid.rows *= result->journal.regime_count == 2 ? 2 : 1;
    grid.heads = calloc(grid.columns, sizeof *grid.heads);
    grid.right = calloc(grid.columns, sizeof *grid.right);
    grid.texts = calloc(grid.rows * grid.columns + 1, sizeof *grid.texts);
    if (grid.heads == NULL || grid.right == NULL || grid.texts == NULL) {
        grid_free(&grid);
        return -1;
    }
    for (size_t column = 0; column < grid.columns; column++)
        fill_column(&grid, column, &columns[column], result);
    *ret = grid;
    return 0;
}

void grid_free(struct grid *grid)
{
    free(grid->heads);
    free(grid->right);
    free(grid->texts);
    *grid = (struct grid){0};
}

static const char *text_of(const void *data, size_t row, size_t column)
{
    const struct grid *grid = data;
    return grid->texts[row * grid->columns + column];
}

static const char *color_of(const void *data, size_t row)
{
    const struct grid *grid = data;
    for (size_t column = 0; column < grid->columns; column++)
        if (strcmp(text_of(grid, row, column), status_name(CELL_FAILED)) == 0)
            return "red";
    return NULL;
}

struct sheet grid_sheet(const struct grid *grid)
{
    return (struct sheet){
        .rows = grid->rows,
        .columns = grid->columns,
        .heads = grid->heads,
        .right = grid->right,
        .text = text_of,
        .color = color_of,
        .data = grid,
    };
}

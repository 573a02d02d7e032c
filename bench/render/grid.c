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

#include "columns.h"
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

void format_message_rate(char *text, size_t capacity, double rate)
{
    static const char *const units[] = {"", "K", "M", "G"};
    size_t unit = 0;
    if (!isfinite(rate)) {
        snprintf(text, capacity, "n/a");
        return;
    }
    while (rate >= 999.5 && unit < 3) {
        rate /= 1000;
        unit++;
    }
    snprintf(text, capacity, "%.3g%s", rate, units[unit]);
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

enum figure { FIGURE_LINE, FIGURE_COST, FIGURE_SPREAD, FIGURE_CPU, FIGURE_SWITCHES, FIGURE_LIMIT, FIGURES };

#define MOST_COLUMNS 24
#define WIDE_COLUMNS 100

/* An axis, or the regime's name, or a figure of a pattern. */
struct column {
    bool is_axis;
    enum axis_column axis;
    enum figure figure;
    size_t pattern;
};

/* Paced cells have a table of their own. */
static size_t count_patterns(const struct axes *axes)
{
    size_t count = axes->pattern_count;
    return axes->patterns[count - 1] == PATTERN_PACED ? count - 1 : count;
}

static const char *head_of(const struct result *result, const struct column *column)
{
    static const char *const heads[FIGURES] = {"LINE", "", "±", "CPU", "SW", "LIMIT"};
    if (column->is_axis)
        return column_head(column->axis);
    if (column->figure == FIGURE_SPREAD && !speaks_utf8())
        return "+-";
    if (column->figure != FIGURE_COST)
        return heads[column->figure];
    return result->axes->patterns[column->pattern] == PATTERN_STREAM ? "STREAM" : "ROUND TRIP";
}

/* Both patterns with all their columns need more than 80; -v tells each cell's limit below the table too. */
static bool has_room_for_limits(const struct result *result)
{
    struct winsize window;
    return count_patterns(result->axes) == 1 ||
           (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= WIDE_COLUMNS);
}

static size_t choose_columns(const struct result *result, struct column *columns)
{
    enum axis_column axes[AXIS_COLUMNS];
    size_t axis_count = columns_of_axes(result->axes, true, axes), count = 0;
    for (size_t i = 0; i < axis_count; i++)
        columns[count++] = (struct column){.is_axis = true, .axis = axes[i]};
    if (result->journal.regime_count == 2)
        columns[count++] = (struct column){.figure = FIGURE_LINE};
    enum figure last = result->verbose && has_room_for_limits(result) ? FIGURE_LIMIT : FIGURE_SWITCHES;
    for (size_t pattern = 0; pattern < count_patterns(result->axes); pattern++)
        for (enum figure figure = FIGURE_COST; figure <= last; figure++)
            columns[count++] = (struct column){.figure = figure, .pattern = pattern};
    return count;
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

static void write_figure(char *text, size_t capacity, const struct cell *cell, enum figure figure, struct slice slice)
{
    struct estimate wall = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice);
    *text = '\0';
    if (cell->status != CELL_OK || cell->round_count == 0) {
        if (figure == FIGURE_COST)
            snprintf(text, capacity, "%s", cell->status == CELL_OK ? "n/a" : status_name(cell->status));
        return;
    }
    if (figure == FIGURE_COST)
        format_ns(text, capacity, wall.median);
    else if (figure == FIGURE_CPU)
        format_ns(text, capacity, median_cpu(cell, slice));
    else if (figure == FIGURE_SWITCHES)
        snprintf(text, capacity, "%.2f", median_switches(cell, slice));
    else if (figure == FIGURE_LIMIT)
        format_times(text, capacity, limit_ratio(cell, wall.median));
    else if (isfinite(wall.low))
        snprintf(text, capacity, "%.0f%%", ceil(50 * (wall.high - wall.low) / wall.median));
    else
        snprintf(text, capacity, "n/a");
}

static void write_text(char *text, size_t capacity, const struct cell *cell, const struct column *column,
                       struct slice slice)
{
    if (column->is_axis)
        column_write(text, capacity, column->axis, &cell->setup);
    else if (column->figure == FIGURE_LINE)
        snprintf(text, capacity, "%s", slice.journal->regimes[slice.regime].name);
    else
        write_figure(text, capacity, cell, column->figure, slice);
}

/* With two regimes each row stands twice. The patterns are the slowest axis: the same row of the other pattern lies a
 * whole pattern's cells further on. */
static void fill_column(struct grid *grid, size_t column, const struct column *what, const struct result *result)
{
    const struct journal *journal = &result->journal;
    size_t regimes = journal->regime_count == 2 ? 2 : 1, cells = grid->rows / regimes;
    grid->heads[column] = head_of(result, what);
    grid->right[column] = what->is_axis ? column_is_number(what->axis) : what->figure != FIGURE_LINE;
    for (size_t row = 0; row < grid->rows; row++)
        write_text(grid->texts[row * grid->columns + column], sizeof grid->texts[0],
                   &result->cells->items[what->pattern * cells + row / regimes], what,
                   (struct slice){journal, (int)(row % regimes)});
}

int grid_alloc(struct grid *ret, size_t rows, size_t columns)
{
    struct grid grid = {.rows = rows, .columns = columns};
    grid.heads = calloc(columns + 1, sizeof *grid.heads);
    grid.right = calloc(columns + 1, sizeof *grid.right);
    grid.texts = calloc(rows * columns + 1, sizeof *grid.texts);
    if (grid.heads == NULL || grid.right == NULL || grid.texts == NULL) {
        grid_free(&grid);
        return -1;
    }
    *ret = grid;
    return 0;
}

int grid_make(struct grid *ret, const struct result *result)
{
    struct column columns[MOST_COLUMNS] = {0};
    bool any = count_patterns(result->axes) > 0;
    size_t rows = any ? cells_of_pattern(result->axes, result->axes->patterns[0]) : 0;
    rows *= result->journal.regime_count == 2 ? 2 : 1;
    if (grid_alloc(ret, rows, any ? choose_columns(result, columns) : 0) != 0)
        return -1;
    for (size_t column = 0; column < ret->columns; column++)
        fill_column(ret, column, &columns[column], result);
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

/* SPDX-License-Identifier: MIT
 *
 * The table of costs: a row for each combination of the axes that vary. There is more to tell than fits a narrow
 * terminal, so there are several layouts, and the first that fits is taken. The two patterns stand side by side where
 * there is room; else each has a row of its own.
 */
#include <math.h>
#include <string.h>

#include "columns.h"
#include "measure/histogram.h"
#include "measure/limit.h"
#include "measure/statistics.h"
#include "render.h"

enum figure { FIGURE_COST, FIGURE_SPREAD, FIGURE_CPU, FIGURE_SWITCHES, FIGURE_LIMIT, FIGURE_P99 };

struct layout {
    bool beside; /* the patterns stand side by side */
    enum figure last;
};

/* From the widest to the narrowest. */
static const struct layout layouts[] = {
    {true, FIGURE_P99},    {true, FIGURE_LIMIT},     {true, FIGURE_SWITCHES}, {false, FIGURE_P99},
    {false, FIGURE_LIMIT}, {false, FIGURE_SWITCHES}, {false, FIGURE_CPU},     {false, FIGURE_SPREAD},
};

#define LAYOUTS (sizeof layouts / sizeof layouts[0])

enum column_kind { KIND_AXIS, KIND_PATTERN, KIND_REGIME, KIND_FIGURE };

struct column {
    enum column_kind kind;
    enum axis_column axis;
    enum figure figure;
    size_t pattern; /* of a figure, where the patterns stand side by side */
};

#define MOST_COLUMNS 32

/* Which cell, and which of its rounds, a row is about. */
struct place {
    const struct cell *cell;
    struct slice slice;
};

/* Paced cells have a table of their own, and are the last. */
static size_t count_patterns(const struct axes *axes)
{
    size_t count = axes->pattern_count;
    return axes->patterns[count - 1] == PATTERN_PACED ? count - 1 : count;
}

static size_t count_regimes(const struct result *result)
{
    return result->journal.regime_count == 2 ? 2 : 1;
}

/* ---- columns ------------------------------------------------------------------------------------------------- */

static const char *head_of(const struct axes *axes, struct layout layout, const struct column *column)
{
    static const char *const heads[] = {"COST", "±", "CPU", "SW", "LIMIT", "p99"};
    switch (column->kind) {
    case KIND_AXIS:
        return column_head(column->axis);
    case KIND_PATTERN:
        return "PATTERN";
    case KIND_REGIME:
        return "LINE";
    case KIND_FIGURE:
        break;
    }
    if (column->figure == FIGURE_SPREAD && !speaks_utf8())
        return "+-";
    if (column->figure != FIGURE_COST || (!layout.beside && count_patterns(axes) > 1))
        return heads[column->figure];
    return axes->patterns[column->pattern] == PATTERN_STREAM ? "STREAM" : "ROUND TRIP";
}

static size_t choose_columns(const struct result *result, struct layout layout, struct column *columns)
{
    const struct axes *axes = result->axes;
    enum axis_column varying[AXIS_COLUMNS];
    size_t axis_count = columns_of_axes(axes, axes->pairing_count > 1, varying), count = 0;
    size_t patterns = count_patterns(axes), blocks = layout.beside ? patterns : 1;
    for (size_t i = 0; i < axis_count; i++)
        columns[count++] = (struct column){.kind = KIND_AXIS, .axis = varying[i]};
    if (!layout.beside && patterns > 1)
        columns[count++] = (struct column){.kind = KIND_PATTERN};
    if (count_regimes(result) == 2)
        columns[count++] = (struct column){.kind = KIND_REGIME};
    for (size_t block = 0; block < blocks; block++)
        for (enum figure figure = FIGURE_COST; figure <= layout.last; figure++)
            if (figure != FIGURE_P99 || !layout.beside || axes->patterns[block] == PATTERN_PINGPONG)
                columns[count++] = (struct column){.kind = KIND_FIGURE, .figure = figure, .pattern = block};
    return count;
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

/* Of all rounds: blank where a row is about those of one regime. */
static void write_p99(char *text, size_t capacity, struct place place)
{
    int64_t ns;
    const struct histogram *latency = place.cell->latency;
    if (latency != NULL && place.slice.journal->regime_count < 2 && histogram_percentile(latency, 990, &ns))
        format_ns(text, capacity, (double)ns);
}

static void write_switches(char *text, size_t capacity, double switches)
{
    if (isfinite(switches))
        snprintf(text, capacity, "%.2f", switches);
    else
        snprintf(text, capacity, "n/a");
}

static void write_spread(char *text, size_t capacity, struct estimate wall)
{
    if (isfinite(wall.low))
        snprintf(text, capacity, "%.0f%%", ceil(50 * (wall.high - wall.low) / wall.median));
    else
        snprintf(text, capacity, "n/a");
}

static void write_figure(char *text, size_t capacity, struct place place, enum figure figure)
{
    const struct cell *cell = place.cell;
    struct estimate wall = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), place.slice);
    *text = '\0';
    if (cell->status != CELL_OK || cell->round_count == 0) {
        if (figure == FIGURE_COST)
            snprintf(text, capacity, "%s", cell->status == CELL_OK ? "n/a" : status_name(cell->status));
        return;
    }
    switch (figure) {
    case FIGURE_COST:
        format_ns(text, capacity, wall.median);
        return;
    case FIGURE_SPREAD:
        write_spread(text, capacity, wall);
        return;
    case FIGURE_CPU:
        format_ns(text, capacity, median_cpu(cell, place.slice));
        return;
    case FIGURE_SWITCHES:
        write_switches(text, capacity, median_switches(cell, place.slice));
        return;
    case FIGURE_LIMIT:
        format_times(text, capacity, limit_ratio(cell, wall.median));
        return;
    case FIGURE_P99:
        write_p99(text, capacity, place);
        return;
    }
}

static void write_text(char *text, size_t capacity, const struct column *column, struct place place)
{
    switch (column->kind) {
    case KIND_AXIS:
        column_write(text, capacity, column->axis, &place.cell->setup);
        return;
    case KIND_PATTERN:
        snprintf(text, capacity, "%s", pattern_name(place.cell->setup.pattern));
        return;
    case KIND_REGIME:
        snprintf(text, capacity, "%s", place.slice.journal->regimes[place.slice.regime].name);
        return;
    case KIND_FIGURE:
        write_figure(text, capacity, place, column->figure);
        return;
    }
}

/* The patterns are the slowest axis of the cells; in a narrow table they are the fastest of the rows, but for the
 * regimes. */
static struct place place_of(const struct result *result, struct layout layout, const struct column *column, size_t row)
{
    const struct axes *axes = result->axes;
    size_t regimes = count_regimes(result), patterns = count_patterns(axes);
    patterns = layout.beside || patterns == 0 ? 1 : patterns;
    size_t pattern = layout.beside ? column->pattern : row / regimes % patterns;
    size_t cell = pattern * cells_of_pattern(axes, axes->patterns[0]) + row / regimes / patterns;
    return (struct place){&result->cells->items[cell], {&result->journal, (int)(row % regimes)}};
}

/* ---- layouts ------------------------------------------------------------------------------------------------- */

static int make(struct grid *ret, const struct result *result, struct layout layout)
{
    struct column columns[MOST_COLUMNS] = {0};
    size_t patterns = count_patterns(result->axes);
    if (patterns == 0)
        return grid_alloc(ret, 0, 0);
    size_t rows = cells_of_pattern(result->axes, result->axes->patterns[0]) * count_regimes(result);
    rows *= layout.beside ? 1 : patterns;
    if (grid_alloc(ret, rows, choose_columns(result, layout, columns)) != 0)
        return -1;
    for (size_t i = 0; i < ret->columns; i++) {
        const struct column *column = &columns[i];
        ret->heads[i] = head_of(result->axes, layout, column);
        ret->right[i] = column->kind == KIND_AXIS ? column_is_number(column->axis) : column->kind == KIND_FIGURE;
        for (size_t row = 0; row < rows; row++)
            write_text(ret->texts[row * ret->columns + i], sizeof ret->texts[0], column,
                       place_of(result, layout, column, row));
    }
    return 0;
}

/* With -v the limits are among the columns, whatever else has to go. */
static bool is_wanted(const struct result *result, struct layout layout)
{
    return !result->verbose || layout.last >= FIGURE_LIMIT;
}

int costs_grid_make(struct grid *ret, const struct result *result, size_t width)
{
    struct grid grid = {0};
    for (size_t i = 0; i < LAYOUTS; i++) {
        if (!is_wanted(result, layouts[i]))
            continue;
        grid_free(&grid);
        if (make(&grid, result, layouts[i]) != 0)
            return -1;
        if (grid_width(&grid) <= width)
            break;
    }
    *ret = grid;
    return 0;
}

void costs_explain(FILE *file, const struct grid *grid)
{
    char text[512];
    const char *what = "";
    bool limit = false, p99 = false, cpu = false, switches = false;
    for (size_t i = 0; i < grid->columns; i++) {
        const char *head = grid->heads[i];
        if (strcmp(head, "STREAM") == 0)
            what = head;
        else if (strcmp(head, "ROUND TRIP") == 0)
            what = *what != '\0' ? "STREAM and ROUND TRIP" : head;
        else if (strcmp(head, "COST") == 0)
            what = "COST, of a message (stream) or a round trip (pingpong)";
        limit |= strcmp(head, "LIMIT") == 0;
        p99 |= strcmp(head, "p99") == 0;
        cpu |= strcmp(head, "CPU") == 0;
        switches |= strcmp(head, "SW") == 0;
    }
    snprintf(text, sizeof text, "%s: median wall time; %s: half its 95 %% interval (n/a below 6 rounds)%s%s%s%s", what,
             speaks_utf8() ? "±" : "+-", cpu ? "; CPU: of both sides" : "", switches ? "; SW: context switches" : "",
             limit ? "; LIMIT: times the least that this machine allows (! is less than that: suspicious)" : "",
             p99 ? "; p99: of 100 round trips one takes longer" : "");
    say(file, "%s\n", text);
}

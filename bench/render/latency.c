/* SPDX-License-Identifier: MIT
 *
 * Latencies as a table, and the knee of a sweep of rates.
 */
#include <math.h>
#include <string.h>

#include "columns.h"
#include "measure/histogram.h"
#include "measure/pace.h"
#include "render.h"

/* p99 may grow so many times over that of the lowest rate before a rate counts as beyond the knee. */
#define KNEE_FACTOR 10

enum figure { FIGURE_RATE, FIGURE_ACHIEVED, FIGURE_P50, FIGURE_P90, FIGURE_P99, FIGURE_P999, FIGURE_MAX, FIGURE_SENT };

static const char *const heads[] = {"RATE/s", "GOT/s", "p50", "p90", "p99", "p99.9", "MAX", "SENT p99"};

#define FIGURES (sizeof heads / sizeof heads[0])

bool latency_is_shown(const struct result *result, enum pattern pattern)
{
    const struct axes *axes = result->axes;
    if (pattern == PATTERN_STREAM)
        return false;
    for (size_t i = 0; i < axes->pattern_count; i++)
        if (axes->patterns[i] == pattern)
            return pattern == PATTERN_PACED || result->verbose || axes->pattern_count == 1;
    return false;
}

/* The first cell of a pattern that is among those of the run. */
static const struct cell *cells_from(const struct result *result, enum pattern pattern)
{
    const struct cell *cell = result->cells->items;
    for (size_t i = 0; i < result->axes->pattern_count && result->axes->patterns[i] != pattern; i++)
        cell += cells_of_pattern(result->axes, result->axes->patterns[i]);
    return cell;
}

static size_t choose_figures(const struct cell *cells, size_t count, enum pattern pattern, enum figure *ret)
{
    bool any_less = false;
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++)
        any_less |= pace_of_cell(&cells[i]).achieved < PACE_KEPT * cells[i].setup.rate;
    for (size_t i = 0; i < FIGURES; i++) {
        bool of_paced = i == FIGURE_RATE || i == FIGURE_SENT || (i == FIGURE_ACHIEVED && any_less);
        bool of_all = i >= FIGURE_P50 && i <= FIGURE_MAX;
        if (of_all || (of_paced && pattern == PATTERN_PACED))
            ret[chosen++] = (enum figure)i;
    }
    return chosen;
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

/* Blank if the sample does not support it. */
static void write_percentile(char *text, size_t capacity, const struct histogram *histogram, unsigned per_mille)
{
    int64_t ns;
    if (histogram != NULL && histogram_percentile(histogram, per_mille, &ns))
        format_ns(text, capacity, (double)ns);
}

/* With a mark if the channel was saturated. */
static void write_achieved(char *text, size_t capacity, const struct cell *cell)
{
    format_message_rate(text, capacity - 1, pace_of_cell(cell).achieved);
    if (cell_is_saturated(cell))
        strcat(text, "*");
}

static void write_figure(char *text, size_t capacity, const struct cell *cell, enum figure figure)
{
    static const unsigned per_mille[] = {
        [FIGURE_P50] = 500, [FIGURE_P90] = 900, [FIGURE_P99] = 990, [FIGURE_P999] = 999};
    bool measured = cell->status == CELL_OK && cell->latency != NULL && cell->latency->n > 0;
    *text = '\0';
    if (figure == FIGURE_RATE)
        format_message_rate(text, capacity, cell->setup.rate);
    else if (!measured && figure == FIGURE_P50)
        snprintf(text, capacity, "%s", cell->status == CELL_OK ? "n/a" : status_name(cell->status));
    else if (measured && figure == FIGURE_ACHIEVED)
        write_achieved(text, capacity, cell);
    else if (measured && figure == FIGURE_MAX)
        format_ns(text, capacity, (double)cell->latency->max);
    else if (measured && figure == FIGURE_SENT)
        write_percentile(text, capacity, cell->uncorrected, 990);
    else if (measured)
        write_percentile(text, capacity, cell->latency, per_mille[figure]);
}

/* Which cell of the pattern a row shows: of one pairing every so many-th. The rates are the fastest axis, then come the
 * pairings. */
static size_t cell_of_row(const struct axes *axes, enum pattern pattern, size_t pairing, size_t row)
{
    size_t rates = pattern == PATTERN_PACED ? axes->rate_count : 1;
    return pairing == ALL_PAIRINGS ? row : (row / rates * axes->pairing_count + pairing) * rates + row % rates;
}

int latency_grid_make(struct grid *ret, const struct result *result, enum pattern pattern, size_t pairing)
{
    enum axis_column axes[AXIS_COLUMNS];
    enum figure figures[FIGURES];
    const struct cell *cells = cells_from(result, pattern);
    size_t all = latency_is_shown(result, pattern) ? cells_of_pattern(result->axes, pattern) : 0;
    size_t rows = pairing == ALL_PAIRINGS ? all : all / result->axes->pairing_count;
    size_t axis_count = columns_of_axes(result->axes, pairing == ALL_PAIRINGS, axes);
    size_t figure_count = choose_figures(cells, all, pattern, figures);
    if (grid_alloc(ret, rows, axis_count + figure_count) != 0)
        return -1;
    for (size_t column = 0; column < ret->columns; column++) {
        bool is_axis = column < axis_count;
        ret->heads[column] = is_axis ? column_head(axes[column]) : heads[figures[column - axis_count]];
        ret->right[column] = !is_axis || column_is_number(axes[column]);
        for (size_t row = 0; row < rows; row++) {
            char *text = ret->texts[row * ret->columns + column];
            const struct cell *cell = &cells[cell_of_row(result->axes, pattern, pairing, row)];
            if (is_axis)
                column_write(text, sizeof ret->texts[0], axes[column], &cell->setup);
            else
                write_figure(text, sizeof ret->texts[0], cell, figures[column - axis_count]);
        }
    }
    return 0;
}

/* ---- the knee ------------------------------------------------------------------------------------------------ */

/* The highest of p99, p90 and p50 that the samples of all cells support; 0: none. */
static unsigned common_percentile(const struct cell *cells, size_t count)
{
    static const unsigned per_mille[] = {990, 900, 500};
    int64_t ns;
    for (size_t i = 0; i < sizeof per_mille / sizeof per_mille[0]; i++) {
        size_t known = 0;
        while (known < count &&
               (cells[known].status != CELL_OK ||
                (cells[known].latency != NULL && histogram_percentile(cells[known].latency, per_mille[i], &ns))))
            known++;
        if (known == count)
            return per_mille[i];
    }
    return 0;
}

/* The knee is the highest rate up to which every rate is kept up with, at a latency of at most KNEE_FACTOR times that
 * at the lowest. `cells` are a sweep, from the lowest rate to the highest. */
static size_t write_knee(char *text, size_t capacity, const struct cell *cells, size_t count, unsigned per_mille)
{
    int64_t least = histogram_quantile(cells->latency, per_mille);
    size_t kept = 0;
    while (kept < count && cells[kept].status == CELL_OK && !cell_is_saturated(&cells[kept]) &&
           histogram_quantile(cells[kept].latency, per_mille) <= KNEE_FACTOR * least)
        kept++;
    char rate[32];
    format_message_rate(rate, sizeof rate, cells[kept > 0 ? kept - 1 : 0].setup.rate);
    return (size_t)snprintf(text, capacity, "%.64s %s%s/s", cells->setup.spec,
                            kept == 0       ? "below "
                            : kept == count ? "beyond "
                                            : "",
                            rate);
}

/* Of the last pairing, which says most: with all four it is process:process. */
static void print_knees(FILE *file, const struct result *result, const struct cell *cells)
{
    const struct axes *axes = result->axes;
    unsigned per_mille = common_percentile(cells, cells_of_pattern(axes, PATTERN_PACED));
    char text[1024] = "", rate[32];
    size_t used = 0;
    for (size_t spec = 0; spec < axes->spec_count && per_mille > 0 && used + 128 < sizeof text; spec++) {
        const struct cell *sweep = &cells[((spec + 1) * axes->pairing_count - 1) * axes->rate_count];
        if (sweep->status != CELL_OK)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", used > 0 ? ", " : "");
        used += write_knee(text + used, sizeof text - used, sweep, axes->rate_count, per_mille);
    }
    format_message_rate(rate, sizeof rate, axes->rates[0]);
    if (used > 0)
        say(file, "\nThe knee (%s), the highest rate kept up with at a p%u of at most %d times that of %s/s: %s.\n",
            pairing_name(axes->pairings[axes->pairing_count - 1]), per_mille / 10, KNEE_FACTOR, rate, text);
}

void latency_explain(FILE *file, const struct result *result, enum pattern pattern)
{
    const struct cell *cells = cells_from(result, pattern);
    size_t count = cells_of_pattern(result->axes, pattern);
    bool any_saturated = false;
    for (size_t i = 0; i < count; i++)
        any_saturated |= cell_is_saturated(&cells[i]);
    if (pattern == PATTERN_PINGPONG) {
        say(file, "p50 .. MAX: round trips, each timed; blank: too few\n");
        return;
    }
    char skew[32];
    format_ns(skew, sizeof skew, result->skew_ns);
    say(file, "p50 .. MAX: one way, from when a message was due; SENT: from when it was sent; blank: too few\n");
    if (isfinite(result->skew_ns))
        say(file, "clocks of the two CPUs: apart by at most %s\n", skew);
    if (any_saturated)
        say(file, "*: saturated at that rate; latency then grows for as long as it lasts\n");
    if (result->axes->rate_count > 1)
        print_knees(file, result, cells);
}

/* SPDX-License-Identifier: MIT
 *
 * What a person sees in the terminal.
 */
#include <string.h>

#include "measure/rounds.h"
#include "render.h"
#include "sheet.h"

/* ---- the table ----------------------------------------------------------------------------------------------- */

/* The machine was not one machine, and the result says so. */
static void print_regimes(FILE *file, const struct journal *journal)
{
    const struct regime *near = &journal->regimes[0], *far = &journal->regimes[1];
    char near_ns[32], far_ns[32];
    if (journal->regime_count < 2)
        return;
    format_ns(near_ns, sizeof near_ns, near->line_ns);
    format_ns(far_ns, sizeof far_ns, far->line_ns);
    say(file,
        "two regimes, for the host moved the CPUs: near (a cache line there and back in %s) %zu round%s, far (%s) %zu "
        "round%s, %zu between\n",
        near_ns, near->round_count, near->round_count == 1 ? "" : "s", far_ns, far->round_count,
        far->round_count == 1 ? "" : "s", journal->round_count - near->round_count - far->round_count);
}

void render_rounds(FILE *file, const char *before, const struct result *result)
{
    say(file, "%severy message checked; %llu round%s%s\n", before, (unsigned long long)result_rounds(result),
        result_rounds(result) == 1 ? "" : "s", result->interrupted ? " (interrupted)" : "");
    print_regimes(file, &result->journal);
    if (result->precision > 0 && !rounds_are_precise(result->cells, &result->journal, result->precision))
        say(file, "not every interval came within the %.3g %% asked for\n", 100 * result->precision);
}

static void print_caption(FILE *file, const struct result *result)
{
    const struct axes *axes = result->axes;
    char size[64] = "", pairing[40] = "", workers[48] = "", codec[32] = "", depth[48] = "", text[240];
    if (axes->pairing_count == 1)
        snprintf(pairing, sizeof pairing, "%s, ", pairing_name(axes->pairings[0]));
    if (axes->size_count == 1) {
        char bytes[32];
        format_bytes(bytes, sizeof bytes, axes->sizes[0]);
        snprintf(size, sizeof size, "messages of %s, ", bytes);
    }
    if (axes->workers_count == 1)
        snprintf(workers, sizeof workers, "%ux%u, ", axes->workers[0].producers, axes->workers[0].consumers);
    if (axes->codec_count == 1)
        snprintf(codec, sizeof codec, "%s, ", codec_name(axes->codecs[0]));
    if (axes->depth_count == 1)
        snprintf(depth, sizeof depth, "depth %zu asked, ", axes->depths[0]);
    const char *access = axes->access_count == 1 && axes->accesses[0] == ACCESS_PLACE ? "in place, " : "";
    snprintf(text, sizeof text, "%s%s%s%s%s%s", size, pairing, workers, codec, depth, access);
    render_rounds(file, text, result);
}

/* ---- notes --------------------------------------------------------------------------------------------------- */

static bool same_note(const struct cell *a, const struct cell *b)
{
    return a->status == b->status && strcmp(a->reason, b->reason) == 0 && strcmp(a->setup.spec, b->setup.spec) == 0;
}

/* Each reason once for each channel, with how many cells it concerns. */
void render_notes(FILE *file, const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++) {
        const struct cell *cell = &cells->items[i];
        size_t alike = 0;
        bool told = cell->status == CELL_OK;
        for (size_t j = 0; j < cells->count && !told; j++) {
            bool same = same_note(cell, &cells->items[j]);
            told = same && j < i;
            alike += same;
        }
        if (told)
            continue;
        if (alike > 1)
            say(file, "%s %s (%zu cells): %s\n", cell->setup.spec, status_name(cell->status), alike, cell->reason);
        else
            say(file, "%s %s: %s\n", cell->id, status_name(cell->status), cell->reason);
    }
}

static void print_grid(FILE *file, const struct grid *grid, bool color)
{
    struct sheet sheet = grid_sheet(grid);
    sheet_print(file, &sheet, color);
}

static void print_costs(FILE *file, const struct result *result)
{
    struct grid grid;
    if (costs_grid_make(&grid, result, terminal_width(file)) != 0)
        return;
    if (grid.rows > 0) {
        print_grid(file, &grid, result->color);
        costs_explain(file, &grid);
    }
    grid_free(&grid);
}

/* A table for each pairing: a column more would not fit. */
static void print_latencies(FILE *file, const struct result *result, enum pattern pattern)
{
    const struct axes *axes = result->axes;
    if (!latency_is_shown(result, pattern))
        return;
    for (size_t i = 0; i < axes->pairing_count; i++) {
        struct grid grid;
        if (latency_grid_make(&grid, result, pattern, i) != 0)
            return;
        if (i > 0 || axes->patterns[0] != PATTERN_PACED)
            fputc('\n', file);
        if (axes->pairing_count > 1)
            fprintf(file, "%s, %s:\n", pattern_name(pattern), pairing_name(axes->pairings[i]));
        print_grid(file, &grid, result->color);
        grid_free(&grid);
    }
    latency_explain(file, result, pattern);
}

void render_table(FILE *file, const struct result *result)
{
    print_caption(file, result);
    print_costs(file, result);
    print_latencies(file, result, PATTERN_PINGPONG);
    print_latencies(file, result, PATTERN_PACED);
    render_notes(file, result->cells);
    if (result->verbose)
        render_details(file, result);
    render_cheapest(file, result);
}

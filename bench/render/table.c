/* SPDX-License-Identifier: MIT
 *
 * What a person sees in the terminal.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/rounds.h"
#include "render.h"
#include "sheet.h"
#include "measure/statistics.h"

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
    if (axes->pairing_count == 1 && axes->patterns[0] == PATTERN_PACED) /* else each row of costs says so */
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
    snprintf(text, sizeof text, "%s%s%s%s%s", size, pairing, workers, codec, depth);
    render_rounds(file, text, result);
}

/* What the columns mean, for those that are there. */
static void print_legend(FILE *file, const struct axes *axes, bool verbose)
{
    bool both = axes->pattern_count > 1 && axes->patterns[1] != PATTERN_PACED;
    const char *heads = both ? "STREAM and ROUND TRIP" : axes->patterns[0] == PATTERN_STREAM ? "STREAM" : "ROUND TRIP";
    say(file,
        "%s: median wall time; %s: half its 95 %% interval (n/a below 6 rounds); CPU: of both sides; SW: context "
        "switches%s\n",
        heads, speaks_utf8() ? "±" : "+-",
        verbose ? "; LIMIT: times the least that this machine allows (! is less than that: suspicious)" : "");
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

/* ---- the answer ---------------------------------------------------------------------------------------------- */

static struct estimate estimate_wall(const struct result *result, const struct cell *cell)
{
    return estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice_main(&result->journal));
}

static double median_wall(const struct result *result, const struct cell *cell)
{
    return estimate_wall(result, cell).median;
}

/* Cells that differ in their channel only. */
static bool comparable(const struct cell *a, const struct cell *b)
{
    return a->setup.pairing.producer == b->setup.pairing.producer &&
           a->setup.pairing.consumer == b->setup.pairing.consumer && a->setup.pattern == b->setup.pattern &&
           a->setup.size == b->setup.size && a->setup.workers.producers == b->setup.workers.producers &&
           a->setup.workers.consumers == b->setup.workers.consumers && a->setup.codec == b->setup.codec &&
           a->setup.wait == b->setup.wait && a->setup.depth == b->setup.depth && a->setup.batch == b->setup.batch &&
           strcmp(a->setup.pin, b->setup.pin) == 0;
}

/* Latencies have an answer of their own. */
static bool counts(const struct cell *cell)
{
    return cell->setup.pattern != PATTERN_PACED && cell->status == CELL_OK && cell->round_count > 0 &&
           !cell_is_synthetic(cell);
}

/* The last pairing of a run says most: with all four it is process:process. */
static void print_answer(FILE *file, const struct result *result)
{
    const struct cells *cells = result->cells;
    const struct pairing *last = &result->axes->pairings[result->axes->pairing_count - 1];
    const struct cell *best = NULL, *first = NULL;
    for (size_t i = 0; i < cells->count; i++) {
        const struct cell *cell = &cells->items[i];
        if (!counts(cell) || cell->setup.pairing.producer != last->producer ||
            cell->setup.pairing.consumer != last->consumer || (first != NULL && !comparable(first, cell)))
            continue;
        if (first == NULL)
            first = cell;
        if (best == NULL || median_wall(result, cell) < median_wall(result, best))
            best = cell;
    }
    char text[1024] = "";
    size_t used = 0;
    for (size_t i = 0; best != NULL && i < cells->count && used + 100 < sizeof text; i++) {
        const struct cell *cell = &cells->items[i];
        if (cell != best && counts(cell) && comparable(best, cell))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s %.1f%s below %.64s", used > 0 ? "," : "",
                                     median_wall(result, cell) / median_wall(result, best), speaks_utf8() ? "×" : "x",
                                     cell->setup.spec);
    }
    if (used > 0) {
        bool sure = isfinite(estimate_wall(result, best).low);
        say(file, "\n%s is the cheapest %s here (%s):%s%s.\n", best->setup.spec,
            best->setup.pattern == PATTERN_STREAM ? "stream" : "round trip", pairing_name(best->setup.pairing), text,
            sure ? "" : "; but fewer than 6 rounds prove little");
        say(file, "Next: weir run %s -p %s -s 8..64K*8\n", best->setup.spec, pairing_name(best->setup.pairing));
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
    if (grid_make(&grid, result) != 0)
        return;
    if (grid.rows > 0) {
        print_grid(file, &grid, result->color);
        print_legend(file, result->axes, result->verbose);
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
    print_answer(file, result);
}

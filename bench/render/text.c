/* SPDX-License-Identifier: MIT
 *
 * Tables for other programs: CSV, one tidy row a cell; and Markdown.
 */
#include <math.h>

#include "measure/histogram.h"
#include "measure/pace.h"
#include "render.h"
#include "sheet.h"
#include "measure/limit.h"
#include "measure/statistics.h"

static void csv_percentile(FILE *file, const struct histogram *histogram, unsigned per_mille)
{
    int64_t ns;
    bool known = histogram != NULL && histogram_percentile(histogram, per_mille, &ns);
    csv_number(file, known ? (double)ns : NAN);
}

static void csv_latency(FILE *file, const struct cell *cell)
{
    bool ok = cell->status == CELL_OK, paced = cell->setup.pattern == PATTERN_PACED;
    const struct histogram *latency = ok ? cell->latency : NULL;
    csv_number(file, paced ? cell->setup.rate : NAN);
    csv_number(file, paced && ok ? pace_of_cell(cell).achieved : NAN);
    fprintf(file, ",%s", !paced || !ok ? "" : cell_is_saturated(cell) ? "true" : "false");
    csv_percentile(file, latency, 500);
    csv_percentile(file, latency, 900);
    csv_percentile(file, latency, 990);
    csv_percentile(file, latency, 999);
    csv_number(file, latency != NULL ? (double)latency->max : NAN);
    csv_percentile(file, ok ? cell->uncorrected : NULL, 990);
}

void render_csv(FILE *file, void *argument)
{
    const struct result *result = argument;
    fputs("id,channel,spec,pairing,size,producers,consumers,pattern,codec,wait,depth,batch,pin,status,reason,rounds,"
          "cost_ns,cost_low_ns,cost_high_ns,cpu_ns,switches,sent,received,lost,duplicated,reordered,corrupted,limit_"
          "name,limit_ns,limit_ratio,rate,achieved_rate,saturated,p50_ns,p90_ns,p99_ns,p999_ns,max_ns,"
          "uncorrected_p99_ns,access,least_share\n",
          file);
    for (size_t i = 0; i < result->cells->count; i++) {
        const struct cell *cell = &result->cells->items[i];
        const struct setup *setup = &cell->setup;
        const struct integrity *sum = &cell->integrity;
        struct slice slice = slice_main(&result->journal);
        struct estimate wall = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice);
        bool ok = cell->status == CELL_OK;
        csv_text(file, cell->id);
        fprintf(file, ",%s,", cell->channel);
        csv_text(file, setup->spec);
        fprintf(file, ",%s,%zu,%u,%u,%s,%s,%s,%zu,%u,", pairing_name(setup->pairing), setup->size,
                setup->workers.producers, setup->workers.consumers, pattern_name(setup->pattern),
                codec_name(setup->codec), wait_name(cell_wait(cell)), cell_depth(cell), setup->batch);
        csv_text(file, setup->pin);
        fprintf(file, ",%s,", status_name(cell->status));
        csv_text(file, cell->reason);
        fprintf(file, ",%zu", cell->round_count);
        bool has_cost = ok && !cell_is_saturated(cell);
        csv_number(file, has_cost ? wall.median : NAN);
        csv_number(file, has_cost ? wall.low : NAN);
        csv_number(file, has_cost ? wall.high : NAN);
        csv_number(file, ok ? median_cpu(cell, slice) : NAN);
        csv_number(file, ok ? median_switches(cell, slice) : NAN);
        fprintf(file, ",%llu,%llu,%llu,%llu,%llu,%llu,", (unsigned long long)sum->sent,
                (unsigned long long)sum->received, (unsigned long long)sum->lost, (unsigned long long)sum->duplicated,
                (unsigned long long)sum->reordered, (unsigned long long)sum->corrupted);
        fputs(ok && cell->limit.name != NULL ? cell->limit.name : "", file);
        csv_number(file, ok && cell->limit.name != NULL ? cell->limit.ns : NAN);
        csv_number(file, ok ? limit_ratio(cell, wall.median) : NAN);
        csv_latency(file, cell);
        fprintf(file, ",%s", access_name(setup->access));
        csv_number(file, ok ? median_least_share(cell, slice) : NAN);
        fputc('\n', file);
    }
}

void render_markdown(FILE *file, void *argument)
{
    static const enum pattern patterns[] = {PATTERN_STREAM, PATTERN_PINGPONG, PATTERN_PACED}; /* the first: costs */
    bool any = false;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct grid grid;
        if ((i == 0 ? costs_grid_make(&grid, argument, ANY_WIDTH)
                    : latency_grid_make(&grid, argument, patterns[i], ALL_PAIRINGS)) != 0)
            continue;
        struct sheet sheet = grid_sheet(&grid);
        if (grid.rows > 0 && any)
            fputc('\n', file);
        if (grid.rows > 0)
            sheet_print_markdown(file, &sheet);
        any |= grid.rows > 0;
        grid_free(&grid);
    }
}

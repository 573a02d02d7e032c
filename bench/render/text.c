/* SPDX-License-Identifier: MIT
 *
 * Tables for other programs: CSV, one tidy row a cell; and Markdown.
 */
#include <math.h>

#include "render.h"
#include "sheet.h"
#include "measure/limit.h"
#include "measure/statistics.h"

static void csv_number(FILE *file, double number)
{
    fputc(',', file);
    if (isfinite(number))
        fprintf(file, "%.3f", number);
}

void render_csv(FILE *file, void *argument)
{
    const struct result *result = argument;
    fputs("id,channel,spec,pairing,size,producers,consumers,pattern,codec,wait,depth,batch,pin,status,reason,rounds,"
          "cost_ns,cost_low_ns,cost_high_ns,cpu_ns,switches,sent,received,lost,duplicated,reordered,corrupted,limit_"
          "name,limit_ns,limit_ratio\n",
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
                codec_name(setup->codec), wait_name(cell->wait), cell->depth, setup->batch);
        csv_text(file, setup->pin);
        fprintf(file, ",%s,", status_name(cell->status));
        csv_text(file, cell->reason);
        fprintf(file, ",%zu", cell->round_count);
        csv_number(file, ok ? wall.median : NAN);
        csv_number(file, ok ? wall.low : NAN);
        csv_number(file, ok ? wall.high : NAN);
        csv_number(file, ok ? median_cpu(cell, slice) : NAN);
        csv_number(file, ok ? median_switches(cell, slice) : NAN);
        fprintf(file, ",%llu,%llu,%llu,%llu,%llu,%llu,", (unsigned long long)sum->sent,
                (unsigned long long)sum->received, (unsigned long long)sum->lost, (unsigned long long)sum->duplicated,
                (unsigned long long)sum->reordered, (unsigned long long)sum->corrupted);
        fputs(ok && cell->limit.name != NULL ? cell->limit.name : "", file);
        csv_number(file, ok && cell->limit.name != NULL ? cell->limit.ns : NAN);
        csv_number(file, ok ? limit_ratio(cell, wall.median) : NAN);
        fputc('\n', file);
    }
}

void render_markdown(FILE *file, void *argument)
{
    struct grid grid;
    if (grid_make(&grid, argument) != 0)
        return;
    struct sheet sheet = grid_sheet(&grid);
    sheet_print_markdown(file, &sheet);
    grid_free(&grid);
}

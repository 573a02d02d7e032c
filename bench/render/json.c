/* SPDX-License-Identifier: MIT
 *
 * weir.run/1: the whole result, every round included. What is not known is null, never 0.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"
#include "render.h"
#include "measure/statistics.h"

json_t *number_or_null(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *integrity_json(const struct integrity *integrity)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "sent", (json_int_t)integrity->sent, "received",
                     (json_int_t)integrity->received, "lost", (json_int_t)integrity->lost, "duplicated",
                     (json_int_t)integrity->duplicated, "reordered", (json_int_t)integrity->reordered, "corrupted",
                     (json_int_t)integrity->corrupted);
}

static json_t *cost_json(const struct cell *cell)
{
    json_t *rounds = json_array();
    for (size_t i = 0; i < cell->round_count; i++)
        json_array_append_new(rounds, json_real(cell->rounds[i].wall_ns));
    struct estimate wall = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns));
    return json_pack("{s:o, s:o, s:o, s:o}", "median", number_or_null(wall.median), "lo", number_or_null(wall.low),
                     "hi", number_or_null(wall.high), "rounds", rounds);
}

static double median_of(const struct cell *cell, size_t offset)
{
    return estimate_rounds(cell, offset).median;
}

static json_t *cpu_json(const struct cell *cell)
{
    double producer = median_of(cell, offsetof(struct epoch_cost, producer_user_ns)) +
                      median_of(cell, offsetof(struct epoch_cost, producer_system_ns));
    double consumer = median_of(cell, offsetof(struct epoch_cost, consumer_user_ns)) +
                      median_of(cell, offsetof(struct epoch_cost, consumer_system_ns));
    return json_pack("{s:o, s:o, s:o}", "producer", number_or_null(producer), "consumer", number_or_null(consumer),
                     "total", number_or_null(median_cpu(cell)));
}

static json_t *switches_json(const struct cell *cell)
{
    return json_pack("{s:o, s:o}", "voluntary", number_or_null(median_of(cell, offsetof(struct epoch_cost, voluntary))),
                     "involuntary", number_or_null(median_of(cell, offsetof(struct epoch_cost, involuntary))));
}

/* A cell that failed has no cost, whatever its rounds said before. */
static json_t *cell_json(const struct cell *cell)
{
    const struct setup *setup = &cell->setup;
    bool ok = cell->status == CELL_OK && cell->round_count > 0;
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:s, s:s, s:s, s:I, s:i, s:s}", "id", cell->id,
                               "channel", cell->channel, "spec", setup->spec, "pairing", pairing_name(setup->pairing),
                               "size", (json_int_t)setup->size, "producers", (int)setup->workers.producers, "consumers",
                               (int)setup->workers.consumers, "pattern", pattern_name(setup->pattern), "codec",
                               codec_name(setup->codec), "wait", wait_name(cell->wait ? cell->wait : setup->wait),
                               "depth", (json_int_t)(cell->depth ? cell->depth : setup->depth), "batch",
                               (int)setup->batch, "pin", setup->pin);
    json_object_set_new(object, "status", json_string(status_name(cell->status)));
    json_object_set_new(object, "reason", cell->reason[0] ? json_string(cell->reason) : json_null());
    json_object_set_new(object, "integrity", integrity_json(&cell->integrity));
    json_object_set_new(object, "cost_ns", ok ? cost_json(cell) : json_null());
    json_object_set_new(object, "cpu_ns", ok ? cpu_json(cell) : json_null());
    json_object_set_new(object, "switches", ok ? switches_json(cell) : json_null());
    json_object_set_new(object, "latency_ns", json_null());
    json_object_set_new(object, "limit", json_null());
    return object;
}

void render_json(FILE *file, void *argument)
{
    const struct result *result = argument;
    json_t *cells = json_array();
    for (size_t i = 0; i < result->cells->count; i++)
        json_array_append_new(cells, cell_json(&result->cells->items[i]));
    json_t *root = json_pack(
        "{s:s, s:o, s:s, s:f, s:I, s:b, s:o, s:{s:I, s:s, s:n}, s:o, s:[]}", "schema", "weir.run/1", "tool",
        tool_json(), "started", result->started, "wall_s", result->wall_s, "seed", (json_int_t)result->seed,
        "interrupted", result->interrupted != 0, "env", environment_json(result->environment, result->checks), "design",
        "rounds", (json_int_t)result->rounds, "order", "shuffled", "noise_floor", "cells", cells, "comparisons");
    json_dumpf(root, file, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    fputc('\n', file);
    json_decref(root);
}

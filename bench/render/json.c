/* SPDX-License-Identifier: MIT
 *
 * weir.run/1: the whole result, every round included. What is not known is null, never 0.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"
#include "latency_json.h"
#include "measure/pace.h"
#include "render.h"
#include "verdicts.h"
#include "measure/outliers.h"
#include "measure/limit.h"
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

static json_t *estimate_json(struct estimate estimate)
{
    return json_pack("{s:o, s:o, s:o}", "median", number_or_null(estimate.median), "lo", number_or_null(estimate.low),
                     "hi", number_or_null(estimate.high));
}

static struct estimate estimate_wall(const struct cell *cell, struct slice slice)
{
    return estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice);
}

static size_t rounds_in(const struct cell *cell, const struct journal *journal, int regime)
{
    size_t count = 0;
    for (size_t i = 0; i < cell->round_count; i++)
        count += journal_in_regime(journal, cell->rounds[i].round, regime);
    return count;
}

/* The cost in each regime, where there are two. */
static json_t *cost_regimes_json(const struct cell *cell, const struct journal *journal)
{
    json_t *regimes = json_array();
    for (int i = 0; journal->regime_count == 2 && i < 2; i++) {
        json_t *regime = estimate_json(estimate_wall(cell, (struct slice){journal, i}));
        json_object_set_new(regime, "name", json_string(journal->regimes[i].name));
        json_object_set_new(regime, "rounds", json_integer((json_int_t)rounds_in(cell, journal, i)));
        json_array_append_new(regimes, regime);
    }
    return regimes;
}

static json_t *outliers_json(const struct cell *cell, const struct journal *journal)
{
    json_t *array = json_array();
    struct outlier *outliers = calloc(cell->round_count + 1, sizeof *outliers);
    size_t count = outliers != NULL ? outliers_find(cell, journal, outliers, cell->round_count) : 0;
    for (size_t i = 0; i < count; i++) {
        json_t *causes = json_array();
        for (unsigned bit = 0; outlier_cause_name(bit) != NULL; bit++)
            if (outliers[i].causes & 1u << bit)
                json_array_append_new(causes, json_string(outlier_cause_name(bit)));
        json_array_append_new(array, json_pack("{s:i, s:f, s:o}", "round", (int)outliers[i].round, "ns", outliers[i].ns,
                                               "causes", causes));
    }
    free(outliers);
    return array;
}

static json_t *cost_json(const struct cell *cell, const struct journal *journal)
{
    json_t *rounds = json_array(), *numbers = json_array();
    for (size_t i = 0; i < cell->round_count; i++) {
        json_array_append_new(rounds, json_real(cell->rounds[i].wall_ns));
        json_array_append_new(numbers, json_integer(cell->rounds[i].round));
    }
    json_t *cost = estimate_json(estimate_wall(cell, slice_main(journal)));
    json_object_set_new(cost, "rounds", rounds);
    json_object_set_new(cost, "round_numbers", numbers);
    json_object_set_new(cost, "regimes", cost_regimes_json(cell, journal));
    json_object_set_new(cost, "outliers", outliers_json(cell, journal));
    return cost;
}

static double median_of(const struct cell *cell, const struct journal *journal, size_t offset)
{
    return estimate_rounds(cell, offset, slice_main(journal)).median;
}

static json_t *cpu_json(const struct cell *cell, const struct journal *journal)
{
    double producer_user = median_of(cell, journal, offsetof(struct epoch_cost, producer_user_ns));
    double producer_system = median_of(cell, journal, offsetof(struct epoch_cost, producer_system_ns));
    double consumer_user = median_of(cell, journal, offsetof(struct epoch_cost, consumer_user_ns));
    double consumer_system = median_of(cell, journal, offsetof(struct epoch_cost, consumer_system_ns));
    double driver = median_of(cell, journal, offsetof(struct epoch_cost, driver_ns));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "producer", number_or_null(producer_user + producer_system),
                     "consumer", number_or_null(consumer_user + consumer_system), "user",
                     number_or_null(producer_user + consumer_user), "system",
                     number_or_null(producer_system + consumer_system), "driver_threads", number_or_null(driver),
                     "total", number_or_null(median_cpu(cell, slice_main(journal))));
}

static json_t *switches_json(const struct cell *cell, const struct journal *journal)
{
    return json_pack("{s:o, s:o}", "voluntary",
                     number_or_null(median_of(cell, journal, offsetof(struct epoch_cost, voluntary))), "involuntary",
                     number_or_null(median_of(cell, journal, offsetof(struct epoch_cost, involuntary))));
}

static json_t *memory_json(const struct cell *cell)
{
    return json_pack("{s:o, s:o}", "producer", number_or_null(cell->memory.producer_bytes), "consumer",
                     number_or_null(cell->memory.consumer_bytes));
}

static json_t *epoch_json(const struct cell *cell, const struct journal *journal)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "messages",
                     (json_int_t)cell->count * (json_int_t)cell->setup.workers.producers, "ns",
                     number_or_null(median_of(cell, journal, offsetof(struct epoch_cost, epoch_ns))), "fixed_ns",
                     number_or_null(cell->fixed_ns), "clock_reads",
                     number_or_null(median_of(cell, journal, offsetof(struct epoch_cost, clock_reads))));
}

static json_t *limit_json(const struct cell *cell, const struct journal *journal)
{
    double ratio = limit_ratio(cell, median_of(cell, journal, offsetof(struct epoch_cost, wall_ns)));
    if (cell->limit.name == NULL)
        return json_null();
    return json_pack("{s:s, s:f, s:o, s:b}", "name", cell->limit.name, "ns", cell->limit.ns, "ratio",
                     number_or_null(ratio), "suspicious", ratio < 1);
}

/* ---- the run ------------------------------------------------------------------------------------------------- */

static json_t *regimes_json(const struct journal *journal)
{
    json_t *array = json_array();
    for (size_t i = 0; i < journal->regime_count; i++) {
        const struct regime *regime = &journal->regimes[i];
        json_array_append_new(array, json_pack("{s:s, s:f, s:I}", "name", regime->name, "line_ns", regime->line_ns,
                                               "rounds", (json_int_t)regime->round_count));
    }
    return array;
}

static json_t *rounds_json(const struct journal *journal)
{
    json_t *array = json_array();
    for (size_t i = 0; i < journal->round_count; i++) {
        const struct round *round = &journal->rounds[i];
        bool placed = journal->regime_count > 0 && round->regime != REGIME_BETWEEN;
        json_array_append_new(array, json_pack("{s:o, s:o, s:s?}", "line_ns", number_or_null(round->line_ns),
                                               "steal_ns", number_or_null(round->steal_ns), "regime",
                                               placed ? journal->regimes[round->regime].name : NULL));
    }
    return array;
}

/* Which cell stood where in each round; a number past the cells is a baseline's second measurement. */
static json_t *order_json(const struct journal *journal)
{
    json_t *array = json_array();
    for (size_t i = 0; i < journal->round_count; i++) {
        json_t *order = json_array();
        for (size_t j = 0; j < journal->places; j++)
            json_array_append_new(order, json_integer(journal->orders[i * journal->places + j]));
        json_array_append_new(array, order);
    }
    return array;
}

static json_t *design_json(const struct result *result)
{
    const struct journal *journal = &result->journal;
    const char *baseline = journal->twin_count > 0 ? result->cells->items[journal->twins[0].cell].id : NULL;
    return json_pack("{s:I, s:o, s:s?, s:o, s:o, s:o}", "rounds", (json_int_t)result_rounds(result), "noise_floor",
                     number_or_null(journal_worst_noise_floor(journal, result->cells)), "baseline", baseline, "regimes",
                     regimes_json(journal), "rounds_list", rounds_json(journal), "order", order_json(journal));
}

/* ---- cells --------------------------------------------------------------------------------------------------- */

/* null: there is one producer. */
static json_t *fairness_json(const struct cell *cell, const struct journal *journal)
{
    double share = median_least_share(cell, slice_main(journal));
    return isfinite(share) ? json_pack("{s:f}", "least_share", share) : json_null();
}

/* A cell that failed has no cost, whatever its rounds said before. */
static json_t *cell_json(const struct cell *cell, const struct journal *journal)
{
    const struct setup *setup = &cell->setup;
    bool ok = cell->status == CELL_OK && cell->round_count > 0;
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:s, s:s, s:s, s:I, s:i, s:s}", "id", cell->id,
                               "channel", cell->channel, "spec", setup->spec, "pairing", pairing_name(setup->pairing),
                               "size", (json_int_t)setup->size, "producers", (int)setup->workers.producers, "consumers",
                               (int)setup->workers.consumers, "pattern", pattern_name(setup->pattern), "codec",
                               codec_name(setup->codec), "wait", wait_name(cell_wait(cell)), "depth",
                               (json_int_t)cell_depth(cell), "batch", (int)setup->batch, "pin", setup->pin);
    if (setup->access != ACCESS_COPY)
        json_object_set_new(object, "access", json_string(access_name(setup->access)));
    json_object_set_new(object, "status", json_string(status_name(cell->status)));
    json_object_set_new(object, "reason", cell->reason[0] ? json_string(cell->reason) : json_null());
    json_object_set_new(object, "integrity", integrity_json(&cell->integrity));
    json_object_set_new(object, "cost_ns", ok && !cell_is_saturated(cell) ? cost_json(cell, journal) : json_null());
    json_object_set_new(object, "cpu_ns", ok ? cpu_json(cell, journal) : json_null());
    json_object_set_new(object, "switches", ok ? switches_json(cell, journal) : json_null());
    json_object_set_new(object, "memory_bytes", ok ? memory_json(cell) : json_null());
    json_object_set_new(object, "epoch", ok ? epoch_json(cell, journal) : json_null());
    json_object_set_new(object, "latency_ns", ok ? latency_json(cell) : json_null());
    json_object_set_new(object, "rate", rate_json(cell));
    json_object_set_new(object, "fairness", ok ? fairness_json(cell, journal) : json_null());
    json_object_set_new(object, "limit", ok ? limit_json(cell, journal) : json_null());
    return object;
}

void json_print(FILE *file, json_t *root)
{
    json_dumpf(root, file, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    fputc('\n', file);
    json_decref(root);
}

/* With what only messages that are timed across CPUs need. */
static json_t *run_environment_json(const struct result *result)
{
    json_t *environment = environment_json(result->environment, result->checks);
    json_object_set_new(json_object_get(environment, "clock"), "skew_ns", number_or_null(result->skew_ns));
    return environment;
}

void render_json(FILE *file, void *argument)
{
    const struct result *result = argument;
    json_t *cells = json_array();
    for (size_t i = 0; i < result->cells->count; i++)
        json_array_append_new(cells, cell_json(&result->cells->items[i], &result->journal));
    json_t *root =
        json_pack("{s:s, s:o, s:s, s:f, s:I, s:b, s:o, s:o, s:o, s:o}", "schema", "weir.run/1", "tool", tool_json(),
                  "started", result->started, "wall_s", result->wall_s, "seed", (json_int_t)result->seed, "interrupted",
                  result->interrupted != 0, "env", run_environment_json(result), "design", design_json(result), "cells",
                  cells, "comparisons", result->verdicts != NULL ? verdicts_json(result->verdicts) : json_array());
    json_print(file, root);
}

/* SPDX-License-Identifier: MIT
 *
 * Rules. Each is a lower bound by construction: it counts only what no channel of that kind can leave out.
 */
#include "limit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAUGE_NS   INT64_C(500000)
#define LINE_BYTES 64.0
#define CALL_BYTES ((size_t)64 << 10) /* as much as one call takes at best, where messages share calls */

/* Adds a part to the rule; a gauge that cannot be had makes `failed`. */
struct making {
    struct limit_rule *rule;
    struct gauges *gauges;
    bool failed;
};

static void add_term(struct making *making, enum yardstick yardstick, const int *cpus, size_t size,
                     struct limit_term term)
{
    term.gauge = gauges_add(making->gauges, yardstick, cpus[0], cpus[1], size);
    making->failed |= term.gauge < 0;
    making->rule->terms[making->rule->count++] = term;
}

/* Of threads, or of processes where an end is one. */
static enum yardstick of_span(const struct cell *cell, enum yardstick threads, enum yardstick processes)
{
    struct pairing pairing = cell->setup.pairing;
    return pairing.producer == WEIR_PROCESS || pairing.consumer == WEIR_PROCESS ? processes : threads;
}

/* A turn of ends that share a CPU. Who spins there yields, which between processes takes less than a futex does. */
static enum yardstick turn_of(const struct cell *cell)
{
    bool blocks = cell_wait(cell) == WEIR_WAIT_BLOCK;
    return blocks ? of_span(cell, YARDSTICK_SWITCH, YARDSTICK_SWITCH_PROCESSES) : YARDSTICK_SWITCH;
}

/* ---- in user space ------------------------------------------------------------------------------------------- */

/* At least one line has to go there and, for the answer, one back. Further lines follow it one behind the other,
 * whether they are copied or made and read in place. On one CPU no line travels, but each way needs a switch. Ends that
 * sleep at once are woken on each way instead of seeing the line: by the round trip of two sleepers. */
static void rule_user_round(struct making *making, const struct cell *cell, const int *cpus)
{
    const struct setup *setup = &cell->setup;
    double more_lines = (double)setup->size / LINE_BYTES - 1;
    if (cpus[0] == cpus[1]) {
        making->rule->name = "switch";
        add_term(making, turn_of(cell), cpus, 0, (struct limit_term){.times = 2});
        return;
    }
    making->rule->name = "line";
    add_term(making, YARDSTICK_LINE_STORE, cpus, 0, (struct limit_term){.times = 1});
    if (cell_wait(cell) == WEIR_WAIT_BLOCK) {
        making->rule->name = "wake";
        enum yardstick wake = of_span(cell, YARDSTICK_WAKE_ROUND, YARDSTICK_WAKE_PROCESSES);
        add_term(making, wake, cpus, 0, (struct limit_term){.times = 1, .per_sleep = true});
        add_term(making, YARDSTICK_LINE_STORE, cpus, 0, (struct limit_term){.times = -1, .per_sleep = true});
        return;
    }
    if (more_lines > 0) {
        making->rule->name = "line + stream";
        add_term(making, YARDSTICK_LINE_STREAM, cpus, 0, (struct limit_term){.times = 2 * more_lines});
    }
}

/* Every byte goes from CPU to CPU: small messages may share a line, so a message of 8 bytes is an eighth of one. As
 * many ways lie side by side as there are pairs of a producer and a consumer. On one CPU nothing travels: none is
 * known. Copies are not counted: who reads in place makes none, and who copies does it while other lines travel. */
static void rule_user_stream(struct making *making, const struct setup *setup, const int *cpus)
{
    uint32_t ways =
        setup->workers.producers < setup->workers.consumers ? setup->workers.producers : setup->workers.consumers;
    if (cpus[0] == cpus[1])
        return;
    making->rule->name = "stream";
    add_term(making, YARDSTICK_LINE_STREAM, cpus, 0,
             (struct limit_term){.times = (double)setup->size / LINE_BYTES / ways});
}

/* ---- through the kernel -------------------------------------------------------------------------------------- */

enum passage { PASSAGE_PIPE, PASSAGE_SEQPACKET, PASSAGE_STREAM };

/* What the driver's own way through the kernel is most like. */
static enum passage passage_of(const struct cell *cell)
{
    if (strcmp(cell->channel, "pipe") == 0 || strcmp(cell->channel, "fifo") == 0)
        return PASSAGE_PIPE;
    bool is_stream = (cell->capabilities & WEIR_CAP_ASYNC) != 0 || strstr(cell->setup.spec, "type=stream") != NULL;
    return is_stream ? PASSAGE_STREAM : PASSAGE_SEQPACKET;
}

/* Each way is a write and a read. Ends that sleep are woken on each way: by the round trip of two sleepers, less the
 * two system calls a way that it has in common with the transit. On one CPU whoever does not spin needs the other's
 * wake for each turn, also where it is put off by it before it could sleep. */
static void rule_kernel_round(struct making *making, const struct cell *cell, const int *cpus)
{
    static const enum yardstick transits[] = {YARDSTICK_TRANSIT_PIPE, YARDSTICK_TRANSIT_SEQPACKET,
                                              YARDSTICK_TRANSIT_STREAM};
    const int one[2] = {cpus[0], -1};
    bool known = cpus[0] >= 0 && cpus[1] >= 0, same = cpus[0] == cpus[1];
    making->rule->name = !known ? "transit" : same ? "transit + switch" : "transit + wake";
    add_term(making, transits[passage_of(cell)], one, cell->setup.size, (struct limit_term){.times = 2});
    if (!known)
        return;
    bool per_sleep = !same || cell_wait(cell) != WEIR_WAIT_BLOCK;
    enum yardstick both = same ? turn_of(cell) : of_span(cell, YARDSTICK_WAKE_ROUND, YARDSTICK_WAKE_PROCESSES);
    add_term(making, both, cpus, 0, (struct limit_term){.times = same ? 2 : 1, .per_sleep = per_sleep});
    add_term(making, YARDSTICK_CALL, one, 0, (struct limit_term){.times = -4, .per_sleep = per_sleep});
}

/* Reads may take several messages and go on beside the writes, but each message is written by some producer, in a call
 * of its own; where messages share calls at least its bytes are copied into the kernel, as fast as large writes are. */
static void rule_kernel_stream(struct making *making, const struct cell *cell, const int *cpus)
{
    static const enum yardstick writes[] = {YARDSTICK_WRITE_PIPE, YARDSTICK_WRITE_SEQPACKET, YARDSTICK_WRITE_STREAM};
    const struct setup *setup = &cell->setup;
    const int one[2] = {cpus[0], -1};
    bool shares =
        (cell->capabilities & WEIR_CAP_ASYNC) != 0 || (setup->batch > 1 && (cell->capabilities & WEIR_CAP_MORE) != 0);
    double times = shares ? (double)setup->size / (double)CALL_BYTES : 1;
    making->rule->name = shares ? "bytes written" : "write";
    add_term(making, writes[passage_of(cell)], one, shares ? CALL_BYTES : setup->size,
             (struct limit_term){.times = times / setup->workers.producers});
}

/* ---- all ----------------------------------------------------------------------------------------------------- */

int limit_rule_make(struct limit_rule *ret, struct gauges *gauges, const struct cell *cell, int cpu_producer,
                    int cpu_consumer)
{
    struct making making = {.rule = ret, .gauges = gauges};
    const int cpus[2] = {cpu_producer, cpu_consumer};
    bool in_kernel = (cell->capabilities & WEIR_CAP_KERNEL) != 0, is_stream = cell->setup.pattern == PATTERN_STREAM;
    *ret = (struct limit_rule){0};
    if (cell->status != CELL_OK || cell_is_synthetic(cell) || cell->setup.pattern == PATTERN_PACED)
        return 0;
    if (in_kernel && is_stream)
        rule_kernel_stream(&making, cell, cpus);
    else if (in_kernel)
        rule_kernel_round(&making, cell, cpus);
    else if (cpu_producer >= 0 && cpu_consumer >= 0 && is_stream)
        rule_user_stream(&making, &cell->setup, cpus);
    else if (cpu_producer >= 0 && cpu_consumer >= 0)
        rule_user_round(&making, cell, cpus);
    return making.failed ? -1 : 0;
}

static int plan_cell(struct limits *limits, size_t index, const struct cell *cell)
{
    struct workers workers = cell->setup.workers;
    int *cpus = calloc((size_t)workers.producers + workers.consumers, sizeof *cpus);
    if (cpus == NULL)
        return -1;
    int result = 0;
    if (weir_placement(cpus, cell->setup.pin, workers.producers, workers.consumers, NULL) == 0)
        result = limit_rule_make(&limits->rules[index], &limits->gauges, cell, cpus[0], cpus[workers.producers]);
    free(cpus);
    return result;
}

int limits_plan(struct limits *ret, const struct cells *cells)
{
    struct limits limits = {.rules = calloc(cells->count + 1, sizeof *limits.rules)};
    int result = limits.rules != NULL ? 0 : -1;
    for (size_t i = 0; i < cells->count && result == 0; i++)
        result = plan_cell(&limits, i, &cells->items[i]);
    if (result == 0)
        *ret = limits;
    else
        limits_free(&limits);
    return result;
}

int limits_measure_round(struct limits *limits)
{
    for (size_t i = 0; i < limits->gauges.count; i++)
        if (gauge_measure(&limits->gauges.items[i], GAUGE_NS) != 0)
            return -1;
    return 0;
}

/* ---- after the rounds ---------------------------------------------------------------------------------------- */

/* How much of a round trip's two sleeps there was; a cell's switches are of both ends. */
static double sleeps(const struct cell *cell, struct slice slice)
{
    double voluntary = estimate_rounds(cell, offsetof(struct epoch_cost, voluntary), slice).median;
    return voluntary < 2 ? voluntary / 2 : 1;
}

static double sum_of(const struct limit_rule *rule, const struct gauges *gauges, const struct cell *cell,
                     struct slice slice)
{
    double sum = 0;
    for (size_t i = 0; i < rule->count; i++) {
        const struct limit_term *term = &rule->terms[i];
        const struct gauge *gauge = &gauges->items[term->gauge];
        double value = gauge_estimate(gauge, slice).median;
        double ns = yardstick_facts(gauge->yardstick)->is_rate ? term->times / value * 1e9 : term->times * value;
        sum += term->per_sleep ? sleeps(cell, slice) * ns : ns;
    }
    return sum;
}

void limits_settle(const struct limits *limits, struct cells *cells, const struct journal *journal)
{
    struct slice slice = slice_main(journal);
    for (size_t i = 0; i < cells->count; i++) {
        const struct limit_rule *rule = &limits->rules[i];
        double ns = sum_of(rule, &limits->gauges, &cells->items[i], slice);
        bool known = rule->name != NULL && isfinite(ns) && ns > 0;
        cells->items[i].limit = known ? (struct limit){rule->name, ns} : (struct limit){0};
    }
}

void limits_free(struct limits *limits)
{
    gauges_free(&limits->gauges);
    free(limits->rules);
    *limits = (struct limits){0};
}

double limit_ratio(const struct cell *cell, double cost_ns)
{
    return cell->limit.name != NULL ? cost_ns / cell->limit.ns : NAN;
}

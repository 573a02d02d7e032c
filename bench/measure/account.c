/* SPDX-License-Identifier: MIT
 *
 * What the reports of an epoch's workers add up to.
 */
#include "account.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "machine/clock.h"
#include "pace.h"

/* ---- settling ------------------------------------------------------------------------------------------------ */

static struct tracker_tally tally_of(const weir_Report *report)
{
    return (struct tracker_tally){
        .received = report->received,
        .duplicated = report->duplicated,
        .reordered = report->reordered,
        .corrupted = report->corrupted,
        .unplaced = report->unplaced,
        .sequence_sum = report->sequence_sum,
    };
}

/* Producers to consumers; with a pingpong, then the answers to each producer alone. */
int account_settle(const struct setup *setup, const struct reports *reports, struct integrity *ret)
{
    uint32_t producers = setup->workers.producers, consumers = 0;
    bool numbered = codec_numbers(setup->codec, setup->size, producers, setup->workers.consumers);
    struct tracker_tally *tallies = calloc(setup->workers.consumers, sizeof *tallies);
    uint64_t *sent = calloc(producers, sizeof *sent);
    if (tallies == NULL || sent == NULL) {
        free(tallies);
        free(sent);
        return -1;
    }
    for (uint32_t i = 0; i < reports->count; i++) {
        const weir_Report *report = &reports->items[i];
        if (report->role == weir_Role_ROLE_CONSUMER && consumers < setup->workers.consumers)
            tallies[consumers++] = tally_of(report);
        else if (report->role == weir_Role_ROLE_PRODUCER && report->index < producers)
            sent[report->index] = report->sent;
    }
    *ret = (struct integrity){0};
    tracker_settle(tallies, consumers, sent, producers, numbered, ret);
    for (uint32_t i = 0; i < reports->count && setup->pattern == PATTERN_PINGPONG; i++) {
        const weir_Report *report = &reports->items[i];
        if (report->role != weir_Role_ROLE_PRODUCER || report->index >= producers)
            continue;
        struct tracker_tally tally = tally_of(report);
        struct integrity answers = {0};
        memset(sent, 0, producers * sizeof *sent);
        sent[report->index] = report->sent;
        tracker_settle(&tally, 1, sent, producers, numbered, &answers);
        integrity_add(ret, &answers);
    }
    free(tallies);
    free(sent);
    return 0;
}

/* ---- costs --------------------------------------------------------------------------------------------------- */

/* The wall time of a message would be the interval between two; what it costs who waits for it is its latency. */
static void compute_paced(const struct setup *setup, const struct reports *reports, struct outcome *outcome)
{
    struct arrivals arrivals = {.messages = reports->latency.n, .first_ns = INT64_MAX};
    for (uint32_t i = 0; i < reports->count; i++) {
        const weir_Report *report = &reports->items[i];
        if (report->role == weir_Role_ROLE_PRODUCER || report->first_ns == 0)
            continue;
        for (size_t part = 0; part < report->late_ns_count; part++)
            arrivals.late_ns[part] += report->late_ns[part];
        arrivals.first_ns = report->first_ns < arrivals.first_ns ? report->first_ns : arrivals.first_ns;
        arrivals.last_ns = report->last_ns > arrivals.last_ns ? report->last_ns : arrivals.last_ns;
    }
    outcome->cost.wall_ns = (double)histogram_quantile(&reports->latency, 500);
    outcome->cost.pace = pace_of_arrivals(setup, &arrivals);
    outcome->uncorrected = &reports->uncorrected;
}

void account_cost(const struct setup *setup, const struct reports *reports, uint64_t count, bool is_synthetic,
                  struct outcome *outcome)
{
    int64_t first = INT64_MAX, last = 0;
    struct epoch_cost cost = {0};
    double messages = (double)count * setup->workers.producers;
    for (uint32_t i = 0; i < reports->count; i++) {
        const weir_Report *report = &reports->items[i];
        bool is_producer = report->role == weir_Role_ROLE_PRODUCER;
        if (is_producer && report->first_ns < first)
            first = report->first_ns;
        /* The clock stops when the last message has been checked: by the consumer, or by the client that asked. Where
         * nothing is carried the consumer waits for nobody, and the last of all stops it. */
        bool stops_clock = !is_producer || setup->pattern == PATTERN_PINGPONG || is_synthetic;
        if (stops_clock && report->last_ns > last)
            last = report->last_ns;
        *(is_producer ? &cost.producer_user_ns : &cost.consumer_user_ns) += (double)report->user_ns / messages;
        *(is_producer ? &cost.producer_system_ns : &cost.consumer_system_ns) += (double)report->system_ns / messages;
        cost.driver_ns += report->has_driver_ns ? (double)report->driver_ns / messages : NAN;
        cost.delayed_ns += report->has_delayed_ns ? (double)report->delayed_ns : NAN;
        cost.clock_reads += (double)report->clock_reads;
        cost.voluntary += (double)report->voluntary_switches / messages;
        cost.involuntary += (double)report->involuntary_switches / messages;
    }
    outcome->wall_ns = last - first;
    cost.epoch_ns = (double)outcome->wall_ns;
    cost.wall_ns = (double)outcome->wall_ns / (setup->pattern == PATTERN_STREAM ? messages : (double)count);
    outcome->cost = cost;
    if (reports->latency.n == 0)
        return;
    outcome->latency = &reports->latency;
    if (setup->pattern == PATTERN_PACED)
        compute_paced(setup, reports, outcome);
    else
        outcome->wall_ns += (int64_t)(reports->latency.sum / setup->workers.producers); /* one trip after the other */
}

struct memory account_memory(const struct setup *setup, const struct reports *reports)
{
    struct memory memory = {0};
    for (uint32_t i = 0; i < reports->count; i++) {
        const weir_Report *report = &reports->items[i];
        double bytes = report->has_memory_bytes ? (double)report->memory_bytes : NAN;
        if (report->role == weir_Role_ROLE_PRODUCER)
            memory.producer_bytes += bytes / setup->workers.producers;
        else
            memory.consumer_bytes += bytes / setup->workers.consumers;
    }
    return memory;
}

/* The clock reads, and with a stream the way of the first message, until which the consumer had nothing to do. The
 * trips of a pingpong are a chain without a beginning of its own. */
double account_fixed_ns(const struct setup *setup, const struct reports *reports)
{
    double arrival_ns = setup->pattern == PATTERN_PINGPONG ? 0 : NAN;
    int64_t first_ns = INT64_MAX;
    for (uint32_t i = 0; i < reports->count; i++)
        if (reports->items[i].role == weir_Role_ROLE_PRODUCER && reports->items[i].first_ns < first_ns)
            first_ns = reports->items[i].first_ns;
    for (uint32_t i = 0; i < reports->count; i++)
        if (reports->items[i].has_arrival_ns)
            arrival_ns = (double)(reports->items[i].arrival_ns - first_ns);
    return arrival_ns + 2 * clock_facts()->overhead_ns;
}

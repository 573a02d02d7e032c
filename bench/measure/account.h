/* SPDX-License-Identifier: MIT
 *
 * What the reports of an epoch's workers add up to: what became of the messages, and what they cost.
 */
#ifndef WEIR_BENCH_ACCOUNT_H
#define WEIR_BENCH_ACCOUNT_H

#include "epoch.h"
#include "histogram.h"
#include "proto/report.h"

/* All that came home. */
struct reports {
    weir_Report items[STAGE_MOST_WORKERS];
    uint32_t count;
    struct histogram latency, uncorrected; /* of all workers */
};

/* What became of the messages. 0 or -1 (memory). */
int account_settle(const struct setup *setup, const struct reports *reports, struct integrity *ret);

/* Fills in the outcome's cost, wall time and histograms. Stream: per message of all producers. Pingpong: per round trip
 * of each client, which all make theirs at once. Paced: the median latency. */
void account_cost(const struct setup *setup, const struct reports *reports, uint64_t count, bool is_synthetic,
                  struct outcome *outcome);

/* The mean of each side's workers. */
struct memory account_memory(const struct setup *setup, const struct reports *reports);

/* What of an epoch does not grow with its messages; NaN: not known. */
double account_fixed_ns(const struct setup *setup, const struct reports *reports);

#endif

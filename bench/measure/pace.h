/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of a paced cell: when each message is due, how many make an epoch, and whether the channel kept up.
 *
 * Latency is taken from when a message was due, not from when it was really sent: a channel that makes its producer
 * wait would otherwise hide that wait (coordinated omission: Tene, "How NOT to measure latency", 2013).
 */
#ifndef WEIR_BENCH_PACE_H
#define WEIR_BENCH_PACE_H

#include "cell.h"

/* When message `number` (from 0) of a producer is due, after the first of all. The producers take turns. */
static inline int64_t pace_due_ns(double interval_ns, uint32_t producers, uint32_t producer, uint64_t number)
{
    return (int64_t)((double)(number * producers + producer) * interval_ns);
}

/* Between two messages of all producers together. */
static inline double pace_interval_ns(const struct setup *setup)
{
    return 1e9 / setup->rate;
}

/* Messages of each producer in an epoch: 50 ms worth of them, but at least 20 in all if they take no longer than a
 * second, and so few that a channel which cannot keep up does not take long either. */
uint64_t pace_count(const struct setup *setup);

/* What came of an epoch. */
struct arrivals {
    uint64_t messages;
    int64_t start_ns;          /* when the first was due */
    int64_t first_ns, last_ns; /* when the first and the last came */
    int64_t median_ns;         /* latency */
};

struct pace pace_of_arrivals(const struct setup *setup, const struct arrivals *arrivals);

#define PACE_KEPT 0.98 /* of the rate; less is clearly less */

/* Of a cell: the medians of its rounds. */
struct pace pace_of_cell(const struct cell *cell);

/* Whether messages came more slowly than they were due, and the backlog grew all the time. Then latency says how long
 * the epochs were, and nothing about the channel. If a backlog grows steadily, the last message is about twice as late
 * as the median one; if workers are only held up now and then, it is about as late. If it is late by more times than
 * messages are missing, then half of all came before the next one was due, and only the last few were held up. */
bool pace_is_saturated(const struct setup *setup, struct pace pace);

/* In three quarters of its rounds: on a busy machine it may look so now and then. */
bool cell_is_saturated(const struct cell *cell);

#endif

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
#include "proto/report.pb.h"

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

/* The timetable is cut into parts of 1, 2, 4, ... messages, so that there are at most PACE_PARTS, and more than half as
 * many where there are as many messages. How late messages were in each tells a backlog that grows from one that comes
 * and goes. */
#define PACE_PARTS (sizeof((weir_Report *)NULL)->late_ns / sizeof((weir_Report *)NULL)->late_ns[0])

/* Which part the message `number` of all producers is in: number >> shift. */
unsigned pace_part_shift(uint64_t messages);

/* What came of an epoch. */
struct arrivals {
    uint64_t messages;
    int64_t first_ns, last_ns;   /* when the first and the last came */
    int64_t late_ns[PACE_PARTS]; /* after they were due, summed up over the messages of each part */
};

struct pace pace_of_arrivals(const struct setup *setup, const struct arrivals *arrivals);

#define PACE_KEPT 0.98 /* of the rate; less is clearly less */

/* Of a cell: the medians of its rounds. */
struct pace pace_of_cell(const struct cell *cell);

/* Whether messages came more slowly than they were due, and the backlog grew all the time. Then latency says how long
 * the epochs were, and nothing about the channel. A worker that is held up for a while makes messages late, too, but
 * not ever later: growth is the median over all pairs of parts (Theil, "A rank-invariant method of linear and
 * polynomial regression analysis", 1950), which a few parts cannot move. */
bool pace_is_saturated(const struct setup *setup, struct pace pace);

/* In three quarters of its rounds: on a busy machine it may look so now and then. */
bool cell_is_saturated(const struct cell *cell);

#endif

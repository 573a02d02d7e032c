/* SPDX-License-Identifier: MIT
 *
 * Between waiting.c, which decides what to do until an attempt succeeds, and sleeping.c, which does the sleeping.
 */
#ifndef WEIR_WAITING_H
#define WEIR_WAITING_H

#include "core.h"

/* Messages that travel by themselves, and whatever cannot be slept for, are looked for so often. */
#define STRAGGLER_NS INT64_C(1000000)

/* One wait, between two looks at the channel's state. */
struct weir_sleep {
    int64_t now_ns;
    int64_t until_ns;
    uint32_t seen;   /* the doorbell's count before the look */
    bool heard_news; /* and the channel has not ended all the same */
    bool is_slice;   /* it may be a whole slice long */
};

static inline int64_t weir_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline bool weir_is_process_private(const struct weir_endpoint *endpoint)
{
    return endpoint->channel->config.span == WEIR_SPAN_THREADS;
}

/* Whether the channel may have ended for this endpoint: to be looked at before any sleep. */
bool weir_has_news(struct weir_endpoint *endpoint);

/* Sleeps once, for the whole wait at most, and tries before and after as the way to sleep demands: what the last
 * attempt said. `futile`: see sleep_on_fd; 0 at first. */
ssize_t weir_sleep(struct weir_endpoint *endpoint, struct weir_attempt *attempt, const struct weir_sleep *wait,
                   unsigned *futile);

/* Announces an endpoint that is polled; one more look must follow. False: there is nobody to announce. */
bool weir_arm_poller(struct weir_endpoint *endpoint);

#endif

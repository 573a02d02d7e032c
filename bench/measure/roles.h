/* SPDX-License-Identifier: MIT
 *
 * What the workers of an epoch do: the producer and the consumer of a stream, the client and the server of a pingpong.
 * The same bodies run as threads and as processes.
 */
#ifndef WEIR_BENCH_ROLES_H
#define WEIR_BENCH_ROLES_H

#include "cell.h"
#include "stage.h"

/* An epoch as its workers see it. Read only, but for the stage. */
struct epoch {
    const struct setup *setup;
    struct stage *stage;
    uint32_t run;                  /* drawn for each epoch: a message of another epoch is damage */
    uint64_t warm;                 /* messages of each producer before the clock starts */
    uint64_t count;                /* and while it runs */
    uint64_t timed;                /* pingpong: and after it has stopped, each timed but the first; else 0 */
    bool exploring;                /* not a round: memory may be looked at as well */
    bool shares_cpu;               /* some worker has to share its CPU with another */
    bool is_synthetic;             /* receives are made up (the null driver) */
    struct weir_channel *channel;  /* producers to consumers */
    struct weir_channel **replies; /* pingpong: to each producer; else NULL */
};

/* What each producer sends. */
static inline uint64_t epoch_messages(const struct epoch *epoch)
{
    return epoch->warm + epoch->count + epoch->timed;
}

/* One worker's argument. */
struct part {
    const struct epoch *epoch;
    enum weir_role role;
    uint32_t index;
};

/* A weir_worker_body over a struct part. Sends its histograms and one report home and returns 0, or 1 if it could not.
 */
int play_part(void *part, int report_fd);

/* "producer 2 (process)" */
const char *part_name(const struct part *part, char *buffer, size_t capacity);

/* A body of a thread can take the whole process along: makes fatal signals leave the culprit's mark on the stage. */
void mark_crashes(void);

#endif

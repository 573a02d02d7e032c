/* SPDX-License-Identifier: MIT
 *
 * The schedule: calibrate each cell, then go round all of them, an epoch each, in a balanced order, so that whatever
 * the machine does in the meantime happens to all alike.
 */
#ifndef WEIR_BENCH_ROUNDS_H
#define WEIR_BENCH_ROUNDS_H

#include "cli/progress.h"
#include "journal.h"

struct schedule {
    uint64_t rounds;     /* at most so many; 0: as many as the budget allows */
    int64_t budget_ns;   /* of the whole, calibration included; 0: until the rounds are done */
    bool budget_is_firm; /* asked for by the user: kept, or refused. Else there are 3 rounds, however long they take */
    double precision;    /* > 0: stop when each cell's interval is at most this share of its median to either side */
    int64_t epoch_ns;    /* how long an epoch should be; 0: EPOCH_NS */
    uint64_t seed;       /* of the order and of the messages */
    int interrupt_fd;
};

enum rounds_end { ROUNDS_DONE, ROUNDS_INTERRUPTED, ROUNDS_NO_MEMORY, ROUNDS_BUDGET_TOO_SMALL };

/* Fills in the results of the cells, and the journal (all zero before; also to be freed after a failure). Baselines are
 * the cells so marked, or the first that can be measured. *ret_needed_ns, with ROUNDS_BUDGET_TOO_SMALL only: about how
 * long one round would have taken, calibration included. */
enum rounds_end rounds_run(struct cells *cells, const struct schedule *schedule, struct progress *progress,
                           struct journal *journal, int64_t *ret_needed_ns);

/* Whether each cell that could be measured is known as precisely as that. */
bool rounds_are_precise(const struct cells *cells, const struct journal *journal, double precision);

#endif

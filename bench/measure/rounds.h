/* SPDX-License-Identifier: MIT
 *
 * The schedule: calibrate each cell, then go round all of them, an epoch each, in an order drawn anew every time, so
 * that whatever the machine does in the meantime happens to all alike.
 */
#ifndef WEIR_BENCH_ROUNDS_H
#define WEIR_BENCH_ROUNDS_H

#include "cell.h"
#include "cli/progress.h"

struct schedule {
    uint64_t rounds;   /* at most so many; 0: as many as the budget allows, at least 3 */
    int64_t budget_ns; /* of the whole, calibration included; 0: until the rounds are done */
    uint64_t seed;     /* of the order and of the messages */
    int interrupt_fd;
};

enum rounds_end { ROUNDS_DONE, ROUNDS_INTERRUPTED, ROUNDS_NO_MEMORY };

/* Fills in the results of the cells. *ret_rounds: how many rounds were whole. */
enum rounds_end rounds_run(struct cells *cells, const struct schedule *schedule, struct progress *progress,
                           uint64_t *ret_rounds);

#endif

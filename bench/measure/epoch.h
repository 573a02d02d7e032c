/* SPDX-License-Identifier: MIT
 *
 * One epoch, from the program's side: start its runner, wait, settle the account.
 */
#ifndef WEIR_BENCH_EPOCH_H
#define WEIR_BENCH_EPOCH_H

#include "cell.h"
#include "histogram.h"
#include "stage.h"

struct outcome {
    enum cell_status status;
    char reason[512];
    int64_t wall_ns; /* what was measured, as a whole, messages that were timed one by one included */
    struct epoch_cost cost;
    const struct histogram *latency, *uncorrected; /* NULL: not measured; good until the next epoch */
    struct integrity integrity;
    struct memory memory; /* of an exploring epoch */
    double fixed_ns;      /* likewise */
};

/* What to do in an epoch. */
struct epoch_plan {
    uint32_t run;         /* a message of another run is damage */
    uint64_t warm, count; /* messages of each producer */
    bool exploring;       /* not a round: look at memory as well */
};

/* Runs one epoch of the cell and fills in the cell's effective values. `interrupt_fd` becomes readable when the user
 * wants to stop: then everything is killed and 1 is returned, and the outcome means nothing; else 0. */
int epoch_run(struct cell *cell, struct stage *stage, const struct epoch_plan *plan, int interrupt_fd,
              struct outcome *ret);

#endif

/* SPDX-License-Identifier: MIT
 *
 * How many messages make an epoch of the right length. The epochs that find it out warm up code and pages, and look at
 * what would disturb a measurement (memory); they are checked as all others, and are not rounds.
 */
#ifndef WEIR_BENCH_CALIBRATION_H
#define WEIR_BENCH_CALIBRATION_H

#include "epoch.h"

/* Long enough that two clock reads, a first wake and the last few microseconds do not matter; also for a pingpong,
 * whose cost is half of it. */
#define EPOCH_NS INT64_C(12000000)

/* What every epoch of a run needs. */
struct measurer {
    struct stage *stage;
    uint64_t random;
    int interrupt_fd;
    int64_t epoch_ns; /* how long an epoch should be */
    int64_t took_ns;  /* by the last epoch, with all that belongs to it */
};

/* Measures one epoch of the cell; one that fails makes the cell a failed one. 1: interrupted, else 0. */
int measure(struct measurer *measurer, struct cell *cell, bool exploring, struct outcome *outcome);

/* Finds cell->count and cell->memory. 1: interrupted, else 0. */
int calibrate(struct measurer *measurer, struct cell *cell);

/* After a round: a cell whose epochs have become far too short gets more messages. */
void recalibrate(const struct measurer *measurer, struct cell *cell, int64_t wall_ns);

#endif

/* SPDX-License-Identifier: MIT
 *
 * A crew: some workers, threads or processes, that begin together and do the same work, in a process of its own, so
 * that one who crashes takes nothing along but what the lesson is about.
 */
#ifndef WEIR_BENCH_CREW_H
#define WEIR_BENCH_CREW_H

#include <weir/weir.h>

#include "experiment.h"

#define CREW_MOST 256

struct crew {
    enum weir_worker_kind kind;
    uint32_t count;  /* 1 to CREW_MOST */
    const char *pin; /* as of weir_placement, half of them as consumers; NULL: "auto" */
    /* What each does, once all are there; `shared` is seen by all. The result is the worker's end. */
    int (*work)(void *shared, uint32_t index);
    void *shared; /* from crew_memory where processes are to see what others write */
    /* Done by the crew's own process before they are started; NULL: nothing. */
    void (*before)(void *shared);
    /* Done by the crew's own process meanwhile, once all have begun; NULL: nothing. */
    void (*meanwhile)(void *shared);
    bool is_deadly; /* some are to die of it: else a death, and a result other than 0, is trouble */
};

struct crew_result {
    double wall_ns;               /* from the start until the last has ended its work; NaN: one has not */
    struct weir_worker_end house; /* of the process in which they were */
};

/* Zeroed memory that forked processes share; NULL if there is none. munmap frees it. */
void *crew_memory(size_t bytes);

/* On how many CPUs a crew of so many may be, placed like that; at least 1. */
uint32_t crew_cpus(const char *pin, uint32_t count);

/* Runs the crew until all have ended. 0, 1 (interrupted: nobody is left), or as experiment_failed. */
int crew_run(struct experiment *experiment, const struct crew *crew, struct crew_result *ret);

#endif

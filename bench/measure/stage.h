/* SPDX-License-Identifier: MIT
 *
 * The stage: what the workers of an epoch, their runner and the program share while it runs, in memory that all of
 * them see. Each worker writes its own line only; the others read it. Nothing here is on the path of a message but one
 * relaxed store of a counter to a line that nobody else writes.
 */
#ifndef WEIR_BENCH_STAGE_H
#define WEIR_BENCH_STAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/weir.h>

#define STAGE_MOST_WORKERS 512

enum phase { PHASE_STARTING, PHASE_READY, PHASE_MEASURING, PHASE_MEASURED };

struct stage_slot {
    _Alignas(128) _Atomic uint64_t count; /* messages sent (producers), received (consumers), or trips */
    _Atomic uint32_t phase;               /* enum phase */
    _Atomic int32_t pid, tid;
    _Atomic int32_t crashed; /* the fatal signal that this worker, a thread, has had; else 0 */
};

struct stage {
    _Atomic uint32_t go;      /* all have attached */
    _Atomic int64_t start_ns; /* paced: when the first message is due; 0: not yet known */
    /* From the runner: what went wrong, and the channel's effective values once it is made. */
    char trouble[512];
    bool created;
    int refusal; /* the code with which the channel could not be made */
    size_t depth;
    enum weir_wait wait;
    uint32_t capabilities;
    /* By the producer that was the first to have sent its last measured message; see stage_note_finish. */
    _Atomic uint32_t finished;
    double least_share;                          /* meaningful once `finished` is set */
    struct stage_slot slots[STAGE_MOST_WORKERS]; /* producers, then consumers */
};

/* Mapped once, shared with everything that is forked later; NULL if memory ran out. */
struct stage *stage_create(void);

/* Before each epoch. */
void stage_clear(struct stage *stage);

/* The sum of the counts of `count` slots from `first`. */
uint64_t stage_sum(const struct stage *stage, uint32_t first, uint32_t count);

/* Whether all of `count` slots from `first` have come to a phase. */
bool stage_all(const struct stage *stage, uint32_t first, uint32_t count, enum phase phase);

/* For a producer, when its last measured message is sent: if it is the first, notes how far the others have come. The
 * share of each is its count over the mean of all; each had sent `before` when the clock started. */
void stage_note_finish(struct stage *stage, uint32_t producers, uint64_t before);

/* A pause between two looks at the stage: short at first, so that workers start together, then longer. */
void stage_pause(unsigned looks);

#endif

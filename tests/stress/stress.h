/* SPDX-License-Identifier: MIT
 *
 * The stress test: what its parts share. stress.c makes rounds, each a channel of a random shape, and kills; party.c is
 * what the workers do.
 */
#ifndef WEIR_STRESS_H
#define WEIR_STRESS_H

#include <stdatomic.h>
#include <stdbool.h>

#include <weir/weir.h>

#define MOST_SIDE        4
#define MOST_LIVES       64 /* of a place: each worker that takes it after another's death is a further one */
#define MOST_BYTES       20000
#define LEAST_BYTES      16 /* the header of a message */
#define PATIENCE_NS      INT64_C(20000000000)
#define MOST_INCARNATION 0xffff

/* What the workers of a round and the parent see. */
struct board {
    atomic_bool done[2][MOST_SIDE];      /* by role and place: its worker will not come back */
    atomic_ulong begun, sent, received;  /* messages; begun: before the send */
    atomic_uint kills[2];                /* by role, counted before the kill */
    atomic_uint failed;                  /* 1: `reason` tells why */
    atomic_uint incarnations[MOST_SIDE]; /* of producers' endpoints, ever */
    atomic_bool in_pieces; /* who was killed left half a message on its way through the kernel: the round ends */
    char reason[400];
};

struct round {
    struct weir_channel *channel;
    struct weir_channel_info info;
    struct board *board;
    uint64_t seed;
    uint32_t messages; /* of each worker of a producer's place */
    bool may_return;   /* consumers detach and come back, too */
    bool kills;
};

/* A worker's argument. */
struct party {
    const struct round *round;
    enum weir_role role;
    uint32_t index, life;
};

/* A weir_worker_body. */
int take_part(void *party, int report_fd);

/* Splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t word = (*state += UINT64_C(0x9e3779b97f4a7c15));
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

static inline uint32_t below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(draw(state) >> 32) % limit;
}

#endif

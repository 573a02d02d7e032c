/* SPDX-License-Identifier: MIT
 *
 * A pair of fences of which one side pays. Two sides that each store and then look at what the other has stored miss
 * each other unless both have a full fence in between (Dekker's argument). One of the two is on the hot path of every
 * message here, and a full fence there waits until all that was written has left this CPU: more than the message
 * itself costs. With membarrier(2) the rare side, which is about to sleep, has the kernel run a full fence on each CPU
 * that runs one of the others, and those need none of their own.
 *
 *   frequent side: store, weir_fence_light, look       rare side: store, weir_fence_heavy, look
 *
 * Where membarrier is not to be had, and where ends sleep for each message, both sides pay as usual
 * (weir_fence_is_asymmetric is then false). ThreadSanitizer does not know fences (and gcc refuses them there): that
 * build takes a read-modify-write of a word instead.
 */
#ifndef WEIR_FENCE_H
#define WEIR_FENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sanitizer.h"

/* Which fences the two sides have agreed upon. */
enum weir_fence {
    WEIR_FENCE_BOTH = 0,  /* a full one on each side */
    WEIR_FENCE_THREADS,   /* membarrier within this process */
    WEIR_FENCE_PROCESSES, /* membarrier over all processes that have registered */
};

/* What this machine offers: WEIR_FENCE_BOTH, or the kind for one process or several. */
enum weir_fence weir_fence_offered(bool shared);

/* Before its first light fence, each process (a forked one has it from its parent): 0, or -1, then it must use
 * WEIR_FENCE_BOTH for its own. Idempotent. */
int weir_fence_register(enum weir_fence fence);

/* 0, or -1 if the kernel refused: then only this CPU was fenced. */
int weir_fence_heavy(enum weir_fence fence, _Atomic uint32_t *word);

static inline void weir_fence_full(_Atomic uint32_t *word)
{
#if WEIR_THREAD_SANITIZER
    atomic_fetch_add(word, 1);
#else
    (void)word;
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

static inline void weir_fence_light(enum weir_fence fence, _Atomic uint32_t *word)
{
    if (fence == WEIR_FENCE_BOTH)
        weir_fence_full(word);
    else
        atomic_signal_fence(memory_order_seq_cst); /* the compiler keeps the order, membarrier has the CPU keep it */
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Doorbells: how an endpoint sleeps until the other side has done something, and how that side wakes it without a
 * system call while nobody sleeps.
 *
 *   sleeper                               waker
 *   1. read `rings`                       1. publish (the driver: release)
 *   2. announce itself in `sleepers`      2. light fence
 *   3. heavy fence                        3. is a sleeper announced? no: done
 *   4. look again: something there? done  4. take the announcement off, count up `rings`, wake
 *   5. futex_wait while `rings` is as read
 *
 * The two fences (fence.h) make it impossible that both miss each other: either the sleeper's second look
 * (4) sees what was published, or the waker (3) sees the announcement. `rings` closes the rest: a wake between 4 and 5
 * has changed it, and futex_wait returns at once. An announcement is taken off by the wake that it caused, so that a
 * sleeper costs one system call, once per sleep; a dead one leaves at most one announcement, which costs one futile
 * wake.
 *
 * Where all sleepers are woken, those who find nothing announce anew. Where one is (any of them can take any message),
 * the announcement stays for the others until a wake has found nobody, and is then taken off unless somebody has
 * announced himself meanwhile: the count of announcements says so. Who announced himself before that and does not sleep
 * yet will find `rings` changed. A sleeper that is woken and dies takes the wake along; the others look by themselves
 * within a slice.
 *
 * A heavy fence is dear where the other CPU is busy. Who sleeps often therefore asks the wakers to fence for
 * themselves (BELL_FENCED); once one heavy fence has passed after that (BELL_SETTLED), light ones are enough on both
 * sides: whoever looks at the word sees the request, and whoever looked before has published before that fence.
 */
#ifndef WEIR_BELL_H
#define WEIR_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fence.h"

#define BELL_SLEEPER 1u  /* somebody sleeps on `rings` */
#define BELL_POLLER  2u  /* somebody polls the bell's eventfd */
#define BELL_FENCED  4u  /* wakers fence and look again */
#define BELL_HEEDED  7u  /* what a waker must look at: any of the above */
#define BELL_SETTLED 8u  /* and all of them know */
#define BELL_ONE     16u /* one announcement; their count is in the upper bits */

struct weir_bell {
    _Alignas(64) _Atomic uint32_t rings;
    _Atomic uint32_t sleepers; /* BELL_* bits, and how many announcements there have been */
    _Atomic uint32_t fence;    /* for fence.h; only ThreadSanitizer builds write it */
};

/* The sleeper's (or poller's) steps 2 and 3: `who` is BELL_SLEEPER or BELL_POLLER. `often`: it does so for nearly every
 * message. 0, or -1 if the fence was refused: a wake may then be missed, and the sleep must be short. */
int weir_bell_announce(struct weir_bell *bell, uint32_t who, enum weir_fence fence, bool often);

/* It does not any more: wakers need not fence. Others may have announced themselves in reliance on it. A waker that
 * looked before their announcement found the request, which was still there, and fences; one that looks after it finds
 * the announcement. Who announces himself later finds the request gone, and fences heavily. */
void weir_bell_relax(struct weir_bell *bell);

/* Slow half of a waker: somebody may be announced. `one`: a single sleeper is to be woken, and not all. `poll_fd` holds
 * the eventfd of the bell's pollers, or -1. */
void weir_bell_wake(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd, bool one);

/* Wakes whoever sleeps, announced or not: for events that are not published by a driver. `poll_fd` NULL: of no interest
 * to pollers. */
void weir_bell_wake_always(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd);

/* Sleeps while `rings` is `seen`, until woken or for at most `timeout_ns`. Whether that time has passed. */
bool weir_bell_sleep(struct weir_bell *bell, uint32_t seen, bool private_futex, int64_t timeout_ns);

/* The hot path of a waker, after it has published. */
static inline bool weir_bell_wanted(struct weir_bell *bell, enum weir_fence fence)
{
    weir_fence_light(fence, &bell->fence); /* pairs with the heavy one in weir_bell_announce */
    return (atomic_load_explicit(&bell->sleepers, memory_order_relaxed) & BELL_HEEDED) != 0;
}

#endif

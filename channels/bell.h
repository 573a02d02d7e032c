/* SPDX-License-Identifier: MIT
 *
 * Doorbells: how an endpoint sleeps until the other side has done something, and how that side wakes it without a
 * system call while nobody sleeps.
 *
 *   sleeper                               waker
 *   1. read `rings`                       1. publish (the driver: release)
 *   2. announce itself in `sleepers`      2. full fence
 *   3. full fence                         3. is a sleeper announced? no: done
 *   4. look again: something there? done  4. take the announcement off, count up `rings`, wake
 *   5. futex_wait while `rings` is as read
 *
 * The two fences make it impossible that both miss each other (Dekker's argument): either the sleeper's second look
 * (4) sees what was published, or the waker (3) sees the announcement. `rings` closes the rest: a wake between 4 and 5
 * has changed it, and futex_wait returns at once. An announcement is taken off by the wake that it caused, so that a
 * sleeper costs one system call, once per sleep; all sleepers are woken and those who find nothing announce anew.
 * A dead sleeper leaves at most one announcement, which costs one futile wake.
 */
#ifndef WEIR_BELL_H
#define WEIR_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sanitizer.h"

#define BELL_SLEEPER 1u /* somebody sleeps on `rings` */
#define BELL_POLLER  2u /* somebody polls the bell's eventfd */

struct weir_bell {
    _Alignas(64) _Atomic uint32_t rings;
    _Atomic uint32_t sleepers; /* BELL_* bits */
    _Atomic uint32_t fence;    /* see weir_full_fence; only ThreadSanitizer builds write it */
};

/* Orders everything before it against everything after it, stores against later loads included. ThreadSanitizer does
 * not know fences (and gcc refuses them there), so that build takes a read-modify-write instead. */
static inline void weir_full_fence(struct weir_bell *bell)
{
#if WEIR_THREAD_SANITIZER
    atomic_fetch_add(&bell->fence, 1);
#else
    (void)bell;
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Slow half of weir_bell_ring: somebody is announced. `poll_fd` holds the eventfd of the bell's pollers, or -1. */
void weir_bell_wake(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd);

/* Wakes whoever sleeps, announced or not: for events that are not published by a driver. */
void weir_bell_wake_always(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd);

/* Sleeps while `rings` is `seen`, until woken or for at most `timeout_ns`. */
void weir_bell_sleep(struct weir_bell *bell, uint32_t seen, bool private_futex, int64_t timeout_ns);

/* The hot path of a waker, after it has published. */
static inline bool weir_bell_wanted(struct weir_bell *bell)
{
    weir_full_fence(bell); /* pairs with the sleeper's fence, in sleep_on_bell and arm_poller of waiting.c */
    return atomic_load_explicit(&bell->sleepers, memory_order_relaxed) != 0;
}

#endif

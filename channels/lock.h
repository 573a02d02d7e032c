/* SPDX-License-Identifier: MIT
 *
 * A lock for short critical sections in memory that processes share. It survives the death of its holder: the next
 * one gets it with WEIR_EPEERDIED's meaning and repairs what it protects.
 */
#ifndef WEIR_LOCK_H
#define WEIR_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/channel.h>

struct weir_lock {
    pthread_mutex_t mutex;
};

/* `shared`: between processes. 0 or WEIR_ESYSTEM. */
int weir_lock_init(struct weir_lock *lock, bool shared);

/* The same for a lock that no thread dies with while its process lives: within one process it need not be robust, which
 * halves its cost. */
int weir_lock_init_brief(struct weir_lock *lock, bool shared);

/* 0: taken. WEIR_EPEERDIED: taken, and its last holder died inside: repair before going on. WEIR_EAGAIN: its holder
 * did not let go in 25 ms (stopped, or the machine is overloaded). WEIR_ESYSTEM. */
int weir_lock_take(struct weir_lock *lock);

void weir_lock_give(struct weir_lock *lock);

/* For who wants to be woken when the lock's holder dies: the word to wait on (a shared futex) and the value that it has
 * until then, from Linux's robust futexes. NULL if nobody alive holds the lock, or if its word is not known. The kernel
 * wakes one of those who wait, and a holder that gives the lock wakes one too. */
_Atomic uint32_t *weir_lock_watch(struct weir_lock *lock, uint32_t *ret_value);

#endif

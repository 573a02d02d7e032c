/* SPDX-License-Identifier: MIT
 *
 * A lock for short critical sections in memory that processes share. It survives the death of its holder: the next
 * one gets it with WEIR_EPEERDIED's meaning and repairs what it protects.
 */
#ifndef WEIR_LOCK_H
#define WEIR_LOCK_H

#include <pthread.h>
#include <stdbool.h>

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

#endif

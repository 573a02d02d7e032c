/* SPDX-License-Identifier: MIT
 *
 * A robust pthread mutex whose every attribute is checked, and which nobody waits on for ever.
 */
#include "lock.h"

#include <errno.h>
#include <time.h>

#define LOCK_PATIENCE_NS INT64_C(25000000)

int weir_lock_init(struct weir_lock *lock, bool shared)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0)
        return WEIR_ESYSTEM;
    int failed = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (!failed && shared)
        failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (!failed)
        failed = pthread_mutex_init(&lock->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed ? WEIR_ESYSTEM : 0;
}

int weir_lock_take(struct weir_lock *lock)
{
    int result = pthread_mutex_trylock(&lock->mutex);
    if (result == EBUSY) {
        int64_t until = weir_now_ns() + LOCK_PATIENCE_NS;
        struct timespec deadline = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
        result = pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &deadline);
    }
    if (result == EOWNERDEAD) {
        pthread_mutex_consistent(&lock->mutex);
        return WEIR_EPEERDIED;
    }
    if (result == ETIMEDOUT)
        return WEIR_EAGAIN;
    return result == 0 ? 0 : WEIR_ESYSTEM;
}

void weir_lock_give(struct weir_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

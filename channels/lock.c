/* SPDX-License-Identifier: MIT
 *
 * A robust pthread mutex whose every attribute is checked, and which nobody waits on for ever.
 */
#include "lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <time.h>

#include "sanitizer.h"

#define LOCK_PATIENCE_NS INT64_C(25000000)

static int init(struct weir_lock *lock, bool robust, bool shared)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0)
        return WEIR_ESYSTEM;
    int failed = robust ? pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) : 0;
    if (!failed && shared)
        failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (!failed)
        failed = pthread_mutex_init(&lock->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed ? WEIR_ESYSTEM : 0;
}

int weir_lock_init(struct weir_lock *lock, bool shared)
{
    return init(lock, true, shared);
}

int weir_lock_init_brief(struct weir_lock *lock, bool shared)
{
    return init(lock, shared, shared);
}

/* Until the lock is free, or the patience is over (ETIMEDOUT). */
static int lock_in_time(pthread_mutex_t *mutex)
{
    int64_t until = weir_now_ns() + LOCK_PATIENCE_NS;
#if WEIR_THREAD_SANITIZER
    int result;
    while ((result = pthread_mutex_trylock(mutex)) == EBUSY && weir_now_ns() < until)
        sched_yield();
    return result == EBUSY ? ETIMEDOUT : result;
#else
    struct timespec deadline = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &deadline);
#endif
}

int weir_lock_take(struct weir_lock *lock)
{
    int result = pthread_mutex_trylock(&lock->mutex);
    if (result == EBUSY)
        result = lock_in_time(&lock->mutex);
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

/* The meaning of the word is the kernel's, which reads it when a thread dies (Documentation/locking/robust-futex-ABI in
 * Linux): the holder's thread number, a bit that says that somebody waits, a bit that says that the holder has died.
 * Where it lies in a mutex is glibc's. */
_Atomic uint32_t *weir_lock_watch(struct weir_lock *lock, uint32_t *ret_value)
{
#ifdef __GLIBC__
    _Atomic uint32_t *word = (_Atomic uint32_t *)&lock->mutex.__data.__lock;
    uint32_t value = atomic_load_explicit(word, memory_order_relaxed);
    while ((value & FUTEX_TID_MASK) != 0 && !(value & (FUTEX_OWNER_DIED | FUTEX_WAITERS)))
        if (atomic_compare_exchange_weak_explicit(word, &value, value | FUTEX_WAITERS, memory_order_relaxed,
                                                  memory_order_relaxed))
            value |= FUTEX_WAITERS;
    *ret_value = value;
    return (value & FUTEX_TID_MASK) != 0 && !(value & FUTEX_OWNER_DIED) ? word : NULL;
#else
    (void)lock, (void)ret_value;
    return NULL;
#endif
}

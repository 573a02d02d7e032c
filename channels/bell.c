/* SPDX-License-Identifier: MIT
 *
 * The system calls of a doorbell. The protocol is in bell.h.
 */
#include "bell.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "checked.h"

static long futex(_Atomic uint32_t *word, int operation, bool private_futex, uint32_t value,
                  const struct timespec *timeout)
{
    return syscall(SYS_futex, word, operation | (private_futex ? FUTEX_PRIVATE_FLAG : 0), value, timeout, NULL, 0);
}

/* An eventfd that is full (2^64 - 2 rings unread) is readable already, so a failed write is no loss. */
static void ring_poller(const _Atomic int *poll_fd)
{
    int fd = atomic_load_explicit(poll_fd, memory_order_acquire); /* partner: bell_descriptor, endpoint.c */
    const uint64_t one = 1;
    if (fd >= 0) {
        ssize_t written = write(fd, &one, sizeof one);
        (void)written;
    }
}

int weir_bell_announce(struct weir_bell *bell, uint32_t who, enum weir_fence fence, bool often)
{
    uint32_t request = often && fence != WEIR_FENCE_BOTH ? BELL_FENCED : 0;
    uint32_t before = atomic_load_explicit(&bell->sleepers, memory_order_relaxed);
    /* Release: partner of the acquire in weir_bell_wake, which must find a poller's descriptor. */
    while (!atomic_compare_exchange_weak_explicit(&bell->sleepers, &before, (before + BELL_ONE) | who | request,
                                                  memory_order_release, memory_order_relaxed))
        ;
    bool settled = (before & BELL_SETTLED) != 0;
    /* Pairs with the waker's fence, in weir_bell_wanted or in weir_bell_wake. */
    int refused = weir_fence_heavy(settled ? WEIR_FENCE_BOTH : fence, &bell->fence);
    /* Only this very request is settled: not one that somebody made after another had taken it back. */
    uint32_t now = atomic_load_explicit(&bell->sleepers, memory_order_relaxed);
    while (request != 0 && !settled && !refused && (now & BELL_FENCED) && now / BELL_ONE == before / BELL_ONE + 1)
        if (atomic_compare_exchange_weak_explicit(&bell->sleepers, &now, now | BELL_SETTLED, memory_order_relaxed,
                                                  memory_order_relaxed))
            break;
    return refused;
}

void weir_bell_relax(struct weir_bell *bell)
{
    if (atomic_load_explicit(&bell->sleepers, memory_order_relaxed) & BELL_FENCED)
        atomic_fetch_and_explicit(&bell->sleepers, ~(BELL_FENCED | BELL_SETTLED), memory_order_relaxed);
}

static void wake_sleepers(struct weir_bell *bell, bool private_futex, uint32_t announced, bool one)
{
    if (!one)
        atomic_fetch_and_explicit(&bell->sleepers, ~BELL_SLEEPER, memory_order_acq_rel);
    atomic_fetch_add_explicit(&bell->rings, 1, memory_order_release); /* partner: the read before the sleep */
    long woken = futex(&bell->rings, FUTEX_WAKE, private_futex, one ? 1 : INT_MAX, NULL);
    if (one && woken == 0)
        atomic_compare_exchange_strong_explicit(&bell->sleepers, &announced, announced & ~BELL_SLEEPER,
                                                memory_order_relaxed, memory_order_relaxed);
}

void weir_bell_wake(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd, bool one)
{
    uint32_t announced = atomic_load_explicit(&bell->sleepers, memory_order_relaxed);
    if (announced & BELL_FENCED) {
        weir_fence_full(&bell->fence); /* pairs with the sleeper's, in weir_bell_announce */
        announced = atomic_load_explicit(&bell->sleepers, memory_order_relaxed);
    }
    if (announced & BELL_SLEEPER)
        wake_sleepers(bell, private_futex, announced, one);
    /* Acquire: partner of the announcement of a poller, whose descriptor is then seen. */
    if ((announced & BELL_POLLER) &&
        (atomic_fetch_and_explicit(&bell->sleepers, ~BELL_POLLER, memory_order_acq_rel) & BELL_POLLER))
        ring_poller(poll_fd);
}

void weir_bell_wake_always(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd)
{
    atomic_fetch_add_explicit(&bell->rings, 1, memory_order_release); /* partner: the read before the sleep */
    futex(&bell->rings, FUTEX_WAKE, private_futex, INT_MAX, NULL);
    if (poll_fd != NULL)
        ring_poller(poll_fd);
}

bool weir_bell_sleep(struct weir_bell *bell, uint32_t seen, bool private_futex, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    WEIR_CHECK(timeout_ns > 0, "nobody sleeps for ever, or for no time");
    /* Woken, timed out, interrupted or too late: in each case the caller looks again. */
    return futex(&bell->rings, FUTEX_WAIT, private_futex, seen, &timeout) < 0 && errno == ETIMEDOUT;
}

/* SPDX-License-Identifier: MIT
 *
 * The system calls of a doorbell. The protocol is in bell.h.
 */
#include "bell.h"

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

int weir_bell_announce(struct weir_bell *bell, uint32_t who, enum weir_fence fence)
{
    /* Release: partner of the exchange in weir_bell_wake, which must find a poller's descriptor. */
    atomic_fetch_or_explicit(&bell->sleepers, who, memory_order_release);
    return weir_fence_heavy(fence, &bell->fence); /* pairs with the waker's fence in weir_bell_wanted */
}

void weir_bell_wake(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd)
{
    /* Acquire: partner of the announcement of a poller, whose descriptor is then seen. */
    uint32_t announced = atomic_exchange_explicit(&bell->sleepers, 0, memory_order_acq_rel);
    WEIR_CHECK((announced & ~(BELL_SLEEPER | BELL_POLLER)) == 0, "only sleepers and pollers announce themselves");
    if (announced & BELL_SLEEPER) {
        atomic_fetch_add_explicit(&bell->rings, 1, memory_order_release); /* partner: the read before the sleep */
        futex(&bell->rings, FUTEX_WAKE, private_futex, INT_MAX, NULL);
    }
    if (announced & BELL_POLLER)
        ring_poller(poll_fd);
}

void weir_bell_wake_always(struct weir_bell *bell, bool private_futex, const _Atomic int *poll_fd)
{
    atomic_fetch_add_explicit(&bell->rings, 1, memory_order_release); /* partner: the read before the sleep */
    futex(&bell->rings, FUTEX_WAKE, private_futex, INT_MAX, NULL);
    ring_poller(poll_fd);
}

void weir_bell_sleep(struct weir_bell *bell, uint32_t seen, bool private_futex, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    WEIR_CHECK(timeout_ns > 0, "nobody sleeps for ever, or for no time");
    /* Woken, timed out, interrupted or too late: in each case the caller looks again. */
    futex(&bell->rings, FUTEX_WAIT, private_futex, seen, &timeout);
}

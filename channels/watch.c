/* SPDX-License-Identifier: MIT
 *
 * Watching: how an idle endpoint sleeps for long and still hears of a death at once. The kernel itself releases the
 * `alive` lock of a thread that dies, and wakes one of those who wait on its word (robust futexes). So the sleeper
 * waits on its doorbell and on the words of all seats together (futex_waitv, Linux 5.16).
 *
 * One is woken, of several who watch: whoever was looks at the seats before it does anything else, and tells the others
 * (weir_roster_look). If it dies before that, its own lock wakes the next, for everybody watches everybody, also those
 * of its own role. Who comes or leaves rings the doorbells, so that the seats are watched anew.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "checked.h"
#include "core.h"

/* All that it waits for must ring the doorbell. A message that travels by itself may come later than the ring, so none
 * may be under way. The counts say so: who has sent one counts it before he looks for sleepers. They mean nothing once
 * somebody has died, who may have sent or taken one that he did not count. Room comes by itself even when nothing is
 * counted. */
bool weir_may_idle(const struct weir_endpoint *endpoint)
{
    struct weir_control *control = endpoint->control;
    if (endpoint->driver->capabilities & WEIR_CAP_SYNTHETIC)
        return false;
    if (!endpoint->counts)
        return true;
    return endpoint->view.role == WEIR_CONSUMER && atomic_load(&control->deaths[0]) == 0 &&
           atomic_load(&control->deaths[1]) == 0 && weir_roster_in_flight(endpoint->channel) == 0;
}

#if defined(SYS_futex_waitv) && defined(FUTEX_WAITV_MAX)

static struct futex_waitv as_waiter(const _Atomic uint32_t *word, uint32_t value, bool private_futex)
{
    return (struct futex_waitv){
        .val = value,
        .uaddr = (uintptr_t)word,
        .flags = FUTEX_32 | (private_futex ? FUTEX_PRIVATE_FLAG : 0),
    };
}

/* The locks of all others who are present. False: there are too many, or one of them has died, and it was looked for.
 */
static bool watch_seats(const struct weir_endpoint *endpoint, struct futex_waitv *waiters, unsigned *ret_count)
{
    struct weir_channel *channel = endpoint->channel;
    uint32_t seats = channel->config.producers + channel->config.consumers;
    unsigned count = 0;
    if (seats > FUTEX_WAITV_MAX) /* one's own is not watched, the doorbell is */
        return false;
    for (uint32_t i = 0; i < seats; i++) {
        struct weir_seat *seat = &channel->control->seats[i];
        uint32_t value;
        if (seat == endpoint->seat || atomic_load_explicit(&seat->state, memory_order_acquire) != SEAT_PRESENT)
            continue;
        const _Atomic uint32_t *word = weir_lock_watch(&seat->alive, &value);
        if (word == NULL) {
            weir_roster_look(channel, i < channel->config.producers ? WEIR_PRODUCER : WEIR_CONSUMER);
            return false;
        }
        waiters[count++] = as_waiter(word, value, false); /* the kernel wakes robust futexes as shared ones */
    }
    *ret_count = count;
    return true;
}

bool weir_watch(struct weir_endpoint *endpoint, uint32_t seen, int64_t until_ns)
{
    struct weir_bell *bell = &endpoint->control->bells[endpoint->view.role];
    struct futex_waitv waiters[FUTEX_WAITV_MAX];
    struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    unsigned count;
    if (!watch_seats(endpoint, waiters, &count))
        return false;
    waiters[count++] = as_waiter(&bell->rings, seen, endpoint->channel->config.span == WEIR_SPAN_THREADS);
    long woken = syscall(SYS_futex_waitv, waiters, count, 0, &until, CLOCK_MONOTONIC);
    if (woken < 0 && errno != EAGAIN && errno != ETIMEDOUT && errno != EINTR)
        return false;
    /* Woken by whatever: a wake because of a death may have come as well, and for nobody else. */
    watch_seats(endpoint, waiters, &count);
    return true;
}

#else

bool weir_watch(struct weir_endpoint *endpoint, uint32_t seen, int64_t until_ns)
{
    (void)endpoint, (void)seen, (void)until_ns;
    return false;
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * The ways to sleep: on the doorbell, on the driver's descriptor, in the driver itself; and announcing who polls.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "waiting.h"

static void nap(int64_t nanoseconds)
{
    struct timespec time = {.tv_nsec = nanoseconds};
    nanosleep(&time, NULL);
}

/* ---- sleeping ------------------------------------------------------------------------------------------------ */

static ssize_t sleep_on_bell(struct weir_endpoint *endpoint, struct weir_attempt *attempt,
                             const struct weir_sleep *wait)
{
    struct weir_bell *bell = &endpoint->control->bells[endpoint->view.role];
    bool often = (endpoint->patience.failures > 1 || endpoint->sleeps_often) && !endpoint->idle;
    bool refused = weir_bell_announce(bell, BELL_SLEEPER, endpoint->channel->fence, often) != 0;
    ssize_t result = attempt->try(endpoint, attempt);
    if (result != WEIR_EAGAIN)
        return result;
    if (endpoint->idle && !weir_may_idle(endpoint)) { /* a message is under way to the driver's descriptor */
        endpoint->idle = false;
        return WEIR_EAGAIN;
    }
    if (endpoint->idle && !refused && weir_watch(endpoint, wait->seen, wait->until_ns)) {
        endpoint->idle = weir_now_ns() - wait->now_ns >= WEIR_SLICE_NS;
    } else {
        int64_t timeout_ns = weir_earlier(wait->until_ns - wait->now_ns, refused ? STRAGGLER_NS : WEIR_SLICE_NS);
        bool passed = weir_bell_sleep(bell, wait->seen, weir_is_process_private(endpoint), timeout_ns);
        endpoint->idle = passed && timeout_ns == WEIR_SLICE_NS && weir_may_idle(endpoint);
    }
    return attempt->try(endpoint, attempt);
}

/* Until something happens on the endpoint's own set (weir_sleep_set), for at most that long. Returns how many events.
 */
static int wait_on_set(int set, struct epoll_event *events, int most, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    int count = epoll_pwait2(set, events, most, &timeout, NULL);
    if (count < 0 && errno == ENOSYS) /* before Linux 5.11 */
        count = epoll_wait(set, events, most, (int)((timeout_ns + 999999) / 1000000));
    return count;
}

/* `futile` counts readiness in a row that led to nothing: a descriptor may be ready and still not have room for a whole
 * message. Then the pauses grow, so that this is not a busy loop. Where no set can be had it looks now and then. */
static ssize_t sleep_on_fd(struct weir_endpoint *endpoint, struct weir_attempt *attempt, unsigned *futile,
                           int64_t timeout_ns)
{
    struct epoll_event events[2];
    if (endpoint->driver->arm != NULL) {
        endpoint->driver->arm(&endpoint->view, false);
        ssize_t result = attempt->try(endpoint, attempt);
        if (result != WEIR_EAGAIN)
            return result;
    }
    int set = weir_sleep_set(endpoint);
    if (set < 0) {
        nap(weir_earlier(timeout_ns, STRAGGLER_NS));
        return attempt->try(endpoint, attempt);
    }
    if (*futile > 2)
        nap(INT64_C(10000) << (*futile < 8 ? *futile : 8));
    /* Any return is a reason to look again. */
    int count = wait_on_set(set, events, 2, timeout_ns);
    bool ready = false, rung = false;
    for (int i = 0; i < count; i++) {
        ready |= events[i].data.u32 == SLEEP_DRIVER;
        rung |= events[i].data.u32 == SLEEP_NEWS;
    }
    *futile = ready ? *futile + 1 : 0;
    endpoint->idle = count == 0 && timeout_ns == WEIR_SLICE_NS && weir_may_idle(endpoint);
    uint64_t news;
    if (rung && atomic_load(&endpoint->control->flags) == 0 && read(endpoint->channel->news_fd, &news, sizeof news) < 0)
        nap(INT64_C(10000)); /* somebody else has taken it off */
    return attempt->try(endpoint, attempt);
}

/* Fewer calls than by a descriptor. A death among the others is found out by looking, as ever. */
static ssize_t sleep_in_driver(struct weir_endpoint *endpoint, struct weir_attempt *attempt,
                               const struct weir_sleep *wait)
{
    _Atomic uint32_t *dozes = &endpoint->seat->dozes;
    atomic_store_explicit(dozes, 1, memory_order_relaxed);
    weir_fence_full(&endpoint->control->bells[WEIR_CONSUMER].fence); /* pairs with that in nudge_dozing, roster.c */
    ssize_t result = weir_has_news(endpoint)
                         ? WEIR_EAGAIN
                         : endpoint->driver->recv_waiting(&endpoint->view, attempt->in, attempt->length);
    atomic_store_explicit(dozes, 0, memory_order_relaxed);
    if (result == WEIR_EAGAIN)
        endpoint->idle = weir_now_ns() - wait->now_ns >= WEIR_SLICE_NS && weir_may_idle(endpoint);
    return result;
}

ssize_t weir_sleep(struct weir_endpoint *endpoint, struct weir_attempt *attempt, const struct weir_sleep *wait,
                   unsigned *futile)
{
    if (endpoint->idle || weir_is_ringing(endpoint->driver))
        return sleep_on_bell(endpoint, attempt, wait);
    if (endpoint->dozes && wait->is_slice) {
        ssize_t result = sleep_in_driver(endpoint, attempt, wait);
        if (result != WEIR_ENOTSUP)
            return result;
        endpoint->dozes = false;
        return attempt->try(endpoint, attempt);
    }
    return sleep_on_fd(endpoint, attempt, futile, wait->until_ns - wait->now_ns);
}

/* ---- polling ------------------------------------------------------------------------------------------------- */

static void announce_poller(struct weir_endpoint *endpoint)
{
    struct weir_bell *bell = &endpoint->control->bells[endpoint->view.role];
    struct epoll_event edge;
    epoll_wait(endpoint->poll_fd, &edge, 1, 0); /* takes off this endpoint's own edge; nobody drains the eventfd */
    if (weir_bell_announce(bell, BELL_POLLER, endpoint->channel->fence, true) != 0)
        weir_bell_wake_always(bell, weir_is_process_private(endpoint),
                              &endpoint->channel->bell_fds[endpoint->view.role]);
}

static void announce_to_driver(struct weir_endpoint *endpoint)
{
    if (endpoint->first_fd >= 0) {
        epoll_ctl(endpoint->poll_fd, EPOLL_CTL_DEL, endpoint->first_fd, NULL); /* a fork may have a copy of it */
        close(endpoint->first_fd);
        endpoint->first_fd = -1;
    }
    endpoint->driver->arm(&endpoint->view, true);
}

bool weir_arm_poller(struct weir_endpoint *endpoint)
{
    if (endpoint->poll_fd < 0)
        return false;
    if (weir_is_ringing(endpoint->driver))
        announce_poller(endpoint);
    else if (endpoint->driver->arm != NULL)
        announce_to_driver(endpoint);
    else
        return false;
    return true;
}

/* SPDX-License-Identifier: MIT
 *
 * The life of an endpoint: attach, the descriptor to poll, detach.
 */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bell_fds.h"
#include "core.h"

/* How long a goodbye tries to publish what WEIR_MORE kept back. */
#define LAST_FLUSH_NS INT64_C(1000000000)

static struct weir_endpoint *make_endpoint(struct weir_channel *channel, enum weir_role role, uint32_t index)
{
    struct weir_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint == NULL)
        return NULL;
    const struct weir_driver *driver = channel->driver;
    endpoint->view = (struct weir_driver_endpoint){.channel = &channel->view, .role = role, .index = index};
    endpoint->view.state = calloc(1, driver->endpoint_bytes ? driver->endpoint_bytes : 1);
    if (endpoint->view.state == NULL) {
        free(endpoint);
        return NULL;
    }
    endpoint->channel = channel;
    endpoint->driver = driver;
    endpoint->control = channel->control;
    endpoint->owner = getpid();
    endpoint->send = driver->send != NULL ? driver->send : weir_send_by_copy;
    endpoint->recv = driver->recv != NULL ? driver->recv : weir_recv_by_copy;
    endpoint->first_recv = endpoint->recv;
    endpoint->max_message_bytes = channel->config.max_message_bytes;
    endpoint->tight_bytes = role == WEIR_CONSUMER ? (ssize_t)channel->config.max_message_bytes - 1 : SSIZE_MAX;
    endpoint->end_flags = CONTROL_SHUTDOWN | (role == WEIR_PRODUCER ? CONTROL_GONE(WEIR_CONSUMER) : 0);
    endpoint->counts = (driver->capabilities & WEIR_CAP_ASYNC) != 0;
    /* Producers whose messages travel by themselves never sleep on a doorbell: see weir_may_idle. */
    endpoint->rings = (driver->capabilities & WEIR_CAP_SYNTHETIC) == 0 &&
                      (weir_is_ringing(driver) || !endpoint->counts || role == WEIR_PRODUCER);
    endpoint->fence = weir_fence_register(channel->fence) == 0 ? channel->fence : WEIR_FENCE_BOTH;
    endpoint->dozes = role == WEIR_CONSUMER && driver->recv_waiting != NULL;
    endpoint->poll_fd = -1;
    endpoint->first_fd = -1;
    endpoint->sleep_fd = -1;
    endpoint->tell_after = channel->view.depth < 8 ? 1 : (uint32_t)(channel->view.depth / 4);
    return endpoint;
}

static void free_endpoint(struct weir_endpoint *endpoint)
{
    if (endpoint->poll_fd >= 0)
        close(endpoint->poll_fd);
    if (endpoint->first_fd >= 0)
        close(endpoint->first_fd);
    if (endpoint->sleep_fd >= 0)
        close(endpoint->sleep_fd);
    free(endpoint->lent);
    free(endpoint->view.state);
    free(endpoint);
}

int weir_attach(struct weir_endpoint **ret_endpoint, struct weir_channel *channel, enum weir_role role, uint32_t index)
{
    if (ret_endpoint == NULL || channel == NULL || (role != WEIR_PRODUCER && role != WEIR_CONSUMER) ||
        index >= (role == WEIR_PRODUCER ? channel->config.producers : channel->config.consumers))
        return WEIR_EINVAL;
    if (atomic_load(&channel->control->flags) & CONTROL_SHUTDOWN)
        return WEIR_ECANCELED;
    struct weir_endpoint *endpoint = make_endpoint(channel, role, index);
    if (endpoint == NULL)
        return WEIR_ENOMEM;
    uint32_t before = SEAT_VACANT;
    int result = weir_roster_join(channel, role, index, &endpoint->seat, &before);
    if (result != 0) {
        free_endpoint(endpoint);
        return result;
    }
    /* A death before this endpoint's time is not its news, unless it ended the channel. */
    endpoint->deaths_reported = atomic_load(&channel->control->deaths[weir_other(role)]);
    result = channel->driver->attach(&endpoint->view);
    if (result != 0) {
        channel->driver->detach(&endpoint->view);
        weir_roster_vacate(channel, endpoint->seat, before);
        free_endpoint(endpoint);
        return result;
    }
    *ret_endpoint = endpoint;
    return 0;
}

void weir_detach(struct weir_endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    if (endpoint->owner != getpid()) { /* a copy that a fork has made: the endpoint itself goes on */
        free_endpoint(endpoint);
        return;
    }
    if (endpoint->reserved)
        weir_abort(endpoint);
    if (endpoint->shown)
        weir_release(endpoint);
    if (endpoint->kept_back)
        weir_flush(endpoint, weir_now_ns() + LAST_FLUSH_NS);
    endpoint->driver->detach(&endpoint->view);
    weir_ring_peers(endpoint);
    weir_roster_leave(endpoint);
    free_endpoint(endpoint);
}

/* ---- the descriptor to poll ---------------------------------------------------------------------------------- */

/* Adds the driver's descriptor. */
static int join_set(struct weir_endpoint *endpoint, int set, uint32_t flags)
{
    short events = 0;
    int fd = endpoint->driver->fd(&endpoint->view, &events);
    struct epoll_event event = {.events = (events & POLLOUT ? EPOLLOUT : EPOLLIN) | flags, .data.u32 = SLEEP_DRIVER};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

/* One descriptor for two: the driver's, once it has joined, and the news of the channel's end. */
static int make_set(struct weir_endpoint *endpoint, uint32_t news_flags)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event news_event = {.events = EPOLLIN | news_flags, .data.u32 = SLEEP_NEWS};
    if (set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, endpoint->channel->news_fd, &news_event) == 0)
        return set;
    if (set >= 0)
        close(set);
    return WEIR_ESYSTEM;
}

/* News come by edges: they stay readable and are heard once. Of several consumers that sleep, the kernel wakes one for
 * a message: EPOLLEXCLUSIVE, which poll(2) does not have, nor every descriptor. Producers are all woken, since room may
 * be for all. */
int weir_sleep_set(struct weir_endpoint *endpoint)
{
    if (endpoint->sleep_fd < 0)
        endpoint->sleep_fd = make_set(endpoint, EPOLLET);
    endpoint->unslept = 0;
    if (endpoint->sleep_fd < 0 || endpoint->in_sleep_set)
        return endpoint->sleep_fd;
    bool alone = endpoint->view.role == WEIR_PRODUCER || endpoint->channel->config.consumers == 1;
    endpoint->in_sleep_set = (!alone && join_set(endpoint, endpoint->sleep_fd, EPOLLEXCLUSIVE) == 0) ||
                             join_set(endpoint, endpoint->sleep_fd, 0) == 0;
    return endpoint->in_sleep_set ? endpoint->sleep_fd : WEIR_ESYSTEM;
}

void weir_leave_sleep_set(struct weir_endpoint *endpoint)
{
    short events;
    int fd = endpoint->driver->fd(&endpoint->view, &events);
    endpoint->in_sleep_set = epoll_ctl(endpoint->sleep_fd, EPOLL_CTL_DEL, fd, NULL) != 0;
    endpoint->unslept = 0;
}

/* Within one address space the bells' descriptors are made when first asked for, under the roster lock. */
static int bell_descriptor(struct weir_endpoint *endpoint)
{
    _Atomic int *slot = &endpoint->channel->bell_fds[endpoint->view.role];
    if (weir_lock_take(&endpoint->control->roster_lock) == WEIR_EAGAIN)
        return WEIR_ESYSTEM;
    int fd = atomic_load_explicit(slot, memory_order_relaxed);
    if (fd < 0) {
        fd = weir_bell_fd_take();
        atomic_store_explicit(slot, fd, memory_order_release); /* partner: ring_poller, bell.c */
    }
    weir_lock_give(&endpoint->control->roster_lock);
    return fd < 0 ? WEIR_ESYSTEM : fd;
}

/* All endpoints of a role share the bell's eventfd, so none may drain it: each sees it through a descriptor of its own,
 * by edges. It is rung once to begin with: what came before this call is then looked for. */
static int watch_bell(struct weir_endpoint *endpoint)
{
    int bell_fd = bell_descriptor(endpoint);
    int set = bell_fd >= 0 ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if (set < 0)
        return WEIR_ESYSTEM;
    struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
    const uint64_t one = 1;
    if (epoll_ctl(set, EPOLL_CTL_ADD, bell_fd, &edge) != 0 || write(bell_fd, &one, sizeof one) != sizeof one) {
        close(set);
        return WEIR_ESYSTEM;
    }
    atomic_store(&endpoint->control->polled, 1);
    return set;
}

/* A driver that must be told of pollers was not told of this one by the call before: so the first poll does not wait,
 * and the call after it tells (weir_arm_poller). */
static int let_first_poll_pass(struct weir_endpoint *endpoint, int set)
{
    if (endpoint->driver->arm == NULL)
        return 0;
    struct epoll_event at_once = {.events = EPOLLIN, .data.u32 = SLEEP_DRIVER};
    if (endpoint->first_fd < 0)
        endpoint->first_fd = eventfd(1, EFD_CLOEXEC);
    return endpoint->first_fd < 0 ? -1 : epoll_ctl(set, EPOLL_CTL_ADD, endpoint->first_fd, &at_once);
}

static int watch_driver(struct weir_endpoint *endpoint)
{
    int set = make_set(endpoint, 0);
    if (set < 0 || (join_set(endpoint, set, 0) == 0 && let_first_poll_pass(endpoint, set) == 0))
        return set;
    close(set);
    return WEIR_ESYSTEM;
}

int weir_fd(struct weir_endpoint *endpoint)
{
    if (endpoint == NULL)
        return WEIR_EINVAL;
    if (endpoint->poll_fd < 0) {
        int fd = weir_is_ringing(endpoint->driver) ? watch_bell(endpoint) : watch_driver(endpoint);
        if (fd < 0)
            return fd;
        endpoint->poll_fd = fd;
    }
    return endpoint->poll_fd;
}

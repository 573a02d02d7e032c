/* SPDX-License-Identifier: MIT
 *
 * Moving messages: send, receive, and their in-place forms. Each call is a check, one attempt by the driver, and a
 * doorbell; what comes after a WEIR_EAGAIN is in waiting.c. Where a driver has no in-place form the core lends a
 * buffer, here and nowhere else.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "core.h"

/* A consumer that has received so many messages and not slept leaves its sleep set: what leaving and joining cost is
 * then less than what it spares the senders of these messages alone. */
#define LONG_RUN 32

/* ---- after a success ----------------------------------------------------------------------------------------- */

static inline void count_moved(struct weir_endpoint *endpoint)
{
    if (endpoint->counts) {
        endpoint->settle_until_ns = 0;
        uint64_t moved = atomic_load_explicit(&endpoint->seat->moved, memory_order_relaxed);
        /* Release: partner of the acquire in weir_roster_in_flight. */
        atomic_store_explicit(&endpoint->seat->moved, moved + 1, memory_order_release);
    }
}

static inline void sent(struct weir_endpoint *endpoint, unsigned flags)
{
    count_moved(endpoint);
    endpoint->kept_back = (flags & WEIR_MORE) && (endpoint->driver->capabilities & WEIR_CAP_MORE);
    if (!endpoint->kept_back)
        weir_ring_peers(endpoint);
}

static inline void received(struct weir_endpoint *endpoint)
{
    count_moved(endpoint);
    if (!weir_is_ringing(endpoint->driver)) { /* on the doorbell sleeps only who was idle for long */
        if (++endpoint->unslept >= LONG_RUN && endpoint->in_sleep_set)
            weir_leave_sleep_set(endpoint);
        weir_ring_peers(endpoint);
        return;
    }
    if (!endpoint->rings)
        return;
    /* A sleeping producer is worth waking for a quarter of the depth, not for each message, which it would fill at once
     * and sleep again. When nothing is left to receive it is told in any case (let_go, waiting.c). One that polls does
     * not look by itself after a while, and is told at once. */
    bool polled = atomic_load_explicit(&endpoint->control->polled, memory_order_relaxed) != 0;
    bool full_quarter = ++endpoint->untold >= endpoint->tell_after;
    if (full_quarter || polled) {
        endpoint->untold = 0;
        weir_ring_peers(endpoint);
    }
    if (full_quarter)
        weir_give_way(endpoint);
}

/* ---- attempts ------------------------------------------------------------------------------------------------ */

static ssize_t try_send(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    return endpoint->send(&endpoint->view, attempt->out, attempt->length, attempt->flags);
}

static ssize_t try_recv(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    return endpoint->recv(&endpoint->view, attempt->in, attempt->length);
}

static ssize_t try_reserve(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    return endpoint->driver->reserve(&endpoint->view, attempt->length, attempt->in);
}

static ssize_t try_commit(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    return endpoint->driver->commit(&endpoint->view, attempt->length, attempt->flags);
}

static ssize_t try_peek(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    return endpoint->driver->peek(&endpoint->view, attempt->in);
}

static ssize_t try_flush(struct weir_endpoint *endpoint, struct weir_attempt *attempt)
{
    (void)attempt;
    return endpoint->driver->flush(&endpoint->view);
}

/* What ends this endpoint's calls before an attempt, or WEIR_EAGAIN: go on. */
static inline int end_of(struct weir_endpoint *endpoint)
{
    uint32_t flags = atomic_load_explicit(&endpoint->control->flags, memory_order_relaxed);
    return flags & endpoint->end_flags ? weir_ended(endpoint) : WEIR_EAGAIN;
}

static ssize_t perform(struct weir_endpoint *endpoint, struct weir_attempt *what, int64_t deadline_ns)
{
    ssize_t result = what->try(endpoint, what);
    return result == WEIR_EAGAIN ? weir_await(endpoint, what, deadline_ns) : result;
}

static int lend(struct weir_endpoint *endpoint)
{
    if (endpoint->lent == NULL) {
        endpoint->lent = malloc(endpoint->max_message_bytes);
        if (endpoint->lent == NULL)
            return WEIR_ENOMEM;
    }
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static int send_message(struct weir_endpoint *endpoint, const void *buffer, size_t length, unsigned flags,
                        int64_t deadline_ns)
{
    int over = end_of(endpoint);
    if (over != WEIR_EAGAIN)
        return over;
    ssize_t result = endpoint->send(&endpoint->view, buffer, length, flags);
    if (result == WEIR_EAGAIN) {
        struct weir_attempt again = {.try = try_send, .out = buffer, .length = length, .flags = flags};
        result = weir_await(endpoint, &again, deadline_ns);
    }
    if (result == 0)
        sent(endpoint, flags);
    return (int)result;
}

int weir_send(struct weir_endpoint *endpoint, const void *buffer, size_t length, unsigned flags, int64_t deadline_ns)
{
    if (endpoint == NULL || endpoint->view.role != WEIR_PRODUCER || endpoint->reserved || (flags & ~1u) != 0 ||
        (buffer == NULL && length != 0))
        return WEIR_EINVAL;
    if (length > endpoint->max_message_bytes)
        return WEIR_EMSGSIZE;
    return send_message(endpoint, buffer, length, flags, deadline_ns);
}

int weir_reserve(struct weir_endpoint *endpoint, size_t length, void **ret_buffer, int64_t deadline_ns)
{
    if (endpoint == NULL || endpoint->view.role != WEIR_PRODUCER || endpoint->reserved || ret_buffer == NULL)
        return WEIR_EINVAL;
    if (length > endpoint->max_message_bytes)
        return WEIR_EMSGSIZE;
    int over = end_of(endpoint);
    if (over != WEIR_EAGAIN)
        return over;
    void *buffer = NULL;
    int result;
    if (endpoint->driver->capabilities & WEIR_CAP_RESERVE) {
        struct weir_attempt what = {.try = try_reserve, .in = &buffer, .length = length};
        result = (int)perform(endpoint, &what, deadline_ns);
    } else {
        result = lend(endpoint);
        buffer = endpoint->lent;
    }
    if (result != 0)
        return result;
    WEIR_CHECK(buffer != NULL || length == 0, "what was reserved lies somewhere");
    endpoint->reserved = true;
    endpoint->reserved_length = length;
    *ret_buffer = buffer;
    return 0;
}

int weir_commit(struct weir_endpoint *endpoint, size_t length, unsigned flags, int64_t deadline_ns)
{
    if (endpoint == NULL || !endpoint->reserved || length > endpoint->reserved_length || (flags & ~1u) != 0)
        return WEIR_EINVAL;
    int over = end_of(endpoint);
    if (over != WEIR_EAGAIN)
        return over;
    int result;
    if (endpoint->driver->capabilities & WEIR_CAP_RESERVE) {
        result = endpoint->driver->commit(&endpoint->view, length, flags);
        if (result == WEIR_EAGAIN) {
            struct weir_attempt again = {.try = try_commit, .length = length, .flags = flags};
            result = (int)weir_await(endpoint, &again, deadline_ns);
        }
        if (result == 0)
            sent(endpoint, flags);
    } else {
        result = send_message(endpoint, endpoint->lent, length, flags, deadline_ns);
    }
    if (result == 0)
        endpoint->reserved = false;
    return result;
}

int weir_abort(struct weir_endpoint *endpoint)
{
    if (endpoint == NULL || !endpoint->reserved)
        return WEIR_EINVAL;
    if (endpoint->driver->capabilities & WEIR_CAP_RESERVE)
        endpoint->driver->abort(&endpoint->view);
    endpoint->reserved = false;
    return 0;
}

int weir_flush(struct weir_endpoint *endpoint, int64_t deadline_ns)
{
    if (endpoint == NULL || endpoint->view.role != WEIR_PRODUCER)
        return WEIR_EINVAL;
    int over = end_of(endpoint);
    if (over != WEIR_EAGAIN)
        return over;
    if (!endpoint->kept_back)
        return 0;
    struct weir_attempt what = {.try = try_flush};
    ssize_t result = perform(endpoint, &what, deadline_ns);
    if (result == 0) {
        endpoint->kept_back = false;
        weir_ring_peers(endpoint);
    }
    return (int)result;
}

/* ---- receiving ----------------------------------------------------------------------------------------------- */

ssize_t weir_peek(struct weir_endpoint *endpoint, const void **ret_buffer, int64_t deadline_ns)
{
    if (endpoint == NULL || endpoint->view.role != WEIR_CONSUMER || ret_buffer == NULL)
        return WEIR_EINVAL;
    int over = end_of(endpoint);
    if (over != WEIR_EAGAIN)
        return over;
    if (!endpoint->shown) {
        ssize_t length;
        if (endpoint->driver->capabilities & WEIR_CAP_PEEK) {
            struct weir_attempt what = {.try = try_peek, .in = &endpoint->shown_at};
            length = perform(endpoint, &what, deadline_ns);
        } else {
            int failed = lend(endpoint);
            if (failed)
                return failed;
            struct weir_attempt what = {.try = try_recv, .in = endpoint->lent, .length = endpoint->max_message_bytes};
            length = perform(endpoint, &what, deadline_ns);
            endpoint->shown_at = endpoint->lent;
        }
        if (length < 0)
            return length;
        WEIR_CHECK((size_t)length <= endpoint->max_message_bytes, "no message is longer than the channel's longest");
        endpoint->shown = true;
        endpoint->tight_bytes = SSIZE_MAX;
        endpoint->shown_length = (size_t)length;
    }
    *ret_buffer = endpoint->shown_at;
    return (ssize_t)endpoint->shown_length;
}

int weir_release(struct weir_endpoint *endpoint)
{
    if (endpoint == NULL || !endpoint->shown)
        return WEIR_EINVAL;
    if (endpoint->driver->capabilities & WEIR_CAP_PEEK)
        endpoint->driver->release(&endpoint->view);
    endpoint->shown = false;
    endpoint->tight_bytes = (ssize_t)endpoint->max_message_bytes - 1;
    received(endpoint);
    return 0;
}

/* The buffer may be too small, a message may lie shown, or the endpoint may be no consumer's, which weir_peek refuses:
 * look first, then copy, then take it off. */
__attribute__((noinline)) static ssize_t recv_with_care(struct weir_endpoint *endpoint, void *buffer, size_t capacity,
                                                        int64_t deadline_ns)
{
    const void *message = NULL;
    ssize_t length = weir_peek(endpoint, &message, deadline_ns);
    if (length < 0)
        return length;
    if ((size_t)length > capacity)
        return WEIR_EMSGSIZE;
    if (message != NULL && length > 0)
        memcpy(buffer, message, (size_t)length);
    weir_release(endpoint);
    return length;
}

/* After a first attempt that failed with `result`. */
__attribute__((noinline)) static ssize_t recv_later(struct weir_endpoint *endpoint, void *buffer, size_t capacity,
                                                    int64_t deadline_ns, ssize_t result)
{
    struct weir_attempt again = {.try = try_recv, .in = buffer, .length = capacity};
    return result == WEIR_EAGAIN ? weir_await(endpoint, &again, deadline_ns) : result;
}

ssize_t weir_recv(struct weir_endpoint *endpoint, void *buffer, size_t capacity, int64_t deadline_ns)
{
    if (endpoint == NULL || (buffer == NULL && capacity != 0))
        return WEIR_EINVAL;
    if ((ssize_t)capacity <= endpoint->tight_bytes)
        return recv_with_care(endpoint, buffer, capacity, deadline_ns);
    int over = end_of(endpoint);
    if (over != WEIR_EAGAIN)
        return over;
    ssize_t length = endpoint->first_recv(&endpoint->view, buffer, capacity);
    if (length < 0) {
        length = recv_later(endpoint, buffer, capacity, deadline_ns, length);
        if (length < 0)
            return length;
    }
    WEIR_CHECK((size_t)length <= capacity, "a message that was received fits into the buffer");
    received(endpoint);
    return length;
}

/* SPDX-License-Identifier: MIT
 *
 * The mutex driver: shared variables under one lock. A ring of slots of fixed size, a head and a tail; whoever sends or
 * receives holds the lock while it copies. The index moves after the copy, so a holder that dies in between has changed
 * nothing, and the lock's next holder has nothing to repair.
 *
 * Waiting is the core's (doorbells), not pthread_cond_wait: a condition variable does not survive a waiter that is
 * killed, the next pthread_cond_signal may then wait for it for ever (docs/design/0003-no-condition-variables.md).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <weir/driver.h>

#include "../lock.h"

enum { OPTION_SLOTS };

static const struct weir_option options[] = {
    [OPTION_SLOTS] = {.name = "slots",
                      .type = WEIR_OPTION_NUMBER,
                      .fallback = "0",
                      .min = 0,
                      .max = 1 << 24,
                      .help = "messages that fit, instead of the channel's depth (1: one shared variable)"},
    {.name = NULL},
};

/* What all endpoints share, followed by the slots: a length, then max_message_bytes. */
struct queue {
    struct weir_lock lock;
    uint64_t head; /* messages received, ever */
    uint64_t tail; /* messages sent, ever */
    _Alignas(64) unsigned char slots[];
};

struct state {
    struct queue *queue;
    size_t slot_bytes;
    size_t slot_count;
};

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    size_t slots = channel->options[OPTION_SLOTS].number;
    state->slot_count = slots != 0 ? slots : channel->depth;
    state->slot_bytes = (sizeof(size_t) + channel->config->max_message_bytes + 7) / 8 * 8;
    size_t bytes;
    if (__builtin_mul_overflow(state->slot_count, state->slot_bytes, &bytes))
        return weir_error_set(error, WEIR_ENOMEM, "%zu slots of %zu bytes are too many", state->slot_count,
                              state->slot_bytes);
    state->queue = weir_shared_alloc(channel, sizeof *state->queue + bytes);
    if (state->queue == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu slots of %zu bytes", state->slot_count,
                              state->slot_bytes);
    channel->depth = state->slot_count;
    if (weir_lock_init(&state->queue->lock, channel->config->span == WEIR_SPAN_PROCESSES) != 0)
        return weir_error_set(error, WEIR_ESYSTEM, "the lock cannot be made");
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    (void)channel; /* the core frees the shared memory */
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
    return 0;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
}

static unsigned char *slot_at(const struct state *state, uint64_t index)
{
    return state->queue->slots + index % state->slot_count * state->slot_bytes;
}

static int take(struct queue *queue)
{
    int result = weir_lock_take(&queue->lock);
    return result == WEIR_EPEERDIED ? 0 : result;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    int result = take(queue);
    if (result != 0)
        return result;
    if (queue->tail - queue->head >= state->slot_count) {
        result = WEIR_EAGAIN;
    } else {
        unsigned char *slot = slot_at(state, queue->tail);
        memcpy(slot, &length, sizeof length);
        if (length > 0)
            memcpy(slot + sizeof length, buffer, length);
        atomic_signal_fence(memory_order_release); /* not before the copy: its holder may be killed in between */
        queue->tail++;
    }
    weir_lock_give(&queue->lock);
    return result;
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    ssize_t result = take(queue);
    if (result != 0)
        return result;
    if (queue->tail == queue->head) {
        result = WEIR_EAGAIN;
    } else {
        const unsigned char *slot = slot_at(state, queue->head);
        size_t length;
        memcpy(&length, slot, sizeof length);
        bool fits = length <= capacity && length <= endpoint->channel->config->max_message_bytes;
        result = fits ? (ssize_t)length : WEIR_ECORRUPT;
        if (result > 0)
            memcpy(buffer, slot + sizeof length, length);
        atomic_signal_fence(memory_order_release); /* as above */
        queue->head += result >= 0;
    }
    weir_lock_give(&queue->lock);
    return result;
}

extern const struct weir_driver weir_driver_mutex;
const struct weir_driver weir_driver_mutex = {
    .abi = WEIR_DRIVER_ABI,
    .name = "mutex",
    .summary = "shared variables: a ring of slots under one robust mutex",
    .capabilities = 0,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
};

/* SPDX-License-Identifier: MIT
 *
 * The mutex driver: shared variables under one lock. A ring of slots of fixed size; who sends holds the lock while it
 * copies. A lone consumer takes everything that is there in one locked moment and serves itself without the lock; of
 * several consumers each takes one message at a time.
 *
 * Positions count messages ever sent; `position % slot_count` is where one lies. Each consumer says in a word of its
 * own from where on it still holds messages. Producers read these words when the ring seems full, so that places are
 * free again without a lock. Nobody takes the lock in vain: `tail` and the holds are looked at before.
 *
 * A holder of the lock that dies has nothing to be repaired: `tail` moves after the copy, and a consumer's hold is set
 * before `taken` moves. What a dead consumer held counts for nothing, or is its heir's if it was the only one.
 *
 * Waiting is the core's (doorbells), not pthread_cond_wait: a condition variable does not survive a waiter that is
 * killed, the next pthread_cond_signal may then wait for it for ever (docs/design/0003-no-condition-variables.md).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <weir/driver.h>

#include "../cpu.h"
#include "../lock.h"

enum { OPTION_FORM, OPTION_SLOTS };
enum { FORM_TUNED, FORM_NAIVE };

static const struct weir_option options[] = {
    [OPTION_FORM] = {.name = "form",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "tuned",
                     .choices = "tuned|naive",
                     .help = "tuned: a consumer takes all that is there at once; naive: one shared variable, locked "
                             "for each copy, as textbooks show it"},
    [OPTION_SLOTS] = {.name = "slots",
                      .type = WEIR_OPTION_NUMBER,
                      .fallback = "0",
                      .min = 0,
                      .max = 1 << 24,
                      .help = "messages that fit; 0: the channel's depth, or 1 if form=naive"},
    {.name = NULL},
};

#define LINE ((size_t)64)

/* So many slots ahead a sender asks for the line that it will write: a lock waits for all stores before it, and this
 * one would wait for the consumer's CPU to give the line back (docs/design/0017-mutex-zmq-nanopb.md). */
#define SLOTS_AHEAD 4

#define NOTHING UINT64_MAX

/* What one consumer has taken and not done with: from here on, or NOTHING. */
struct hold {
    _Alignas(64) _Atomic uint64_t from;
};

/* What all endpoints share, followed by the slots: a length, then max_message_bytes. */
struct queue {
    struct weir_lock lock;
    _Atomic uint64_t taken;             /* messages taken by consumers, ever; with the lock, which they take for it */
    _Alignas(64) _Atomic uint64_t tail; /* messages sent, ever; apart, since consumers look at it without the lock */
    struct hold holds[];
};

struct state {
    struct queue *queue;
    unsigned char *slots;
    size_t slot_bytes;
    uint64_t slot_count;
    uint64_t take_most; /* messages in one locked moment */
    uint32_t consumers;
    bool is_naive;
};

struct end {
    uint64_t next;  /* position; a consumer holds [next, until) */
    uint64_t until; /* of a producer: the places before are free for the position of the lap after */
    size_t offset;  /* of the slot of `next` */
};

/* ---- create and attach --------------------------------------------------------------------------------------- */

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    state->consumers = channel->config->consumers;
    state->is_naive = channel->options[OPTION_FORM].number == FORM_NAIVE;
    state->take_most = state->is_naive || state->consumers > 1 ? 1 : UINT64_MAX;
    state->slot_count = channel->options[OPTION_SLOTS].number;
    if (state->slot_count == 0)
        state->slot_count = state->is_naive ? 1 : channel->depth;
    state->slot_bytes = (sizeof(size_t) + channel->config->max_message_bytes + LINE - 1) / LINE * LINE;
    const size_t fixed_bytes = sizeof *state->queue + state->consumers * sizeof(struct hold);
    size_t bytes;
    if (!__builtin_mul_overflow(state->slot_count, state->slot_bytes, &bytes))
        state->queue = weir_shared_alloc(channel, fixed_bytes + bytes);
    if (state->queue == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu slots of %zu bytes", (size_t)state->slot_count,
                              state->slot_bytes);
    state->slots = (unsigned char *)state->queue + fixed_bytes;
    for (uint32_t i = 0; i < state->consumers; i++)
        atomic_init(&state->queue->holds[i].from, NOTHING);
    channel->depth = state->slot_count;
    if (weir_lock_init_brief(&state->queue->lock, channel->config->span == WEIR_SPAN_PROCESSES) != 0)
        return weir_error_set(error, WEIR_ESYSTEM, "the lock cannot be made");
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    (void)channel; /* the core frees the shared memory */
}

static int take(struct queue *queue)
{
    int result = weir_lock_take(&queue->lock);
    return result == WEIR_EPEERDIED ? 0 : result;
}

/* The end's next slot is that of `position`; without a division as long as positions follow each other. */
static void move_to(struct end *end, const struct state *state, uint64_t position)
{
    if (position == end->next + 1) {
        end->offset += state->slot_bytes;
        if (end->offset == state->slot_count * state->slot_bytes)
            end->offset = 0;
    } else if (position != end->next) {
        end->offset = position % state->slot_count * state->slot_bytes;
    }
    end->next = position;
}

/* A lone consumer goes on where the one before it stopped. Of several, what the one before had taken died with it. */
static int attach(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    struct end *end = endpoint->state;
    if (endpoint->role == WEIR_PRODUCER)
        return 0;
    if (take(queue) != 0)
        return WEIR_ESYSTEM;
    _Atomic uint64_t *from = &queue->holds[endpoint->index].from;
    uint64_t heritage = atomic_load_explicit(from, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);
    bool inherits = heritage != NOTHING && state->consumers == 1;
    /* What is inherited stays held: a producer that looks for room without the lock must see it at every moment. */
    if (!inherits)
        atomic_store_explicit(from, NOTHING, memory_order_release);
    move_to(end, state, inherits ? heritage : taken);
    end->until = taken;
    weir_lock_give(&queue->lock);
    return taken - end->next <= state->slot_count ? 0 : WEIR_ECORRUPT;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
}

/* ---- slots --------------------------------------------------------------------------------------------------- */

static void ask_for_slot_ahead(const struct end *end, const struct state *state)
{
    size_t bytes = state->slot_count * state->slot_bytes;
    size_t offset = end->offset + SLOTS_AHEAD * state->slot_bytes;
    if (offset >= bytes)
        offset -= bytes;
    if (offset >= bytes) /* fewer slots than that */
        return;
    weir_cpu_fetch_to_write(state->slots + offset);
    if (state->slot_bytes > LINE)
        weir_cpu_fetch_to_write(state->slots + offset + LINE);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

/* The oldest message whose place is not free. `taken` is read before the holds: whoever has moved it had set its hold
 * before. */
static uint64_t oldest_held(const struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    /* Acquire: partner of the release in grab. */
    uint64_t oldest = atomic_load_explicit(&state->queue->taken, memory_order_acquire);
    for (uint32_t i = 0; i < state->consumers; i++) {
        /* Acquire: partner of the release in release_message: the slots before are no longer read. */
        uint64_t from = atomic_load_explicit(&state->queue->holds[i].from, memory_order_acquire);
        if (from < oldest && (state->consumers == 1 || !weir_driver_has_died(endpoint, WEIR_CONSUMER, i)))
            oldest = from;
    }
    return oldest;
}

/* Without the lock `tail` may be stale, and the answer a guess. */
static bool has_room(const struct weir_driver_endpoint *endpoint, uint64_t tail)
{
    const struct state *state = endpoint->channel->state;
    struct end *end = endpoint->state;
    if ((int64_t)(tail - end->until) >= 0)
        end->until = oldest_held(endpoint) + state->slot_count;
    return (int64_t)(tail - end->until) < 0;
}

/* Under the lock. */
static int put(const struct weir_driver_endpoint *endpoint, const void *buffer, size_t length)
{
    const struct state *state = endpoint->channel->state;
    struct end *end = endpoint->state;
    uint64_t tail = atomic_load_explicit(&state->queue->tail, memory_order_relaxed);
    if (!has_room(endpoint, tail))
        return WEIR_EAGAIN;
    if (end->until - tail > state->slot_count)
        return WEIR_ECORRUPT;
    move_to(end, state, tail);
    unsigned char *slot = state->slots + end->offset;
    memcpy(slot, &length, sizeof length);
    if (length > 0)
        memcpy(slot + sizeof length, buffer, length);
    /* Release: not before the copy, in whose midst this end may be killed. */
    atomic_store_explicit(&state->queue->tail, tail + 1, memory_order_release);
    return 0;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    if (!state->is_naive) {
        if (!has_room(endpoint, atomic_load_explicit(&queue->tail, memory_order_relaxed)))
            return WEIR_EAGAIN;
        ask_for_slot_ahead(endpoint->state, state);
    }
    int result = take(queue);
    if (result != 0)
        return result;
    result = put(endpoint, buffer, length);
    weir_lock_give(&queue->lock);
    return result;
}

/* ---- receiving ----------------------------------------------------------------------------------------------- */

/* Under the lock. The hold is set before `taken` moves: who dies in between has taken nothing. */
static int grab(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    struct end *end = endpoint->state;
    uint64_t taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);
    uint64_t count = atomic_load_explicit(&queue->tail, memory_order_relaxed) - taken;
    if (count == 0)
        return WEIR_EAGAIN;
    if (count > state->slot_count)
        return WEIR_ECORRUPT;
    if (count > state->take_most)
        count = state->take_most;
    move_to(end, state, taken);
    end->until = taken + count;
    atomic_store_explicit(&queue->holds[endpoint->index].from, taken, memory_order_relaxed);
    /* Release: partner of the acquire in oldest_held. */
    atomic_store_explicit(&queue->taken, end->until, memory_order_release);
    return 0;
}

static int lock_and_grab(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    /* Empty? A lone consumer knows what was taken, and leaves the lock's line to the producers. A guess for others. */
    const struct end *end = endpoint->state;
    uint64_t taken = state->consumers == 1 ? end->until : atomic_load_explicit(&queue->taken, memory_order_relaxed);
    if (atomic_load_explicit(&queue->tail, memory_order_relaxed) == taken)
        return WEIR_EAGAIN;
    int result = take(queue);
    if (result != 0)
        return result;
    result = grab(endpoint);
    weir_lock_give(&queue->lock);
    return result;
}

static bool holds_some(const struct weir_driver_endpoint *endpoint)
{
    const struct end *end = endpoint->state;
    return end->next != end->until;
}

/* The oldest of the messages that this end holds. */
static ssize_t show(const struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    const struct state *state = endpoint->channel->state;
    const struct end *end = endpoint->state;
    const unsigned char *slot = state->slots + end->offset;
    size_t length;
    memcpy(&length, slot, sizeof length);
    if (length > endpoint->channel->config->max_message_bytes)
        return WEIR_ECORRUPT;
    *ret_buffer = slot + sizeof length;
    return (ssize_t)length;
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    int result = holds_some(endpoint) ? 0 : lock_and_grab(endpoint);
    return result != 0 ? result : show(endpoint, ret_buffer);
}

static void release_message(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    struct end *end = endpoint->state;
    move_to(end, state, end->next + 1);
    /* Release: partner of the acquire in oldest_held. */
    atomic_store_explicit(&state->queue->holds[endpoint->index].from, holds_some(endpoint) ? end->next : NOTHING,
                          memory_order_release);
}

static ssize_t copy_out(struct weir_driver_endpoint *endpoint, void *buffer)
{
    const void *message;
    ssize_t length = show(endpoint, &message);
    if (length > 0)
        memcpy(buffer, message, (size_t)length);
    if (length >= 0)
        release_message(endpoint);
    return length;
}

static ssize_t recv_naive(struct weir_driver_endpoint *endpoint, void *buffer)
{
    const struct state *state = endpoint->channel->state;
    ssize_t result = take(state->queue);
    if (result != 0)
        return result;
    result = holds_some(endpoint) ? 0 : grab(endpoint);
    if (result == 0)
        result = copy_out(endpoint, buffer);
    weir_lock_give(&state->queue->lock);
    return result;
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)capacity; /* never below max_message_bytes */
    const struct state *state = endpoint->channel->state;
    if (state->is_naive)
        return recv_naive(endpoint, buffer);
    int result = holds_some(endpoint) ? 0 : lock_and_grab(endpoint);
    return result != 0 ? result : copy_out(endpoint, buffer);
}

extern const struct weir_driver weir_driver_mutex;
const struct weir_driver weir_driver_mutex = {
    .abi = WEIR_DRIVER_ABI,
    .name = "mutex",
    .summary = "shared variables: a ring of slots under one robust mutex",
    .capabilities = WEIR_CAP_PEEK,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct end),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
    .peek = peek,
    .release = release_message,
};

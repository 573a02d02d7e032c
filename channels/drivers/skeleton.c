/* SPDX-License-Identifier: MIT
 *
 * A driver to read and to copy, in the order of a message's life: a ring of slots under one robust mutex, on
 * <weir/driver.h> and libc only. What is not here is the core's, the same for every driver: waiting, deadlines,
 * doorbells, deaths, goodbyes, shutdown, checks of arguments, and reserve, peek and poll where the driver has none.
 *
 * Invariant: slots `head` to `tail` hold the messages, and each call changes one index, as its last step under the
 * lock. So whoever is killed in here has either moved a whole message or done nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include <weir/driver.h>

enum { OPTION_SLOTS }; /* an index into the table and into channel->options; the core parses, checks and lists */
static const struct weir_option options[] = {
    [OPTION_SLOTS] = {"slots", WEIR_OPTION_NUMBER, "0", NULL, 0, 65536, "messages that fit; 0: the channel's depth"},
    {.name = NULL},
};

struct queue { /* what all ends share */
    pthread_mutex_t lock;
    uint64_t head, tail;                /* messages ever received, ever sent; message i lies in slot i % slot_count */
    _Alignas(64) unsigned char slots[]; /* each: a length, then the message */
};
struct state { /* what each process knows for itself: a damaged peer cannot change it */
    struct queue *queue;
    size_t slot_bytes, slot_count;
};

static int init_lock(pthread_mutex_t *lock, enum weir_span span)
{
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST); /* survives a holder that dies */
    if (!failed && span == WEIR_SPAN_PROCESSES)
        failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (!failed)
        failed = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed;
}

/* Once, in the parent, before any worker: makes all that the ends share, or says in words why it cannot. The core
 * guarantees a complete config, checked options, and zeroed channel_bytes at channel->state. */
static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    size_t asked = channel->options[OPTION_SLOTS].number;
    state->slot_count = asked != 0 ? asked : channel->depth;
    state->slot_bytes = (sizeof(size_t) + channel->config->max_message_bytes + 63) / 64 * 64;
    if (state->slot_count < SIZE_MAX / 2 / state->slot_bytes)
        state->queue = weir_shared_alloc(channel, sizeof *state->queue + state->slot_count * state->slot_bytes);
    if (state->queue == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu slots", state->slot_count);
    channel->depth = state->slot_count; /* the effective depth */
    errno = init_lock(&state->queue->lock, channel->config->span);
    return errno == 0 ? 0 : weir_error_errno(error, "the channel's lock");
}

/* In the worker, whose thread alone will use this endpoint. Must not wait for the other side. What an end needs for
 * itself goes into endpoint->state, endpoint_bytes of it; here that is nothing. */
static int attach(struct weir_driver_endpoint *endpoint)
{
    return (void)endpoint, 0;
}

/* A dead holder did no harm (see the invariant). A stopped one must not stop us: WEIR_EAGAIN after 25 ms lets the core
 * look at the deadline and at who lives. */
static int take(struct queue *queue)
{
    int64_t give_up_ns = weir_now_ns() + 25000000;
    int result;
    while ((result = pthread_mutex_trylock(&queue->lock)) == EBUSY && weir_now_ns() < give_up_ns)
        sched_yield();
    if (result == EOWNERDEAD)
        result = pthread_mutex_consistent(&queue->lock);
    return result == 0 ? 0 : result == EBUSY ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static void *slot_at(const struct state *state, uint64_t message)
{
    return state->queue->slots + message % state->slot_count * state->slot_bytes;
}

/* One attempt; WEIR_EAGAIN promises that nothing happened, and the core waits and comes again. It guarantees length <=
 * max_message_bytes, and wakes the consumers after a success. WEIR_MORE in `flags` is a leave to keep back, no order.
 */
static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    int result = take(queue);
    if (result != 0)
        return result;
    if (queue->tail - queue->head < state->slot_count) {
        size_t *slot = slot_at(state, queue->tail);
        *slot = length;
        if (length > 0) /* else `buffer` may be NULL */
            memcpy(slot + 1, buffer, length);
        atomic_signal_fence(memory_order_release); /* the compiler keeps the index last, should we be killed here */
        queue->tail++;
    } else {
        result = WEIR_EAGAIN;
    }
    pthread_mutex_unlock(&queue->lock);
    return result;
}

/* Likewise. The core guarantees capacity >= max_message_bytes, and wakes the producers after a success. */
static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    const struct state *state = endpoint->channel->state;
    struct queue *queue = state->queue;
    ssize_t result = take(queue);
    if (result != 0)
        return result;
    if (queue->head != queue->tail) {
        const size_t *slot = slot_at(state, queue->head);
        size_t length = *slot;
        result = length <= capacity ? (ssize_t)length : WEIR_ECORRUPT; /* never trust what is shared */
        if (result > 0)
            memcpy(buffer, slot + 1, length);
        atomic_signal_fence(memory_order_release); /* as in send_message */
        queue->head += result >= 0;
    } else {
        result = WEIR_EAGAIN;
    }
    pthread_mutex_unlock(&queue->lock);
    return result;
}

/* Undo attach and create, whole or half made. destroy is also called in forked workers, for their copy: it must harm
 * nobody else. The core frees the states and the shared memory, and a pthread mutex on Linux holds nothing more. */
static void detach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
}
static void destroy(struct weir_driver_channel *channel)
{
    (void)channel;
}

/* RESERVE, PEEK, MORE and FD are claimed exactly when their operations stand in the table. `wait` is the default:
 * WEIR_WAIT_BLOCK where each attempt is a system call. Built in, this is `const struct weir_driver weir_driver_NAME`.
 */
static const struct weir_driver skeleton = {
    .abi = WEIR_DRIVER_ABI,
    .name = "skeleton",
    .summary = "the tutorial: a ring of slots under one robust mutex",
    .capabilities = 0,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .options = options,
    .create = create,
    .attach = attach,
    .send = send_message,
    .recv = recv_message,
    .detach = detach,
    .destroy = destroy,
};
WEIR_DRIVER_MODULE(skeleton);

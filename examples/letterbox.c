/* SPDX-License-Identifier: MIT
 *
 * A driver of one's own: a letterbox for one letter, with a flag that says whether there is one in it. One producer,
 * one consumer, threads or processes. All that it does is one attempt to put a letter in or to take one out. Waiting,
 * deadlines, deaths, goodbyes, and polling it with weir_fd: all of that comes with the library. (A driver for many
 * ends: channels/drivers/skeleton.c.)
 *
 *     cc -fPIC -shared letterbox.c -o letterbox.so $(pkg-config --cflags --libs weir)
 *     weir list ./letterbox.so
 *     weir run ./letterbox.so shm
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <weir/driver.h>

/* Both ends see this. The flag has two values, and each end waits for another one of them: who finds the one that it
 * waits for has the box to itself until it turns the flag. */
struct letterbox {
    atomic_bool is_full;
    size_t length;
    unsigned char letter[];
};

/* What each process keeps of the channel for itself. */
struct state {
    struct letterbox *box;
};

static struct letterbox *box_of(const struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    return state->box;
}

/* In the parent, before there are any workers. The memory is zeroed, so the box is empty, and freed by the library. */
static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    size_t letter_bytes = channel->config->max_message_bytes;
    state->box = weir_shared_alloc(channel, sizeof *state->box + letter_bytes);
    if (state->box == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for a letter of %zu bytes", letter_bytes);
    channel->depth = 1; /* whatever was asked for */
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    (void)channel;
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

/* To turn the flag is the last step: who is killed before has done nothing, and who is killed after has done all. */
static int put_in(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags; /* WEIR_MORE is a leave, not an order */
    struct letterbox *box = box_of(endpoint);
    /* Acquire: partner of the release in take_out. The old letter has been read before this one is written. */
    if (atomic_load_explicit(&box->is_full, memory_order_acquire))
        return WEIR_EAGAIN;
    box->length = length;
    if (length > 0) /* else there may be no buffer */
        memcpy(box->letter, buffer, length);
    /* Release: partner of the acquire in take_out. Who sees the flag sees the letter. */
    atomic_store_explicit(&box->is_full, true, memory_order_release);
    return 0;
}

static ssize_t take_out(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    struct letterbox *box = box_of(endpoint);
    if (!atomic_load_explicit(&box->is_full, memory_order_acquire))
        return WEIR_EAGAIN;
    size_t length = box->length;
    if (length > capacity)
        return WEIR_ECORRUPT; /* no sender does that, but other processes can write here, too */
    memcpy(buffer, box->letter, length);
    atomic_store_explicit(&box->is_full, false, memory_order_release);
    return (ssize_t)length;
}

static const struct weir_driver letterbox = {
    .abi = WEIR_DRIVER_ABI,
    .name = "letterbox",
    .summary = "one letter in shared memory, and a flag",
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .max_producers = 1,
    .max_consumers = 1,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = put_in,
    .recv = take_out,
};
WEIR_DRIVER_MODULE(letterbox);

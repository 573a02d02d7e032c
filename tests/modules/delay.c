/* SPDX-License-Identifier: MIT
 *
 * Another channel at a known additional cost, to test what differences are found: it wraps a channel, given as of=SPEC
 * with ':' in place of ',', and spins by the clock before sends and after receives. A look at the clock takes longer
 * than a small delay, so delays add up until they are worth a spin of `bout_ns`: the mean is exact. A spin also upsets
 * a peer that waits for it, by some hundred nanoseconds; it is long, so that this does not count.
 */
#include <weir/driver.h>

#include "spin.h"
#include "wrap.h"

enum { OPTION_OF, OPTION_SEND, OPTION_RECV, OPTION_BOUT };

static const struct weir_option delay_options[] = {
    [OPTION_OF] = WRAP_OPTION_OF,
    [OPTION_SEND] = {.name = "send_ps",
                     .type = WEIR_OPTION_NUMBER,
                     .fallback = "0",
                     .max = 1000000000000,
                     .help = "picoseconds that a send takes more, on average"},
    [OPTION_RECV] = {.name = "recv_ps",
                     .type = WEIR_OPTION_NUMBER,
                     .fallback = "0",
                     .max = 1000000000000,
                     .help = "picoseconds that a receive takes more, on average"},
    [OPTION_BOUT] = {.name = "bout_ns",
                     .type = WEIR_OPTION_NUMBER,
                     .fallback = "10000",
                     .max = 1000000000,
                     .help = "the least time that is spun at once"},
    {0},
};

struct delay_channel {
    struct weir_channel *inner;
};

struct delay_endpoint {
    struct weir_endpoint *inner;
    int64_t ps; /* of each message */
    int64_t owed_ps;
    int64_t bout_ps;
};

static int delay_create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct delay_channel *state = channel->state;
    return wrap_create(channel, channel->options[OPTION_OF].text, "delay", &state->inner, error);
}

static void delay_destroy(struct weir_driver_channel *channel)
{
    struct delay_channel *state = channel->state;
    weir_channel_destroy(state->inner);
}

static int delay_attach(struct weir_driver_endpoint *endpoint)
{
    const union weir_option_value *options = endpoint->channel->options;
    struct delay_channel *shared = endpoint->channel->state;
    struct delay_endpoint *state = endpoint->state;
    state->ps = (int64_t)options[endpoint->role == WEIR_PRODUCER ? OPTION_SEND : OPTION_RECV].number;
    state->bout_ps = (int64_t)options[OPTION_BOUT].number * 1000;
    return wrap_attach(endpoint, shared->inner, &state->inner);
}

static void delay_detach(struct weir_driver_endpoint *endpoint)
{
    struct delay_endpoint *state = endpoint->state;
    weir_detach(state->inner);
}

static inline void take_time(struct delay_endpoint *state)
{
    if (state->owed_ps > 0 && state->owed_ps >= state->bout_ps)
        spin_off(&state->owed_ps, spin_now_ns());
}

/* Time is owed once a message, however often it was tried. */
static int delay_send(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    struct delay_endpoint *state = endpoint->state;
    take_time(state);
    int result = (int)wrap_result(weir_send(state->inner, buffer, length, 0, WEIR_NOW));
    if (result == WEIR_OK)
        state->owed_ps += state->ps;
    return result;
}

static ssize_t delay_recv(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    struct delay_endpoint *state = endpoint->state;
    ssize_t length = wrap_result(weir_recv(state->inner, buffer, capacity, WEIR_NOW));
    if (length >= 0) {
        state->owed_ps += state->ps;
        take_time(state);
    }
    return length;
}

static const struct weir_driver delay_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "delay",
    .summary = "another channel that takes a known time longer, to test what is found",
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct delay_channel),
    .endpoint_bytes = sizeof(struct delay_endpoint),
    .options = delay_options,
    .create = delay_create,
    .destroy = delay_destroy,
    .attach = delay_attach,
    .detach = delay_detach,
    .send = delay_send,
    .recv = delay_recv,
};

WEIR_DRIVER_MODULE(delay_driver);

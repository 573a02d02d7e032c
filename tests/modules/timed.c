/* SPDX-License-Identifier: MIT
 *
 * A driver of known cost, to test what weir says of it: it carries nothing, as null, but each call on one side ends
 * `ns` after the one before, spun by the clock. So a message costs `ns` and nothing else: what the caller does with it
 * in the meantime is a part of that.
 */
#include <weir/driver.h>

#include "spin.h"

enum { OPTION_NS, OPTION_SIDE };

static const struct weir_option timed_options[] = {
    [OPTION_NS] = {.name = "ns",
                   .type = WEIR_OPTION_NUMBER,
                   .fallback = "1000",
                   .min = 1,
                   .max = 1000000000,
                   .help = "nanoseconds that a message takes"},
    [OPTION_SIDE] = {.name = "side",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "consumer",
                     .choices = "producer|consumer",
                     .help = "who spins"},
    {0},
};

struct timed_endpoint {
    int64_t ps; /* 0: the other side's */
    int64_t owed_ps;
    int64_t ended_ns; /* the last call */
};

static int timed_create(struct weir_driver_channel *channel, struct weir_error *error)
{
    (void)channel;
    (void)error;
    return WEIR_OK;
}

static void timed_destroy(struct weir_driver_channel *channel)
{
    (void)channel;
}

static int timed_attach(struct weir_driver_endpoint *endpoint)
{
    const union weir_option_value *options = endpoint->channel->options;
    struct timed_endpoint *state = endpoint->state;
    if (options[OPTION_SIDE].number == (uint64_t)endpoint->role)
        state->ps = (int64_t)options[OPTION_NS].number * 1000;
    return WEIR_OK;
}

static void timed_detach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
}

static void take_time(struct timed_endpoint *state)
{
    if (state->ps == 0)
        return;
    state->owed_ps += state->ps;
    state->ended_ns = spin_off(&state->owed_ps, state->ended_ns);
}

static int timed_send(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)buffer;
    (void)length;
    (void)flags;
    take_time(endpoint->state);
    return WEIR_OK;
}

static ssize_t timed_recv(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)buffer;
    (void)capacity;
    take_time(endpoint->state);
    return (ssize_t)endpoint->channel->config->max_message_bytes;
}

static const struct weir_driver timed_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "timed",
    .summary = "nothing, at a known cost in time, to test what is measured",
    .capabilities = WEIR_CAP_SYNTHETIC,
    .wait = WEIR_WAIT_ADAPTIVE,
    .endpoint_bytes = sizeof(struct timed_endpoint),
    .options = timed_options,
    .create = timed_create,
    .destroy = timed_destroy,
    .attach = timed_attach,
    .detach = timed_detach,
    .send = timed_send,
    .recv = timed_recv,
};

WEIR_DRIVER_MODULE(timed_driver);

/* SPDX-License-Identifier: MIT
 *
 * The null driver: nothing in between. Sends are discarded, receives are made up: they leave the buffer as it was and
 * claim a message of the greatest length. It measures the floor of whatever drives it, and moves nothing.
 */
#include <weir/driver.h>

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    (void)channel;
    (void)error;
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

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)endpoint;
    (void)buffer;
    (void)length;
    (void)flags;
    return 0;
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)buffer;
    (void)capacity;
    return (ssize_t)endpoint->channel->config->max_message_bytes;
}

extern const struct weir_driver weir_driver_null;
const struct weir_driver weir_driver_null = {
    .abi = WEIR_DRIVER_ABI,
    .name = "null",
    .summary = "nothing: discards what is sent, makes up what is received",
    .capabilities = WEIR_CAP_SYNTHETIC,
    .wait = WEIR_WAIT_ADAPTIVE,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
};

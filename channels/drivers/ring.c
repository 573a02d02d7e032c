/* SPDX-License-Identifier: MIT
 *
 * The ring driver: the lock-free lanes of shm (lanes.h) in private memory, for the threads of one process. Nothing has
 * to be allocated with the kernel, and pages come when they are used.
 */
#include <weir/driver.h>

#include "../lanes.h"

enum { OPTION_CAPACITY };

static const struct weir_option options[] = {
    [OPTION_CAPACITY] = WEIR_LANES_OPTION_CAPACITY,
    {.name = NULL},
};

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    if (channel->config->span != WEIR_SPAN_THREADS)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "ring lies in private memory: it carries messages between threads only; shm is the same "
                              "for processes");
    struct weir_lanes *lanes = channel->state;
    size_t bytes = weir_lanes_plan(lanes, channel, channel->options[OPTION_CAPACITY].number);
    void *memory = weir_shared_alloc(channel, bytes);
    if (memory == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for rings of %zu bytes", bytes);
    weir_lanes_format(lanes, memory);
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    (void)channel; /* the core frees the memory */
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    return weir_lanes_attach(endpoint, endpoint->channel->state);
}

extern const struct weir_driver weir_driver_ring;
const struct weir_driver weir_driver_ring = {
    .abi = WEIR_DRIVER_ABI,
    .name = "ring",
    .summary = "private memory: a lock-free ring for each producer, for threads only",
    .capabilities = WEIR_CAP_RESERVE | WEIR_CAP_PEEK,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct weir_lanes),
    .endpoint_bytes = WEIR_LANES_ENDPOINT_BYTES,
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = weir_lanes_detach,
    .send = weir_lanes_send,
    .recv = weir_lanes_recv,
    .reserve = weir_lanes_reserve,
    .commit = weir_lanes_commit,
    .abort = weir_lanes_abort,
    .peek = weir_lanes_peek,
    .release = weir_lanes_release,
};

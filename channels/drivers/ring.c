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
    WEIR_LANES_OPERATIONS,
    .name = "ring",
    .summary = "private memory: a lock-free ring for each producer, for threads only",
    .channel_bytes = sizeof(struct weir_lanes),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
};

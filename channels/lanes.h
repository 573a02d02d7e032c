/* SPDX-License-Identifier: MIT
 *
 * Lanes: from N producers to M consumers through shared memory, lock-free. Each producer has a lane of its own, so that
 * one that dies in mid-write harms nobody else. With one consumer a lane is a ring (ring.h), with several it is a ring
 * of cells (cells.h). Consumers go round the lanes in turn, so that none starves.
 *
 * Works on any memory that all ends see at their own address. Used by the drivers that are a ring on some memory.
 */
#ifndef WEIR_LANES_H
#define WEIR_LANES_H

#include <stdbool.h>

#include <weir/driver.h>

#include "ring.h"

/* Geometry; private to each process, so that nobody else can change it. */
struct weir_lanes {
    unsigned char *memory;
    size_t lane_bytes;
    struct weir_ring_geometry ring; /* with one consumer */
    size_t cell_stride;             /* with several */
    size_t cell_count;
    size_t cell_ahead; /* how far ahead they are fetched */
    uint32_t lanes;
};

/* The option of drivers that let their users say how large a lane is. */
#define WEIR_LANES_OPTION_CAPACITY                                                                                     \
    {                                                                                                                  \
        .name = "capacity", .type = WEIR_OPTION_NUMBER, .fallback = "0", .min = 0, .max = (uint64_t)1 << 32,           \
        .help = "bytes of each producer's ring; 0: as the channel's depth needs, up to 512K"                           \
    }

/* Plans lanes for the channel, `capacity_bytes` each if not 0; sets the channel's effective depth and returns the bytes
 * of memory that are needed. */
size_t weir_lanes_plan(struct weir_lanes *lanes, struct weir_driver_channel *channel, size_t capacity_bytes);

/* Once, in `create`, on zeroed memory of the planned size. */
void weir_lanes_format(struct weir_lanes *lanes, void *memory);

/* The driver's operations, as they stand in its table; attach is called by the driver's own, with the lanes. The
 * endpoint's state begins with one pointer (WEIR_LANES_ENDPOINT_BYTES), which attach sets. */
#define WEIR_LANES_ENDPOINT_BYTES sizeof(void *)
int weir_lanes_attach(struct weir_driver_endpoint *endpoint, const struct weir_lanes *lanes);
void weir_lanes_detach(struct weir_driver_endpoint *endpoint);
int weir_lanes_send(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags);
ssize_t weir_lanes_recv(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity);
int weir_lanes_reserve(struct weir_driver_endpoint *endpoint, size_t length, void **ret_buffer);
int weir_lanes_commit(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags);
void weir_lanes_abort(struct weir_driver_endpoint *endpoint);
ssize_t weir_lanes_peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer);
void weir_lanes_release(struct weir_driver_endpoint *endpoint);

/* Their lines in the table of a driver that adds nothing to them but memory. */
#define WEIR_LANES_OPERATIONS                                                                                          \
    .abi = WEIR_DRIVER_ABI, .capabilities = WEIR_CAP_RESERVE | WEIR_CAP_PEEK, .wait = WEIR_WAIT_ADAPTIVE,              \
    .endpoint_bytes = WEIR_LANES_ENDPOINT_BYTES, .detach = weir_lanes_detach, .send = weir_lanes_send,                 \
    .recv = weir_lanes_recv, .reserve = weir_lanes_reserve, .commit = weir_lanes_commit, .abort = weir_lanes_abort,    \
    .peek = weir_lanes_peek, .release = weir_lanes_release

#endif

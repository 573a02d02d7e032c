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

/* Geometry; private to each process, so that nobody else can change it. */
struct weir_lanes {
    unsigned char *memory;
    size_t lane_bytes;
    size_t ring_capacity; /* with one consumer */
    size_t ring_limit;
    size_t cell_stride; /* with several */
    size_t cell_count;
    uint32_t lanes;
};

struct weir_lanes_end;

/* Plans lanes for the channel, `capacity_bytes` each if not 0; sets the channel's effective depth and returns the bytes
 * of memory that are needed. */
size_t weir_lanes_plan(struct weir_lanes *lanes, struct weir_driver_channel *channel, size_t capacity_bytes);

/* Once, in `create`, on zeroed memory of the planned size. */
void weir_lanes_format(struct weir_lanes *lanes, void *memory);

/* The driver's operations. The endpoint's state is a struct weir_lanes_end * that attach makes. */
int weir_lanes_attach(struct weir_driver_endpoint *endpoint, const struct weir_lanes *lanes,
                      struct weir_lanes_end **ret_end);
void weir_lanes_detach(struct weir_lanes_end *end);
int weir_lanes_send(struct weir_lanes_end *end, const void *buffer, size_t length);
ssize_t weir_lanes_recv(struct weir_lanes_end *end, void *buffer, size_t capacity);
int weir_lanes_reserve(struct weir_lanes_end *end, size_t length, void **ret_buffer);
void weir_lanes_commit(struct weir_lanes_end *end, size_t length);
ssize_t weir_lanes_peek(struct weir_lanes_end *end, const void **ret_buffer);
void weir_lanes_release(struct weir_lanes_end *end);

#endif

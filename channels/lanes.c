/* SPDX-License-Identifier: MIT
 *
 * Lanes: which structure, which lane, whose turn. The structures themselves are in ring.h and cells.h.
 */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cells.h"
#include "copy.h"

/* A lane takes no more than this unless its longest messages need it, or the user says so: what is in flight should
 * stay in the cache next to a CPU, together with what the CPU works on. */
#define MOST_LANE_BYTES ((size_t)512 << 10)

/* Nor do all lanes together take more than this, unless each would then hold less than its part of the depth. */
#define MOST_LANES_BYTES ((size_t)2 << 20)

/* A consumer tells of what it has read after so much at most: rarely enough that the line of its word travels once for
 * many messages. */
#define MOST_LAG_BYTES ((size_t)4096)

/* So much of one lane comes in a row while others may wait: some microseconds' worth. Few messages in a row, and
 * nothing is fetched ahead; where there are several consumers, they meet at each other's cells. */
#define LEAST_IN_A_ROW 16u
#define MOST_IN_A_ROW  512u
#define BYTES_IN_A_ROW ((size_t)64 << 10)

/* Memory whose pages an end fills when it attaches. */
#define MOST_FILLED ((size_t)256 << 20)

/* On lines of its own: with the words that change in two lines, a message through cells cost a third more. */
union lane {
    _Alignas(64) struct weir_ring_producer producer;
    struct weir_ring_consumer consumer;
    struct weir_cells cells;
};

struct weir_lanes_end {
    const struct weir_driver_endpoint *endpoint;
    bool has_cells;
    uint32_t index; /* a consumer's */
    uint32_t count; /* of lanes: 1 for a producer */
    uint32_t turn;  /* the lane that a consumer looks at first */
    uint32_t row;   /* messages that this lane may still give in a row */
    uint32_t most;  /* in a row */
    union lane lanes[];
};

/* ---- geometry ------------------------------------------------------------------------------------------------ */

static size_t whole_pages(size_t bytes)
{
    return (bytes + 4095) & ~(size_t)4095;
}

/* How many messages a lane holds; `spare`: records that take room beside. Each lane holds the whole depth that was
 * asked for, so that what one producer can send before it must wait does not depend on how many others there could be.
 */
static size_t plan_depth(const struct weir_driver_channel *channel, size_t record, size_t spare, size_t capacity_bytes)
{
    size_t producers = channel->config->producers, part = (channel->depth + producers - 1) / producers;
    size_t most = (capacity_bytes != 0 ? capacity_bytes : MOST_LANE_BYTES) / record;
    most = most > spare + 1 ? most - spare : 1;
    if (capacity_bytes != 0)
        return most;
    size_t fair = MOST_LANES_BYTES / record / producers;
    fair = fair > part ? fair : part;
    fair = fair < most ? fair : most;
    return channel->depth < fair ? channel->depth : fair;
}

static size_t plan_ring(struct weir_lanes *lanes, size_t longest, size_t depth)
{
    lanes->ring = weir_ring_plan(depth, longest, MOST_LAG_BYTES, lanes->lanes);
    lanes->lane_bytes = whole_pages(weir_ring_bytes(&lanes->ring));
    return depth;
}

static size_t plan_cells(struct weir_lanes *lanes, size_t depth)
{
    lanes->cell_count = depth > 2 ? depth : 2;
    lanes->cell_ahead = weir_ring_ahead(lanes->cell_count * lanes->cell_stride, RING_READ_AHEAD);
    lanes->cell_ahead = (lanes->cell_ahead + lanes->cell_stride - 1) / lanes->cell_stride * lanes->cell_stride;
    lanes->lane_bytes = weir_cells_bytes(lanes->cell_count, lanes->cell_stride);
    return lanes->cell_count;
}

size_t weir_lanes_plan(struct weir_lanes *lanes, struct weir_driver_channel *channel, size_t capacity_bytes)
{
    const struct weir_channel_config *config = channel->config;
    size_t longest = config->max_message_bytes, depth;
    lanes->lanes = config->producers;
    if (config->consumers == 1) {
        depth = plan_ring(lanes, longest, plan_depth(channel, weir_ring_record_bytes(longest), 1, capacity_bytes));
    } else {
        lanes->cell_stride = weir_cell_stride(longest);
        depth = plan_cells(lanes, plan_depth(channel, lanes->cell_stride, 0, capacity_bytes));
    }
    channel->depth = depth * config->producers;
    return lanes->lane_bytes * lanes->lanes;
}

static void *lane_memory(const struct weir_lanes *lanes, uint32_t index)
{
    return lanes->memory + index * lanes->lane_bytes;
}

static struct weir_cells cells_of(const struct weir_lanes *lanes, uint32_t index, size_t max_message_bytes)
{
    return (struct weir_cells){.words = lane_memory(lanes, index),
                               .count = lanes->cell_count,
                               .stride = lanes->cell_stride,
                               .max_message_bytes = max_message_bytes,
                               .ahead = lanes->cell_ahead};
}

void weir_lanes_format(struct weir_lanes *lanes, void *memory)
{
    lanes->memory = memory;
    for (uint32_t i = 0; i < lanes->lanes && lanes->cell_count != 0; i++) {
        struct weir_cells cells = cells_of(lanes, i, 0);
        weir_cells_format(&cells);
    }
}

/* ---- ends ---------------------------------------------------------------------------------------------------- */

static void init_lane(struct weir_lanes_end *end, union lane *lane, const struct weir_lanes *lanes, uint32_t index)
{
    size_t longest = end->endpoint->channel->config->max_message_bytes;
    bool produces = end->endpoint->role == WEIR_PRODUCER;
    if (end->has_cells) {
        lane->cells = cells_of(lanes, index, longest);
        if (produces)
            weir_cells_resume_producer(&lane->cells);
        else
            weir_cells_resume_consumer(&lane->cells, end->index);
    } else if (produces) {
        weir_ring_producer_init(&lane->producer, lane_memory(lanes, index), &lanes->ring);
    } else {
        weir_ring_consumer_init(&lane->consumer, lane_memory(lanes, index), &lanes->ring, longest);
    }
}

static inline struct weir_lanes_end *end_of(const struct weir_driver_endpoint *endpoint)
{
    return *(struct weir_lanes_end **)endpoint->state;
}

/* Of the message under way. */
static inline size_t beyond(const struct weir_lanes_end *end)
{
    if (end->has_cells)
        return 0;
    bool produces = end->endpoint->role == WEIR_PRODUCER;
    return produces ? end->lanes[0].producer.beyond : end->lanes[end->turn].consumer.beyond;
}

static uint32_t most_in_a_row(size_t longest)
{
    size_t most = longest == 0 ? MOST_IN_A_ROW : BYTES_IN_A_ROW / longest;
    return most < LEAST_IN_A_ROW ? LEAST_IN_A_ROW : most < MOST_IN_A_ROW ? (uint32_t)most : MOST_IN_A_ROW;
}

int weir_lanes_attach(struct weir_driver_endpoint *endpoint, const struct weir_lanes *lanes)
{
    bool produces = endpoint->role == WEIR_PRODUCER;
    uint32_t count = produces ? 1 : lanes->lanes;
    size_t bytes = sizeof(struct weir_lanes_end) + count * sizeof(union lane);
    struct weir_lanes_end *end = aligned_alloc(_Alignof(struct weir_lanes_end), bytes);
    if (end == NULL)
        return WEIR_ENOMEM;
    memset(end, 0, bytes);
    end->endpoint = endpoint;
    end->has_cells = lanes->cell_count != 0;
    end->index = endpoint->index;
    end->count = count;
    end->most = end->row = most_in_a_row(endpoint->channel->config->max_message_bytes);
    end->turn = endpoint->index % count; /* several consumers begin at different lanes */
    uint32_t first = produces ? endpoint->index : 0;
    for (uint32_t i = 0; i < count; i++)
        init_lane(end, &end->lanes[i], lanes, first + i);
    /* This process's page tables are filled now and not by the first messages. Where the kernel does not know how
     * (before 5.14) the first messages do it, and for what lies beyond: nobody should wait seconds to attach. */
    size_t memory_bytes = count * lanes->lane_bytes;
    madvise(lane_memory(lanes, first), memory_bytes < MOST_FILLED ? memory_bytes : MOST_FILLED, MADV_POPULATE_WRITE);
    *(struct weir_lanes_end **)endpoint->state = end;
    return 0;
}

void weir_lanes_detach(struct weir_driver_endpoint *endpoint)
{
    free(end_of(endpoint));
}

/* ---- producing ----------------------------------------------------------------------------------------------- */

static inline int reserve(struct weir_lanes_end *end, size_t length, void **ret_buffer)
{
    return end->has_cells ? weir_cells_reserve(&end->lanes[0].cells, end->endpoint, ret_buffer)
                          : weir_ring_reserve(&end->lanes[0].producer, length, ret_buffer);
}

static inline void commit(struct weir_lanes_end *end, size_t length)
{
    if (end->has_cells)
        weir_cells_commit(&end->lanes[0].cells, length);
    else
        weir_ring_commit(&end->lanes[0].producer, length);
}

int weir_lanes_send(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags; /* a message costs no more alone than among others */
    struct weir_lanes_end *end = end_of(endpoint);
    void *body;
    int result = reserve(end, length, &body);
    if (result != 0)
        return result;
    weir_copy_far(body, buffer, length, true, RING_WRITE_AHEAD, beyond(end));
    commit(end, length);
    return 0;
}

int weir_lanes_reserve(struct weir_driver_endpoint *endpoint, size_t length, void **ret_buffer)
{
    return reserve(end_of(endpoint), length, ret_buffer);
}

int weir_lanes_commit(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags)
{
    (void)flags;
    commit(end_of(endpoint), length);
    return 0;
}

void weir_lanes_abort(struct weir_driver_endpoint *endpoint)
{
    struct weir_lanes_end *end = end_of(endpoint);
    if (!end->has_cells) /* of cells a reservation is only a look at the room */
        weir_ring_abort(&end->lanes[0].producer);
}

/* ---- consuming ----------------------------------------------------------------------------------------------- */

static inline ssize_t peek_lane(struct weir_lanes_end *end, uint32_t index, const void **ret_buffer)
{
    return end->has_cells ? weir_cells_peek(&end->lanes[index].cells, end->index, ret_buffer)
                          : weir_ring_peek(&end->lanes[index].consumer, ret_buffer);
}

static inline void next_turn(struct weir_lanes_end *end)
{
    end->row = end->most;
    end->turn = end->turn + 1 < end->count ? end->turn + 1 : 0;
}

/* Leaves `turn` at the lane of the message shown; release moves it on. */
static inline ssize_t peek(struct weir_lanes_end *end, const void **ret_buffer)
{
    for (uint32_t tried = 0; tried < end->count; tried++) {
        ssize_t result = peek_lane(end, end->turn, ret_buffer);
        if (result != WEIR_EAGAIN)
            return result;
        next_turn(end);
    }
    return WEIR_EAGAIN;
}

static inline void release(struct weir_lanes_end *end)
{
    if (end->has_cells)
        weir_cells_release(&end->lanes[end->turn].cells);
    else
        weir_ring_release(&end->lanes[end->turn].consumer);
    if (--end->row == 0)
        next_turn(end);
}

ssize_t weir_lanes_recv(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    struct weir_lanes_end *end = end_of(endpoint);
    const void *body;
    ssize_t length = peek(end, &body);
    if (length < 0)
        return length;
    if ((size_t)length > capacity)
        return WEIR_ECORRUPT;
    weir_copy_far(buffer, body, (size_t)length, false, RING_READ_AHEAD, beyond(end));
    release(end);
    return length;
}

ssize_t weir_lanes_peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    return peek(end_of(endpoint), ret_buffer);
}

void weir_lanes_release(struct weir_driver_endpoint *endpoint)
{
    release(end_of(endpoint));
}

/* SPDX-License-Identifier: MIT
 *
 * The eventfd driver: lock-free lanes (lanes.h) whose doorbells are eventfds, one for each endpoint, so that a
 * program's event loop can wait for a channel by a plain descriptor. An eventfd is written only for an endpoint that
 * has armed itself, because it is about to sleep or to poll; while both sides are busy there is no system call.
 *
 *   who waits (arm)                        who has published (tell)
 *   1. drain its eventfd                   1. publish (lanes.h: release)
 *   2. arm its seat, announce its role     2. full fence
 *   3. full fence                          3. is that role announced? no: done
 *   4. look again (the core); then sleep   4. take off the announcement, disarm and ring each armed seat
 *
 * Because of the two fences either the second look sees what was published or the publisher sees the announcement
 * (Dekker's argument, as in bell.h). A ring that comes between 1 and 2 was for something published before 4.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../fence.h"
#include "../lanes.h"

struct side {                                /* of a role */
    _Alignas(64) _Atomic uint32_t announced; /* some seat may be armed */
    _Atomic uint32_t polled;                 /* somebody of the role polls for itself, ever */
};

struct seat {
    _Alignas(64) _Atomic uint32_t armed;
};

/* What all ends share beside the lanes. */
struct board {
    struct side sides[2];
    _Alignas(64) _Atomic uint32_t fence; /* for fence.h; only ThreadSanitizer builds write it */
    struct seat seats[];                 /* producers, then consumers */
};

struct state {
    struct weir_lanes lanes;
    struct board *board;
    int *fds; /* one for each seat */
    uint32_t fd_count;
};

struct end {
    void *lanes;     /* first, for weir_lanes_* */
    uint32_t untold; /* messages taken off since producers were last told of room */
    uint32_t tell_after;
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int make_eventfds(struct state *state, uint32_t count, struct weir_error *error)
{
    state->fds = calloc(count, sizeof *state->fds);
    if (state->fds == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %u descriptors", count);
    for (; state->fd_count < count; state->fd_count++) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
            return weir_error_errno(error, "eventfd");
        state->fds[state->fd_count] = fd;
    }
    return 0;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    uint32_t ends = channel->config->producers + channel->config->consumers;
    size_t bytes = weir_lanes_plan(&state->lanes, channel, 0);
    void *memory = weir_shared_alloc(channel, bytes);
    state->board = weir_shared_alloc(channel, sizeof *state->board + ends * sizeof state->board->seats[0]);
    if (memory == NULL || state->board == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for lanes of %zu bytes", bytes);
    weir_lanes_format(&state->lanes, memory);
    return make_eventfds(state, ends, error);
}

static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    for (uint32_t i = 0; i < state->fd_count; i++)
        close(state->fds[i]);
    free(state->fds);
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    struct end *end = endpoint->state;
    size_t depth = endpoint->channel->depth;
    end->tell_after = depth < 8 ? 1 : (uint32_t)(depth / 4);
    return weir_lanes_attach(endpoint, &state->lanes);
}

/* ---- telling and arming -------------------------------------------------------------------------------------- */

static uint32_t seat_of(const struct weir_driver_endpoint *endpoint)
{
    return endpoint->role == WEIR_PRODUCER ? endpoint->index : endpoint->channel->config->producers + endpoint->index;
}

/* A full eventfd is readable already, so a failed write is no loss. */
static void ring(int fd)
{
    const uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

__attribute__((noinline)) static void ring_armed(const struct state *state, enum weir_role role, uint32_t producers)
{
    struct board *board = state->board;
    uint32_t first = role == WEIR_PRODUCER ? 0 : producers;
    uint32_t end = role == WEIR_PRODUCER ? producers : state->fd_count;
    /* Acquire: partner of the release in arm: the seat that was announced is seen as armed. */
    atomic_exchange_explicit(&board->sides[role].announced, 0, memory_order_acq_rel);
    for (uint32_t i = first; i < end; i++)
        if (atomic_load_explicit(&board->seats[i].armed, memory_order_relaxed) != 0 &&
            atomic_exchange_explicit(&board->seats[i].armed, 0, memory_order_acq_rel) != 0)
            ring(state->fds[i]);
}

/* After something was published to that role. */
static inline void tell(const struct weir_driver_endpoint *endpoint, enum weir_role role)
{
    const struct state *state = endpoint->channel->state;
    weir_fence_full(&state->board->fence); /* pairs with the fence in arm */
    if (atomic_load_explicit(&state->board->sides[role].announced, memory_order_relaxed) != 0)
        ring_armed(state, role, endpoint->channel->config->producers);
}

static void arm(struct weir_driver_endpoint *endpoint, int polls)
{
    const struct state *state = endpoint->channel->state;
    struct board *board = state->board;
    struct side *side = &board->sides[endpoint->role];
    uint32_t seat = seat_of(endpoint);
    uint64_t rings;
    ssize_t drained = read(state->fds[seat], &rings, sizeof rings);
    (void)drained; /* mostly there is nothing */
    atomic_store_explicit(&board->seats[seat].armed, 1, memory_order_relaxed);
    /* Release: partner of the exchange in ring_armed. Acquire: what its caller had published is seen. */
    atomic_fetch_or_explicit(&side->announced, 1, memory_order_acq_rel);
    /* The other side heeds the first poller only from its next message on: so the first poll does not sleep. */
    if (polls && atomic_exchange_explicit(&side->polled, 1, memory_order_relaxed) == 0)
        ring(state->fds[seat]);
    weir_fence_full(&board->fence); /* pairs with the fence in tell */
}

static int descriptor(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    const struct state *state = endpoint->channel->state;
    *ret_events = POLLIN;
    return state->fds[seat_of(endpoint)];
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    int result = weir_lanes_send(endpoint, buffer, length, flags);
    if (result == 0)
        tell(endpoint, WEIR_CONSUMER);
    return result;
}

static int commit(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags)
{
    weir_lanes_commit(endpoint, length, flags);
    tell(endpoint, WEIR_CONSUMER);
    return 0;
}

static void tell_of_room(struct weir_driver_endpoint *endpoint)
{
    ((struct end *)endpoint->state)->untold = 0;
    tell(endpoint, WEIR_PRODUCER);
}

/* As the core does it for its own doorbells: a producer that sleeps is worth waking for a quarter of the depth, and
 * when nothing is left to receive; one that polls is told at once (docs/design/0007-telling-of-room-and-giving-way.md).
 */
static void count_room(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    const struct state *state = endpoint->channel->state;
    uint32_t polled = atomic_load_explicit(&state->board->sides[WEIR_PRODUCER].polled, memory_order_relaxed);
    if (++end->untold >= end->tell_after || polled != 0)
        tell_of_room(endpoint);
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    ssize_t length = weir_lanes_peek(endpoint, ret_buffer);
    if (length == WEIR_EAGAIN && ((const struct end *)endpoint->state)->untold > 0)
        tell_of_room(endpoint);
    return length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    weir_lanes_release(endpoint);
    count_room(endpoint);
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    ssize_t length = weir_lanes_recv(endpoint, buffer, capacity);
    if (length >= 0)
        count_room(endpoint);
    else if (length == WEIR_EAGAIN && ((const struct end *)endpoint->state)->untold > 0)
        tell_of_room(endpoint);
    return length;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    const struct end *end = endpoint->state;
    if (end->untold > 0)
        tell_of_room(endpoint);
    weir_lanes_detach(endpoint);
}

extern const struct weir_driver weir_driver_eventfd;
const struct weir_driver weir_driver_eventfd = {
    .abi = WEIR_DRIVER_ABI,
    .name = "eventfd",
    .summary = "a lock-free ring for each producer, eventfds as doorbells",
    .capabilities = WEIR_CAP_RESERVE | WEIR_CAP_PEEK | WEIR_CAP_FD,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct end),
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
    .reserve = weir_lanes_reserve,
    .commit = commit,
    .abort = weir_lanes_abort,
    .peek = peek,
    .release = release,
    .fd = descriptor,
    .arm = arm,
};

/* SPDX-License-Identifier: MIT
 *
 * The unix driver: one socketpair(2) for the whole channel. seqpacket and dgram keep messages whole by themselves, for
 * any number of ends; stream carries frames (framing.h). Every process keeps both ends open until destroy: goodbyes and
 * deaths are the roster's.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../framing.h"

enum { OPTION_TYPE };
enum { TYPE_SEQPACKET, TYPE_STREAM, TYPE_DGRAM };

static const struct weir_option options[] = {
    [OPTION_TYPE] = {.name = "type",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "seqpacket",
                     .choices = "seqpacket|stream|dgram",
                     .help = "the socket's type; stream puts a length before each message"},
    {.name = NULL},
};

/* A stream socket sends up to this in one buffer, whole or not at all (UNIX_SKB_FRAGS_SZ, net/unix/af_unix.c). */
#define STREAM_ATOMIC_BYTES 32768

/* What the kernel keeps of a packet in one piece (SKB_MAX_ALLOC, include/linux/skbuff.h). */
#define PACKET_LINEAR_BYTES 16064

/* Packets up to this are never refused for their length. */
#define PACKET_SURE_BYTES 65536

struct state {
    struct weir_stream stream; /* also holds the descriptors of the other types */
    bool is_stream;
};

/* The kernel doubles what is asked for. Root may ask for more than net.core.wmem_max. */
static size_t size_socket(int fd, size_t wanted)
{
    int bytes = wanted / 2 < INT_MAX / 4 ? (int)((wanted + 1) / 2) : INT_MAX / 4;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    int given = 0;
    socklen_t length = sizeof given;
    return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &given, &length) == 0 ? (size_t)given : 0;
}

static int send_packet(int fd, const void *buffer, size_t length)
{
    ssize_t sent;
    do
        sent = send(fd, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    /* ENOBUFS: the kernel found no memory just now; as with a full buffer, nothing happened. */
    return errno == EAGAIN || errno == ENOBUFS ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

/* The kernel keeps a packet in one piece of memory, for long ones mostly a contiguous one, and only tells by refusing
 * how long a piece it has: so one packet of the greatest length is sent to and fro. */
static int try_longest(const struct state *state, size_t longest)
{
    void *packet = calloc(1, longest);
    if (packet == NULL)
        return WEIR_ENOMEM;
    int result = send_packet(state->stream.write_fd, packet, longest);
    free(packet);
    char first;
    if (result == 0 && recv(state->stream.read_fd, &first, sizeof first, MSG_DONTWAIT) != sizeof first)
        result = WEIR_ESYSTEM;
    return result;
}

static int check_packets(struct weir_driver_channel *channel, struct weir_error *error)
{
    const struct state *state = channel->state;
    size_t longest = channel->config->max_message_bytes, capacity = state->stream.capacity_bytes;
    if (longest + 32 > capacity) /* the kernel's own rule, unix_dgram_sendmsg in net/unix/af_unix.c */
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes do not fit: the socket's send buffer has %zu (net.core.wmem_max)",
                              longest, capacity);
    if (longest > PACKET_SURE_BYTES && try_longest(state, longest) != 0)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "the kernel has no packets of %zu bytes; type=stream carries longer messages", longest);
    size_t depth = capacity / weir_socket_cost(longest, PACKET_LINEAR_BYTES);
    channel->depth = depth > 0 ? depth : 1;
    return 0;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
    struct state *state = channel->state;
    uint64_t type = channel->options[OPTION_TYPE].number;
    int ends[2];
    if (socketpair(AF_UNIX, types[type] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return weir_error_errno(error, "socketpair");
    state->is_stream = type == TYPE_STREAM;
    state->stream = (struct weir_stream){
        .write_fd = ends[0], .read_fd = ends[1], .atomic_bytes = STREAM_ATOMIC_BYTES, .is_socket = true};
    size_t longest = channel->config->max_message_bytes;
    size_t wanted = state->is_stream ? weir_stream_wanted_bytes(channel, &state->stream)
                                     : channel->depth * weir_socket_cost(longest, PACKET_LINEAR_BYTES);
    if (wanted < 4 * STREAM_ATOMIC_BYTES && state->is_stream)
        wanted = 4 * STREAM_ATOMIC_BYTES; /* a buffer takes at most half of the whole */
    state->stream.capacity_bytes = size_socket(ends[0], wanted);
    return state->is_stream ? weir_stream_init(channel, &state->stream, error) : check_packets(channel, error);
}

static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    if (state->stream.atomic_bytes != 0) { /* else create did not come so far */
        close(state->stream.read_fd);
        close(state->stream.write_fd);
    }
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    return state->is_stream ? weir_stream_attach(endpoint, &state->stream, endpoint->state) : 0;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    if (state->is_stream)
        weir_stream_detach(endpoint->state);
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    const struct state *state = endpoint->channel->state;
    if (state->is_stream)
        return weir_stream_send(&state->stream, endpoint->state, buffer, length, flags);
    return send_packet(state->stream.write_fd, buffer, length);
}

static int flush(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    return state->is_stream ? weir_stream_flush(&state->stream, endpoint->state) : 0;
}

static ssize_t recv_packet(int fd, void *buffer, size_t capacity)
{
    ssize_t got;
    do
        got = recv(fd, buffer, capacity, MSG_DONTWAIT | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got >= 0) /* both ends stay open, so 0 is an empty message and never the end */
        return got <= (ssize_t)capacity ? got : WEIR_ECORRUPT;
    return errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    const struct state *state = endpoint->channel->state;
    if (state->is_stream)
        return weir_stream_recv(&state->stream, buffer);
    return recv_packet(state->stream.read_fd, buffer, capacity);
}

static int descriptor(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    const struct state *state = endpoint->channel->state;
    *ret_events = endpoint->role == WEIR_PRODUCER ? POLLOUT : POLLIN;
    return endpoint->role == WEIR_PRODUCER ? state->stream.write_fd : state->stream.read_fd;
}

extern const struct weir_driver weir_driver_unix;
const struct weir_driver weir_driver_unix = {
    .abi = WEIR_DRIVER_ABI,
    .name = "unix",
    .summary = "a pair of connected UNIX sockets",
    .capabilities = WEIR_CAP_FD | WEIR_CAP_MORE | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct weir_stream_end),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
    .flush = flush,
    .fd = descriptor,
};

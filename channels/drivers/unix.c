/* SPDX-License-Identifier: MIT
 *
 * The unix driver: one socketpair(2) for the whole channel. stream carries frames (framing.h); so do seqpacket and
 * dgram, several in a packet when they were sent together. With several consumers, or naive, a packet is a message.
 * Every process keeps both ends open until destroy: goodbyes and deaths are the roster's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../framing.h"

enum { OPTION_TYPE, OPTION_FRAMING };
enum { TYPE_SEQPACKET, TYPE_STREAM, TYPE_DGRAM };

static const struct weir_option options[] = {
    [OPTION_TYPE] = {.name = "type",
                     .type = WEIR_OPTION_CHOICE,
                     .fallback = "seqpacket",
                     .choices = "seqpacket|stream|dgram",
                     .help = "the socket's type"},
    [OPTION_FRAMING] = WEIR_FRAMING_OPTION,
    {.name = NULL},
};

/* A stream socket sends up to this in one buffer, whole or not at all (UNIX_SKB_FRAGS_SZ, net/unix/af_unix.c). */
#define STREAM_ATOMIC_BYTES 32768

/* Packets up to this are never refused for their length. */
#define PACKET_SURE_BYTES 65536

/* The kernel keeps a packet in one piece of memory, for long ones mostly a contiguous one, and only tells by refusing
 * how long a piece it has: so one packet of the greatest length is sent to and fro. */
static int try_longest(const struct weir_stream *stream, size_t longest)
{
    void *packet = calloc(1, longest);
    if (packet == NULL)
        return WEIR_ENOMEM;
    ssize_t sent;
    do
        sent = send(stream->write_fd, packet, longest, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    free(packet);
    char first;
    bool back = sent >= 0 && recv(stream->read_fd, &first, sizeof first, MSG_DONTWAIT) == sizeof first;
    return back ? 0 : WEIR_ESYSTEM;
}

static int check_packets(const struct weir_driver_channel *channel, struct weir_error *error)
{
    const struct weir_stream *stream = channel->state;
    size_t longest = channel->config->max_message_bytes, packet = longest + WEIR_FRAME_HEADER;
    if (packet + 32 > stream->capacity_bytes) /* the kernel's own rule, unix_dgram_sendmsg in net/unix/af_unix.c */
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes do not fit: the socket's send buffer has %zu (net.core.wmem_max)",
                              longest, stream->capacity_bytes);
    if (packet > PACKET_SURE_BYTES && try_longest(stream, packet) != 0)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "the kernel has no packets of %zu bytes; type=stream carries longer messages", longest);
    return 0;
}

/* For a slice; a call that does not wait says so itself. */
static int let_block(int read_fd)
{
    const struct timeval slice = {.tv_sec = WEIR_SLICE_NS / 1000000000, .tv_usec = WEIR_SLICE_NS / 1000 % 1000000};
    if (setsockopt(read_fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice) != 0)
        return -1;
    return fcntl(read_fd, F_SETFL, 0);
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
    struct weir_stream *stream = channel->state;
    uint64_t type = channel->options[OPTION_TYPE].number;
    int ends[2];
    bool is_stream = type == TYPE_STREAM, naive = channel->options[OPTION_FRAMING].number == WEIR_FRAMING_NAIVE;
    bool blocks = !is_stream && !naive && channel->config->consumers == 1;
    if (socketpair(AF_UNIX, types[type] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return weir_error_errno(error, "socketpair");
    *stream = (struct weir_stream){.kind = is_stream ? WEIR_STREAM_SOCKET : WEIR_STREAM_PACKETS,
                                   .is_open = true,
                                   .write_fd = ends[0],
                                   .read_fd = ends[1],
                                   .atomic_bytes = is_stream ? STREAM_ATOMIC_BYTES : SIZE_MAX,
                                   .naive = naive,
                                   .blocks = blocks};
    if (blocks && let_block(ends[1]) != 0)
        return weir_error_errno(error, "SO_RCVTIMEO");
    size_t wanted = weir_stream_wanted_bytes(channel, stream);
    if (wanted < 4 * STREAM_ATOMIC_BYTES && is_stream)
        wanted = 4 * STREAM_ATOMIC_BYTES; /* a buffer takes at most half of the whole */
    stream->capacity_bytes = weir_socket_size(ends[0], wanted);
    int misfit = is_stream ? 0 : check_packets(channel, error);
    return misfit != 0 ? misfit : weir_stream_init(channel, stream, error);
}

extern const struct weir_driver weir_driver_unix;
const struct weir_driver weir_driver_unix = {
    WEIR_STREAM_OPERATIONS(WEIR_STREAM_CAPABILITIES),
    .name = "unix",
    .summary = "a pair of connected UNIX sockets",
    .options = options,
    .create = create,
    .recv_waiting = weir_stream_recv_waiting,
    .nudge = weir_stream_nudge,
};

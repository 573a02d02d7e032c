/* SPDX-License-Identifier: MIT
 *
 * Frames through the kernel: how much fits, and the life of a stream. The rules are in framing.h.
 */
#include "framing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)

/* What the kernel keeps in one piece of what a stream socket sends (SKB_MAX_HEAD, include/linux/skbuff.h), and of a
 * packet (SKB_MAX_ALLOC). */
#define STREAM_LINEAR_BYTES ((size_t)3776)
#define PACKET_LINEAR_BYTES ((size_t)16064)

/* What is read ahead at most: a pipe's default capacity. */
#define READ_AHEAD_BYTES ((size_t)65536)

/* With several consumers of a socket: a frame must lie in one buffer of the kernel (UNIX_SKB_FRAGS_SZ,
 * net/unix/af_unix.c). */
#define SHARED_SOCKET_BYTES ((size_t)32768)

/* ---- room ---------------------------------------------------------------------------------------------------- */

/* What one buffer with `length` bytes costs of a socket's send buffer, at most: the kernel rounds the part that it
 * keeps in one piece (`most_linear` bytes at most) with its own 320 bytes up to a power of two, the rest to pages, and
 * adds its header (alloc_skb_with_frags, net/core/skbuff.c). */
static size_t buffer_cost(size_t length, size_t most_linear)
{
    size_t linear = length < most_linear ? length : most_linear;
    size_t piece = 512;
    while (piece < linear + 320)
        piece *= 2;
    return piece + 512 + (length - linear + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

size_t weir_stream_cost_of_queued(const struct weir_stream *stream, size_t bytes)
{
    return stream->kind == WEIR_STREAM_PIPE ? 2 * bytes : bytes;
}

size_t weir_stream_cost_of_new(const struct weir_stream *stream, size_t frame)
{
    if (stream->kind == WEIR_STREAM_PIPE)
        return frame + PAGE_BYTES;
    if (stream->kind == WEIR_STREAM_TCP) /* a buffer of 32 KiB, with its header, for each began part */
        return frame + (frame / 32768 + 2) * 1536;
    return frame + frame / 4 + 2 * PAGE_BYTES;
}

/* What the greatest message becomes. Packets of a naive stream, and of several consumers, are the messages. */
static size_t longest_frame(const struct weir_driver_channel *channel, const struct weir_stream *stream)
{
    bool bare = stream->kind == WEIR_STREAM_PACKETS && (stream->naive || channel->config->consumers > 1);
    return channel->config->max_message_bytes + (bare ? 0 : WEIR_FRAME_HEADER);
}

size_t weir_stream_wanted_bytes(const struct weir_driver_channel *channel, const struct weir_stream *stream)
{
    size_t frame = longest_frame(channel, stream);
    size_t depth = channel->depth;
    if (stream->kind == WEIR_STREAM_PACKETS)
        return depth * buffer_cost(frame, PACKET_LINEAR_BYTES);
    if (frame > stream->atomic_bytes) {
        size_t first = weir_stream_cost_of_new(stream, frame);
        return weir_stream_cost_of_queued(stream, first * (depth - 1)) + first;
    }
    if (stream->kind == WEIR_STREAM_SOCKET)
        return depth * buffer_cost(frame, STREAM_LINEAR_BYTES);
    size_t per_page = PAGE_BYTES / frame;
    return (depth + per_page - 1) / per_page * PAGE_BYTES;
}

/* The inverse: how many frames surely fit. */
static size_t depth_of(const struct weir_stream *stream, size_t frame)
{
    if (stream->kind == WEIR_STREAM_PACKETS) {
        size_t depth = stream->capacity_bytes / buffer_cost(frame, PACKET_LINEAR_BYTES);
        return depth > 0 ? depth : 1;
    }
    if (frame > stream->atomic_bytes) {
        size_t first = weir_stream_cost_of_new(stream, frame);
        size_t queued = stream->kind == WEIR_STREAM_PIPE ? weir_stream_cost_of_queued(stream, frame) : first;
        return 1 + (stream->capacity_bytes - first) / queued;
    }
    if (stream->kind == WEIR_STREAM_SOCKET)
        return stream->capacity_bytes / buffer_cost(frame, STREAM_LINEAR_BYTES);
    return stream->capacity_bytes / PAGE_BYTES * (PAGE_BYTES / frame);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static struct weir_lock *make_lock(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct weir_lock *lock = weir_shared_alloc(channel, sizeof *lock);
    if (lock == NULL)
        weir_error_set(error, WEIR_ENOMEM, "no memory for the lock of a stream's ends");
    else if (weir_lock_init(lock, channel->config->span == WEIR_SPAN_PROCESSES) != 0) {
        weir_error_set(error, WEIR_ESYSTEM, "the lock of a stream's ends cannot be made");
        lock = NULL;
    }
    return lock;
}

static int check_fit(const struct weir_driver_channel *channel, const struct weir_stream *stream, size_t frame,
                     struct weir_error *error)
{
    const struct weir_channel_config *config = channel->config;
    if (frame > stream->atomic_bytes && weir_stream_cost_of_new(stream, frame) > stream->capacity_bytes)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes do not fit: a channel must hold at least one whole message, and "
                              "the kernel gives this one %zu bytes",
                              config->max_message_bytes, stream->capacity_bytes);
    if (config->consumers > 1 && frame > SHARED_SOCKET_BYTES && stream->kind == WEIR_STREAM_SOCKET)
        return weir_error_set(error, WEIR_EMSGSIZE, "with several consumers a message has at most %zu bytes, not %zu",
                              SHARED_SOCKET_BYTES - WEIR_FRAME_HEADER, config->max_message_bytes);
    return 0;
}

static int make_ahead(struct weir_driver_channel *channel, struct weir_stream *stream, size_t frame,
                      struct weir_error *error)
{
    size_t least = stream->kind == WEIR_STREAM_PACKETS ? WEIR_KEEP_BACK_BYTES : READ_AHEAD_BYTES;
    stream->ahead_capacity = stream->naive ? 0 : frame > least ? frame : least;
    stream->ahead = weir_shared_alloc(channel, sizeof *stream->ahead + stream->ahead_capacity);
    return stream->ahead != NULL ? 0 : weir_error_set(error, WEIR_ENOMEM, "no memory to read ahead");
}

int weir_stream_init(struct weir_driver_channel *channel, struct weir_stream *stream, struct weir_error *error)
{
    const struct weir_channel_config *config = channel->config;
    size_t frame = longest_frame(channel, stream);
    bool packets = stream->kind == WEIR_STREAM_PACKETS;
    stream->longest_bytes = config->max_message_bytes;
    stream->lone_sender = config->producers == 1;
    int misfit = packets ? 0 : check_fit(channel, stream, frame, error);
    if (misfit != 0)
        return misfit;
    stream->bare = packets && (stream->naive || config->consumers > 1);
    if (config->consumers > 1 && !packets)
        stream->padded_bytes = frame;
    if (config->producers > 1 && frame > stream->atomic_bytes && (stream->senders = make_lock(channel, error)) == NULL)
        return WEIR_ESYSTEM;
    channel->depth = depth_of(stream, frame);
    return config->consumers == 1 && !stream->bare ? make_ahead(channel, stream, frame, error) : 0;
}

/* Asks for the depth; who is not allowed that much takes what there is. */
static size_t size_pipe(int fd, size_t wanted)
{
    int bytes = wanted < INT_MAX / 2 ? (int)wanted : INT_MAX / 2;
    int given = -1;
    while (given < 0 && bytes > 4096) {
        given = fcntl(fd, F_SETPIPE_SZ, bytes);
        bytes /= 2;
    }
    given = fcntl(fd, F_GETPIPE_SZ);
    return given > 0 ? (size_t)given : PIPE_BUF;
}

int weir_stream_create_pipe(struct weir_driver_channel *channel, int read_fd, int write_fd, bool naive,
                            struct weir_error *error)
{
    struct weir_stream *stream = channel->state;
    *stream = (struct weir_stream){.kind = WEIR_STREAM_PIPE,
                                   .is_open = true,
                                   .read_fd = read_fd,
                                   .write_fd = write_fd,
                                   .atomic_bytes = PIPE_BUF,
                                   .naive = naive};
    stream->capacity_bytes = size_pipe(write_fd, weir_stream_wanted_bytes(channel, stream));
    return weir_stream_init(channel, stream, error);
}

/* The kernel doubles what is asked for. Root may ask for more than net.core.wmem_max. */
size_t weir_socket_size(int fd, size_t wanted)
{
    int bytes = wanted / 2 < INT_MAX / 4 ? (int)((wanted + 1) / 2) : INT_MAX / 4;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    int given = 0;
    socklen_t length = sizeof given;
    return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &given, &length) == 0 ? (size_t)given : 0;
}

void weir_stream_destroy(struct weir_driver_channel *channel)
{
    struct weir_stream *stream = channel->state;
    if (stream->is_open) {
        close(stream->read_fd);
        close(stream->write_fd);
    }
}

int weir_stream_attach(struct weir_driver_endpoint *endpoint)
{
    const struct weir_stream *stream = endpoint->channel->state;
    struct weir_stream_end *end = endpoint->state;
    if (endpoint->role == WEIR_PRODUCER) {
        end->kept = malloc(WEIR_KEEP_BACK_BYTES);
        return end->kept != NULL ? 0 : WEIR_ENOMEM;
    }
    if (stream->ahead == NULL || !stream->ahead->reading)
        return 0;
    if (stream->kind != WEIR_STREAM_PACKETS)
        return WEIR_ECORRUPT;
    /* Who died took a packet along, as it is with any receiver; the next one begins with a frame. */
    stream->ahead->start = stream->ahead->end = 0;
    stream->ahead->reading = 0;
    return 0;
}

void weir_stream_detach(struct weir_driver_endpoint *endpoint)
{
    struct weir_stream_end *end = endpoint->state;
    free(end->kept);
}

int weir_stream_fd(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    const struct weir_stream *stream = endpoint->channel->state;
    *ret_events = endpoint->role == WEIR_PRODUCER ? POLLOUT : POLLIN;
    return endpoint->role == WEIR_PRODUCER ? stream->write_fd : stream->read_fd;
}

/* SPDX-License-Identifier: MIT
 *
 * Frames on byte streams. The rules are in framing.h.
 */
#include "framing.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)

/* What a stream socket keeps in one piece (SKB_MAX_HEAD, include/linux/skbuff.h). */
#define MOST_LINEAR ((size_t)3776)

/* What is read ahead, or kept back, at most: a pipe's default capacity. */
#define READ_AHEAD_BYTES ((size_t)65536)
#define KEEP_BACK_BYTES  ((size_t)4096)

/* ---- room ---------------------------------------------------------------------------------------------------- */

size_t weir_socket_cost(size_t length, size_t most_linear)
{
    size_t linear = length < most_linear ? length : most_linear;
    size_t piece = 512;
    while (piece < linear + 320)
        piece *= 2;
    return piece + 512 + (length - linear + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static size_t frame_bytes(const struct weir_stream *stream, size_t length)
{
    return stream->padded_bytes != 0 ? stream->padded_bytes : length + WEIR_FRAME_HEADER;
}

/* What `bytes` that lie in the stream take of its capacity, at worst. Pipes count pages, which neighbours may leave
 * half empty (two of them always hold more than one page). Sockets count buffers of up to 32 KiB together with their
 * headers, which SIOCOUTQ reports as they are. */
static size_t cost_of_queued(const struct weir_stream *stream, size_t bytes)
{
    return stream->is_socket ? bytes : 2 * bytes;
}

/* And what a frame that is about to go takes. */
static size_t cost_of_new(const struct weir_stream *stream, size_t frame)
{
    return stream->is_socket ? frame + frame / 4 + 2 * PAGE_BYTES : frame + PAGE_BYTES;
}

static bool has_room(const struct weir_stream *stream, size_t frame)
{
    int queued;
    int asked =
        stream->is_socket ? ioctl(stream->write_fd, SIOCOUTQ, &queued) : ioctl(stream->read_fd, FIONREAD, &queued);
    if (asked != 0)
        return false;
    return cost_of_queued(stream, (size_t)queued) + cost_of_new(stream, frame) <= stream->capacity_bytes;
}

size_t weir_stream_wanted_bytes(const struct weir_driver_channel *channel, const struct weir_stream *stream)
{
    size_t frame = channel->config->max_message_bytes + WEIR_FRAME_HEADER;
    size_t depth = channel->depth;
    if (frame > stream->atomic_bytes)
        return cost_of_queued(stream, cost_of_new(stream, frame) * (depth - 1)) + cost_of_new(stream, frame);
    if (stream->is_socket)
        return depth * weir_socket_cost(frame, MOST_LINEAR);
    size_t per_page = PAGE_BYTES / frame;
    return (depth + per_page - 1) / per_page * PAGE_BYTES;
}

/* The inverse: how many frames surely fit. */
static size_t depth_of(const struct weir_stream *stream, size_t frame)
{
    if (frame > stream->atomic_bytes) {
        size_t first = cost_of_new(stream, frame);
        size_t queued = stream->is_socket ? first : cost_of_queued(stream, frame);
        return 1 + (stream->capacity_bytes - first) / queued;
    }
    if (stream->is_socket)
        return stream->capacity_bytes / weir_socket_cost(frame, MOST_LINEAR);
    return stream->capacity_bytes / PAGE_BYTES * (PAGE_BYTES / frame);
}

int weir_stream_init(struct weir_driver_channel *channel, struct weir_stream *stream, struct weir_error *error)
{
    const struct weir_channel_config *config = channel->config;
    size_t frame = config->max_message_bytes + WEIR_FRAME_HEADER;
    bool whole = frame <= stream->atomic_bytes;
    stream->longest_bytes = config->max_message_bytes;
    if (!whole && cost_of_new(stream, frame) > stream->capacity_bytes)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes do not fit: a channel must hold at least one whole message, and "
                              "the kernel gives this one %zu bytes",
                              config->max_message_bytes, stream->capacity_bytes);
    if (config->consumers > 1 && stream->is_socket && !whole)
        return weir_error_set(error, WEIR_EMSGSIZE, "with several consumers a message has at most %zu bytes, not %zu",
                              stream->atomic_bytes - WEIR_FRAME_HEADER, config->max_message_bytes);
    if (config->consumers > 1)
        stream->padded_bytes = frame;
    if (config->producers > 1 && !whole) {
        stream->senders = weir_shared_alloc(channel, sizeof *stream->senders);
        if (stream->senders == NULL)
            return weir_error_set(error, WEIR_ENOMEM, "no memory for the senders' lock");
        if (weir_lock_init(stream->senders, config->span == WEIR_SPAN_PROCESSES) != 0)
            return weir_error_set(error, WEIR_ESYSTEM, "the senders' lock cannot be made");
    }
    if (config->consumers == 1) {
        stream->ahead_capacity = stream->naive ? 0 : frame > READ_AHEAD_BYTES ? frame : READ_AHEAD_BYTES;
        stream->ahead = weir_shared_alloc(channel, sizeof *stream->ahead + stream->ahead_capacity);
        if (stream->ahead == NULL)
            return weir_error_set(error, WEIR_ENOMEM, "no memory to read ahead");
    }
    channel->depth = depth_of(stream, frame);
    return 0;
}

int weir_stream_attach(struct weir_driver_endpoint *endpoint, const struct weir_stream *stream,
                       struct weir_stream_end *end)
{
    if (endpoint->role == WEIR_CONSUMER)
        return stream->ahead != NULL && stream->ahead->reading ? WEIR_ECORRUPT : 0;
    end->kept = malloc(KEEP_BACK_BYTES);
    return end->kept != NULL ? 0 : WEIR_ENOMEM;
}

void weir_stream_detach(struct weir_stream_end *end)
{
    free(end->kept);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static ssize_t write_parts(const struct weir_stream *stream, struct iovec *parts, int count)
{
    ssize_t written;
    do {
        if (stream->is_socket) {
            struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
            written = sendmsg(stream->write_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else {
            written = writev(stream->write_fd, parts, count);
        }
    } while (written < 0 && errno == EINTR);
    return written;
}

/* A frame went out in part although there was room for all of it: the kernel is short of memory. Only going on saves
 * the stream; should it not take the rest within five seconds, the stream is lost. */
static int write_rest(const struct weir_stream *stream, char *rest, size_t length)
{
    for (int attempts = 0; length > 0 && attempts < 50000; attempts++) {
        struct iovec part = {.iov_base = rest, .iov_len = length};
        ssize_t written = write_parts(stream, &part, 1);
        if (written < 0 && errno != EAGAIN)
            return WEIR_ESYSTEM;
        if (written < 0) {
            usleep(100);
            continue;
        }
        rest += written;
        length -= (size_t)written;
    }
    return length == 0 ? 0 : WEIR_ECORRUPT;
}

static int write_whole(const struct weir_stream *stream, struct iovec *parts, int count, size_t total)
{
    ssize_t written = write_parts(stream, parts, count);
    if (written == (ssize_t)total)
        return 0;
    if (written < 0)
        return errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
    int result = 0;
    for (size_t skip = (size_t)written, i = 0; i < (size_t)count && result == 0; i++) {
        size_t gone = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        result = write_rest(stream, (char *)parts[i].iov_base + gone, parts[i].iov_len - gone);
        skip -= gone;
    }
    return result;
}

static int send_whole(const struct weir_stream *stream, struct iovec *parts, int count, size_t total)
{
    if (stream->senders != NULL) {
        int taken = weir_lock_take(stream->senders);
        if (taken != 0 && taken != WEIR_EPEERDIED) /* a dead sender's frame is whole, or was not begun */
            return taken;
    }
    int result = WEIR_EAGAIN;
    if (total <= stream->atomic_bytes || has_room(stream, total))
        result = write_whole(stream, parts, count, total);
    if (stream->senders != NULL)
        weir_lock_give(stream->senders);
    return result;
}

static const char zeros[PAGE_BYTES];

/* Header, body and padding as they go out. The body is not written to: iovec has no const. */
static int make_parts(struct iovec *parts, uint32_t *header, const void *body, size_t length, size_t padding)
{
    *header = (uint32_t)length;
    int count = 0;
    parts[count++] = (struct iovec){.iov_base = header, .iov_len = sizeof *header};
    parts[count++] = (struct iovec){.iov_base = (void *)(uintptr_t)body, .iov_len = length};
    for (; padding > 0 && count < 16; count++) {
        size_t piece = padding < PAGE_BYTES ? padding : PAGE_BYTES;
        parts[count] = (struct iovec){.iov_base = (void *)(uintptr_t)zeros, .iov_len = piece};
        padding -= piece;
    }
    return padding == 0 ? count : 0;
}

static void keep(struct weir_stream_end *end, const void *body, size_t length, size_t frame)
{
    uint32_t header = (uint32_t)length;
    char *at = end->kept + end->kept_bytes;
    memcpy(at, &header, sizeof header);
    if (length > 0)
        memcpy(at + sizeof header, body, length);
    memset(at + sizeof header + length, 0, frame - sizeof header - length);
    end->kept_bytes += frame;
}

int weir_stream_flush(const struct weir_stream *stream, struct weir_stream_end *end)
{
    if (end->kept_bytes == 0)
        return 0;
    struct iovec part = {.iov_base = end->kept, .iov_len = end->kept_bytes};
    int result = send_whole(stream, &part, 1, end->kept_bytes);
    if (result == 0)
        end->kept_bytes = 0;
    return result;
}

int weir_stream_send(const struct weir_stream *stream, struct weir_stream_end *end, const void *body, size_t length,
                     unsigned flags)
{
    size_t frame = frame_bytes(stream, length);
    if (end->kept_bytes + frame > KEEP_BACK_BYTES && end->kept_bytes > 0) {
        int result = weir_stream_flush(stream, end);
        if (result != 0)
            return result;
    }
    if (frame <= KEEP_BACK_BYTES && (end->kept_bytes > 0 || (flags & WEIR_MORE))) {
        keep(end, body, length, frame);
        int result = flags & WEIR_MORE ? 0 : weir_stream_flush(stream, end);
        if (result != 0)
            end->kept_bytes -= frame; /* nothing happened: the message is the caller's still */
        return result;
    }
    struct iovec parts[16];
    uint32_t header;
    int count = make_parts(parts, &header, body, length, frame - WEIR_FRAME_HEADER - length);
    if (count > 0)
        return send_whole(stream, parts, count, frame);
    /* More padding than the parts hold: short messages on a channel for long ones, with several consumers. */
    char *whole = calloc(1, frame);
    if (whole == NULL)
        return WEIR_ENOMEM;
    memcpy(whole, &header, sizeof header);
    if (length > 0)
        memcpy(whole + sizeof header, body, length);
    struct iovec part = {.iov_base = whole, .iov_len = frame};
    int result = send_whole(stream, &part, 1, frame);
    free(whole);
    return result;
}

/* ---- receiving ----------------------------------------------------------------------------------------------- */

static ssize_t read_some(const struct weir_stream *stream, struct iovec *parts, int count)
{
    ssize_t got;
    do
        got = readv(stream->read_fd, parts, count);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    /* 0 is the end of the stream, which no driver of ours brings about before destroy. */
    return got < 0 && errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

/* Reads until `bytes` are there. The frame has been begun, so the rest is there or on its way from a running call. */
static ssize_t read_exactly(const struct weir_stream *stream, char *at, size_t bytes)
{
    int64_t give_up_ns = 0;
    while (bytes > 0) {
        struct iovec part = {.iov_base = at, .iov_len = bytes};
        ssize_t got = read_some(stream, &part, 1);
        if (got == WEIR_EAGAIN) {
            sched_yield();
            int64_t now = weir_now_ns();
            if (give_up_ns == 0)
                give_up_ns = now + INT64_C(1000000000);
            if (now > give_up_ns)
                return WEIR_ECORRUPT;
            continue;
        }
        if (got < 0)
            return got;
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

static ssize_t recv_naive(const struct weir_stream *stream, char *body)
{
    uint32_t length;
    struct iovec part = {.iov_base = &length, .iov_len = sizeof length};
    ssize_t got = read_some(stream, &part, 1);
    if (got < 0)
        return got;
    if (got != sizeof length || length > stream->longest_bytes)
        return WEIR_ECORRUPT;
    ssize_t result = read_exactly(stream, body, length);
    return result < 0 ? result : (ssize_t)length;
}

/* One read, one frame: header into `length`, the padded body into the caller's buffer. */
static ssize_t recv_padded(const struct weir_stream *stream, char *body)
{
    uint32_t length;
    struct iovec parts[2] = {{.iov_base = &length, .iov_len = sizeof length},
                             {.iov_base = body, .iov_len = stream->longest_bytes}};
    ssize_t got = read_some(stream, parts, 2);
    if (got < 0)
        return got;
    bool whole = got == (ssize_t)stream->padded_bytes && length <= stream->longest_bytes;
    return whole ? (ssize_t)length : WEIR_ECORRUPT;
}

/* Reads on behind the bytes from `start` to `end`, which have been checked: producers see this memory too, and what it
 * says by now is not read again. Whoever dies in between leaves it marked, and the successor is told so. */
static ssize_t fill(const struct weir_stream *stream, size_t start, size_t end)
{
    struct weir_stream_ahead *ahead = stream->ahead;
    size_t there = end - start;
    ahead->reading = true;
    atomic_signal_fence(memory_order_seq_cst);
    if (there > 0 && start > 0)
        memmove(ahead->bytes, ahead->bytes + start, there);
    struct iovec part = {.iov_base = ahead->bytes + there, .iov_len = stream->ahead_capacity - there};
    ssize_t got = read_some(stream, &part, 1);
    ahead->start = 0;
    ahead->end = there + (got > 0 ? (size_t)got : 0);
    atomic_signal_fence(memory_order_seq_cst);
    ahead->reading = false;
    return got;
}

static ssize_t recv_drained(const struct weir_stream *stream, char *body)
{
    struct weir_stream_ahead *ahead = stream->ahead;
    for (;;) {
        const size_t start = ahead->start, end = ahead->end;
        if (start > end || end > stream->ahead_capacity) /* producers see this memory too */
            return WEIR_ECORRUPT;
        const size_t there = end - start;
        uint32_t length;
        if (there >= sizeof length) {
            memcpy(&length, ahead->bytes + start, sizeof length);
            if (length > stream->longest_bytes)
                return WEIR_ECORRUPT;
            if (there - sizeof length >= length) {
                memcpy(body, ahead->bytes + start + sizeof length, length);
                ahead->start = start + sizeof length + length;
                return (ssize_t)length;
            }
        }
        ssize_t got = fill(stream, start, end);
        if (got < 0)
            return got;
    }
}

ssize_t weir_stream_recv(const struct weir_stream *stream, void *body)
{
    if (stream->padded_bytes != 0)
        return recv_padded(stream, body);
    if (!stream->naive)
        return recv_drained(stream, body);
    stream->ahead->reading = true; /* as in fill */
    atomic_signal_fence(memory_order_seq_cst);
    ssize_t result = recv_naive(stream, body);
    atomic_signal_fence(memory_order_seq_cst);
    stream->ahead->reading = false;
    return result;
}

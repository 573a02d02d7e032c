/* SPDX-License-Identifier: MIT
 *
 * Receiving frames: the rules are in framing.h.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cpu.h"
#include "framing.h"

/* ---- reading ------------------------------------------------------------------------------------------------- */

static ssize_t read_once(const struct weir_stream *stream, struct iovec *parts, int count, int flags)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    if (stream->kind != WEIR_STREAM_PACKETS)
        return count == 1 ? read(stream->read_fd, parts->iov_base, parts->iov_len)
                          : readv(stream->read_fd, parts, count);
    return count == 1 ? recv(stream->read_fd, parts->iov_base, parts->iov_len, flags)
                      : recvmsg(stream->read_fd, &message, flags);
}

/* `flags` are of packets: without MSG_DONTWAIT it waits for one, for a slice at most, and a signal or a nudge ends
 * that.
 */
static ssize_t read_parts(const struct weir_stream *stream, struct iovec *parts, int count, int flags)
{
    ssize_t got;
    bool goes_on;
    do {
        got = read_once(stream, parts, count, flags);
        bool nudged = got == WEIR_NUDGE_BYTES && stream->kind == WEIR_STREAM_PACKETS;
        goes_on = nudged || (got < 0 && errno == EINTR);
        if (goes_on && (flags & MSG_DONTWAIT) == 0)
            return WEIR_EAGAIN;
    } while (goes_on);
    if (got > 0)
        return got;
    /* 0 is the end of the stream, which no driver of ours brings about before destroy. */
    return got < 0 && errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static ssize_t read_some(const struct weir_stream *stream, void *at, size_t bytes)
{
    struct iovec part = {.iov_base = at, .iov_len = bytes};
    return read_parts(stream, &part, 1, MSG_DONTWAIT);
}

/* Reads until `bytes` are there. The frame has been begun, so the rest is there or on its way from a running call. */
static ssize_t read_exactly(const struct weir_stream *stream, char *at, size_t bytes)
{
    int64_t give_up_ns = 0;
    while (bytes > 0) {
        ssize_t got = read_some(stream, at, bytes);
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

/* ---- one frame at a time ------------------------------------------------------------------------------------- */

static ssize_t recv_header_and_body(const struct weir_stream *stream, char *body)
{
    uint32_t length;
    ssize_t got = read_some(stream, &length, sizeof length);
    if (got < 0)
        return got;
    /* TCP cuts a frame wherever a segment is full, within the header too. */
    ssize_t result = read_exactly(stream, (char *)&length + got, sizeof length - (size_t)got);
    if (result < 0)
        return result;
    if (length > stream->longest_bytes)
        return WEIR_ECORRUPT;
    result = read_exactly(stream, body, length);
    return result < 0 ? result : (ssize_t)length;
}

/* Who dies in between leaves the stream marked, and the successor is told so. */
static ssize_t recv_naive(const struct weir_stream *stream, char *body)
{
    stream->ahead->reading = 1;
    atomic_signal_fence(memory_order_seq_cst);
    ssize_t result = recv_header_and_body(stream, body);
    atomic_signal_fence(memory_order_seq_cst);
    stream->ahead->reading = 0;
    return result;
}

/* One read, one frame: header into `length`, the padded body into the caller's buffer. */
static ssize_t recv_padded(const struct weir_stream *stream, char *body)
{
    uint32_t length;
    struct iovec parts[2] = {{.iov_base = &length, .iov_len = sizeof length},
                             {.iov_base = body, .iov_len = stream->longest_bytes}};
    ssize_t got = read_parts(stream, parts, 2, MSG_DONTWAIT);
    if (got < 0)
        return got;
    bool whole = got == (ssize_t)stream->padded_bytes && length <= stream->longest_bytes;
    return whole ? (ssize_t)length : WEIR_ECORRUPT;
}

/* Both ends stay open, so 0 is an empty message and never the end. */
static ssize_t recv_bare(const struct weir_stream *stream, char *body, size_t capacity)
{
    ssize_t got;
    do
        got = recv(stream->read_fd, body, capacity, MSG_DONTWAIT | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got <= (ssize_t)capacity ? got : WEIR_ECORRUPT;
    return errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

/* ---- a lone consumer: draining ------------------------------------------------------------------------------- */

/* A reader at the heels of a writer takes one message a call, and both spend their time on the lock and the lines of
 * the pipe that they share. So once two reads in a row have found something at once, the next comes a little later and
 * finds more: 64-byte messages then cost a third. No pause where the last read was worth its call. Who waits for single
 * messages mostly finds nothing between them; but on one CPU whoever is put off by the peer that it wakes finds the
 * answer at once, each time. So after each pause that has not paid it takes twice as many such reads until the next. */
#define PAUSE_NS     INT64_C(8000)
#define PAYING       4 /* messages that make a pause worth it */
#define ENOUGH_BYTES 4096
#define STREAK       2u
#define MOST_VAIN    8

static void let_it_fill(const struct weir_stream *stream, struct weir_stream_end *end)
{
    bool paid = end->taken >= PAYING;
    if (end->streak > STREAK << end->vain) {
        end->vain = paid ? 0 : end->vain < MOST_VAIN ? end->vain + 1 : MOST_VAIN;
        end->streak = paid ? end->streak : 0;
    }
    end->taken = 0;
    bool behind = end->last_bytes >= ENOUGH_BYTES || end->last_bytes >= stream->capacity_bytes / 4;
    if (stream->kind != WEIR_STREAM_PIPE || end->streak < STREAK << end->vain || behind)
        return;
    for (int64_t until_ns = weir_now_ns() + PAUSE_NS; weir_now_ns() < until_ns;)
        weir_cpu_pause();
}

/* Reads on behind the bytes from `start` to `end`, which have been checked: producers see this memory too, and what it
 * says by now is not read again. Whoever dies in between leaves it marked, and the successor is told so. */
static ssize_t fill(const struct weir_stream *stream, size_t start, size_t end, int flags)
{
    struct weir_stream_ahead *ahead = stream->ahead;
    size_t there = end - start;
    ahead->reading = 1;
    atomic_signal_fence(memory_order_seq_cst);
    if (there > 0 && start > 0)
        memmove(ahead->bytes, ahead->bytes + start, there);
    struct iovec part = {.iov_base = ahead->bytes + there, .iov_len = stream->ahead_capacity - there};
    ssize_t got = read_parts(stream, &part, 1, flags);
    ahead->start = 0;
    ahead->end = there + (got > 0 ? (size_t)got : 0);
    atomic_signal_fence(memory_order_seq_cst);
    ahead->reading = 0;
    return got;
}

/* A long message goes to its place at once: then `ret_length` is its own. What came behind it, or all if it has not
 * come whole or is none, is read ahead. */
static ssize_t fill_directly(const struct weir_stream *stream, char *body, ssize_t *ret_length, int flags)
{
    struct weir_stream_ahead *ahead = stream->ahead;
    uint32_t length = 0;
    struct iovec parts[2] = {{.iov_base = &length, .iov_len = sizeof length},
                             {.iov_base = body, .iov_len = stream->longest_bytes}};
    ahead->reading = 1;
    atomic_signal_fence(memory_order_seq_cst);
    ssize_t got = read_parts(stream, parts, 2, flags);
    if (got > 0) {
        size_t head = (size_t)got < sizeof length ? (size_t)got : sizeof length;
        size_t there = (size_t)got - head;
        bool whole = head == sizeof length && there >= length;
        if (whole) {
            *ret_length = (ssize_t)length;
            head = 0;
        }
        size_t used = whole ? length : 0;
        memcpy(ahead->bytes, &length, head);
        memcpy(ahead->bytes + head, body + used, there - used);
        ahead->start = 0;
        ahead->end = head + there - used;
    }
    atomic_signal_fence(memory_order_seq_cst);
    ahead->reading = 0;
    return got;
}

/* The next message of what was read ahead, or WEIR_EAGAIN. */
static ssize_t take_ahead(const struct weir_stream *stream, size_t start, size_t end, char *body)
{
    struct weir_stream_ahead *ahead = stream->ahead;
    const size_t there = end - start;
    uint32_t length;
    if (there < sizeof length)
        return WEIR_EAGAIN;
    memcpy(&length, ahead->bytes + start, sizeof length);
    if (length > stream->longest_bytes)
        return WEIR_ECORRUPT;
    if (there - sizeof length < length)
        return WEIR_EAGAIN;
    memcpy(body, ahead->bytes + start + sizeof length, length);
    ahead->start = start + sizeof length + length;
    return (ssize_t)length;
}

static ssize_t recv_drained(const struct weir_stream *stream, struct weir_stream_end *end, char *body, int flags)
{
    struct weir_stream_ahead *ahead = stream->ahead;
    for (;;) {
        const size_t from = ahead->start, to = ahead->end;
        if (from > to || to > stream->ahead_capacity) /* producers see this memory too */
            return WEIR_ECORRUPT;
        ssize_t length = take_ahead(stream, from, to, body);
        if (length == WEIR_EAGAIN) {
            if (from != to && stream->kind == WEIR_STREAM_PACKETS)
                return WEIR_ECORRUPT; /* a packet holds whole frames */
            let_it_fill(stream, end);
            bool directly = from == to && stream->longest_bytes >= WEIR_KEEP_BACK_BYTES;
            ssize_t got = directly ? fill_directly(stream, body, &length, flags) : fill(stream, from, to, flags);
            end->streak = got > 0 ? end->streak + 1 : 0;
            end->last_bytes = got > 0 ? (size_t)got : 0;
            if (got < 0)
                return got;
            if (length == WEIR_EAGAIN)
                continue;
        }
        end->taken++;
        return length;
    }
}

ssize_t weir_stream_recv(struct weir_driver_endpoint *endpoint, void *body, size_t capacity)
{
    const struct weir_stream *stream = endpoint->channel->state;
    if (stream->bare)
        return recv_bare(stream, body, capacity);
    if (stream->padded_bytes != 0)
        return recv_padded(stream, body);
    return stream->naive ? recv_naive(stream, body) : recv_drained(stream, endpoint->state, body, MSG_DONTWAIT);
}

/* ---- a lone consumer of packets: waiting in the kernel --------------------------------------------------------- */

ssize_t weir_stream_recv_waiting(struct weir_driver_endpoint *endpoint, void *body, size_t capacity)
{
    const struct weir_stream *stream = endpoint->channel->state;
    (void)capacity;
    return stream->blocks ? recv_drained(stream, endpoint->state, body, 0) : WEIR_ENOTSUP;
}

/* Where it does not fit there is something to receive. */
void weir_stream_nudge(struct weir_driver_channel *channel)
{
    const struct weir_stream *stream = channel->state;
    static const char nudge[WEIR_NUDGE_BYTES];
    if (stream->blocks) {
        ssize_t sent = send(stream->write_fd, nudge, sizeof nudge, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
}

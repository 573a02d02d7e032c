/* SPDX-License-Identifier: MIT
 *
 * Sending frames: the rules are in framing.h.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "framing.h"

#define PAGE_BYTES 4096

/* A frame up to this is copied together and goes by write(2): cheaper than having the kernel read two parts. */
#define TOGETHER_BYTES 1024

/* ---- room ---------------------------------------------------------------------------------------------------- */

/* What lies in the stream, by the accounting of its capacity; more than that when it cannot be known. */
static size_t used_bytes(const struct weir_stream *stream)
{
    int queued;
    int asked = -1;
    if (stream->kind == WEIR_STREAM_TCP) { /* SIOCOUTQ counts bytes there, not what they take */
        uint32_t memory[SK_MEMINFO_VARS] = {0};
        socklen_t length = sizeof memory;
        asked = getsockopt(stream->write_fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
        queued = (int)memory[SK_MEMINFO_WMEM_QUEUED];
    } else if (stream->kind == WEIR_STREAM_PIPE) {
        asked = ioctl(stream->read_fd, FIONREAD, &queued);
    } else {
        asked = ioctl(stream->write_fd, SIOCOUTQ, &queued);
    }
    return asked == 0 ? weir_stream_cost_of_queued(stream, (size_t)queued) : stream->capacity_bytes;
}

/* Others only make more room; so a lone sender need not ask again before it has filled what it was told. */
static bool take_room(const struct weir_stream *stream, struct weir_stream_end *end, size_t frame)
{
    size_t cost = weir_stream_cost_of_new(stream, frame);
    if (!stream->lone_sender || end->room_bytes < cost) {
        size_t used = used_bytes(stream);
        end->room_bytes = used < stream->capacity_bytes ? stream->capacity_bytes - used : 0;
    }
    if (end->room_bytes < cost)
        return false;
    size_t lasting = weir_stream_cost_of_queued(stream, cost); /* neighbours may fill their pages badly */
    end->room_bytes -= end->room_bytes < lasting ? end->room_bytes : lasting;
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static ssize_t write_parts(const struct weir_stream *stream, struct iovec *parts, int count)
{
    ssize_t written;
    do {
        if (stream->kind == WEIR_STREAM_PIPE) {
            written = count == 1 ? write(stream->write_fd, parts->iov_base, parts->iov_len)
                                 : writev(stream->write_fd, parts, count);
        } else if (count == 1) {
            written = send(stream->write_fd, parts->iov_base, parts->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else {
            struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
            written = sendmsg(stream->write_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
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
    /* ENOBUFS: the kernel found no memory just now; as with a full buffer, nothing happened. */
    if (written < 0)
        return errno == EAGAIN || errno == ENOBUFS ? WEIR_EAGAIN : WEIR_ESYSTEM;
    int result = 0;
    for (size_t skip = (size_t)written, i = 0; i < (size_t)count && result == 0; i++) {
        size_t gone = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        result = write_rest(stream, (char *)parts[i].iov_base + gone, parts[i].iov_len - gone);
        skip -= gone;
    }
    return result;
}

static int send_whole(const struct weir_stream *stream, struct weir_stream_end *end, struct iovec *parts, int count,
                      size_t total)
{
    if (stream->senders != NULL) {
        int taken = weir_lock_take(stream->senders);
        if (taken != 0 && taken != WEIR_EPEERDIED) /* a dead sender's frame is whole, or was not begun */
            return taken;
    }
    bool atomic = total <= stream->atomic_bytes;
    if (atomic)
        end->room_bytes = 0; /* it will no longer be what it was */
    int result = atomic || take_room(stream, end, total) ? write_whole(stream, parts, count, total) : WEIR_EAGAIN;
    if (stream->senders != NULL)
        weir_lock_give(stream->senders);
    return result;
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

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

/* At `at`: header, body, padding. */
static void lay_out(char *at, const void *body, size_t length, size_t frame)
{
    uint32_t header = (uint32_t)length;
    memcpy(at, &header, sizeof header);
    if (length > 0)
        memcpy(at + sizeof header, body, length);
    if (frame > sizeof header + length)
        memset(at + sizeof header + length, 0, frame - sizeof header - length);
}

static int flush_kept(const struct weir_stream *stream, struct weir_stream_end *end)
{
    if (end->kept_bytes == 0)
        return 0;
    struct iovec part = {.iov_base = end->kept, .iov_len = end->kept_bytes};
    int result = send_whole(stream, end, &part, 1, end->kept_bytes);
    if (result == 0)
        end->kept_bytes = 0;
    return result;
}

int weir_stream_flush(struct weir_driver_endpoint *endpoint)
{
    return flush_kept(endpoint->channel->state, endpoint->state);
}

/* More padding than the parts hold: short messages on a channel for long ones, with several consumers. */
static int send_padded(const struct weir_stream *stream, struct weir_stream_end *end, const void *body, size_t length,
                       size_t frame)
{
    char *whole = malloc(frame);
    if (whole == NULL)
        return WEIR_ENOMEM;
    lay_out(whole, body, length, frame);
    struct iovec part = {.iov_base = whole, .iov_len = frame};
    int result = send_whole(stream, end, &part, 1, frame);
    free(whole);
    return result;
}

static int send_alone(const struct weir_stream *stream, struct weir_stream_end *end, const void *body, size_t length,
                      size_t frame)
{
    struct iovec parts[16];
    uint32_t header;
    int count = make_parts(parts, &header, body, length, frame - WEIR_FRAME_HEADER - length);
    return count > 0 ? send_whole(stream, end, parts, count, frame) : send_padded(stream, end, body, length, frame);
}

static int send_bare(const struct weir_stream *stream, const void *body, size_t length)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)body, .iov_len = length};
    return write_whole(stream, &part, 1, length);
}

int weir_stream_send(struct weir_driver_endpoint *endpoint, const void *body, size_t length, unsigned flags)
{
    const struct weir_stream *stream = endpoint->channel->state;
    struct weir_stream_end *end = endpoint->state;
    if (stream->bare)
        return send_bare(stream, body, length);
    size_t frame = stream->padded_bytes != 0 ? stream->padded_bytes : length + WEIR_FRAME_HEADER;
    if (stream->naive)
        return send_alone(stream, end, body, length, frame);
    if (end->kept_bytes > 0 && end->kept_bytes + frame > WEIR_KEEP_BACK_BYTES) {
        int result = flush_kept(stream, end);
        if (result != 0)
            return result;
    }
    bool more = (flags & WEIR_MORE) != 0;
    if (frame > WEIR_KEEP_BACK_BYTES || (frame > TOGETHER_BYTES && end->kept_bytes == 0 && !more))
        return send_alone(stream, end, body, length, frame);
    lay_out(end->kept + end->kept_bytes, body, length, frame);
    end->kept_bytes += frame;
    int result = more ? 0 : flush_kept(stream, end);
    if (result != 0)
        end->kept_bytes -= frame; /* nothing happened: the message is the caller's still */
    return result;
}

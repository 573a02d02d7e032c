/* SPDX-License-Identifier: MIT
 *
 * The pipe driver: one pipe(2) for the whole channel, frames on it (framing.h). Every process keeps both ends open
 * until destroy, so that the kernel neither reports an early end nor raises SIGPIPE: goodbyes and deaths are the
 * roster's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "../framing.h"

enum { OPTION_FRAMING };
enum { FRAMING_TUNED, FRAMING_NAIVE };

static const struct weir_option options[] = {
    [OPTION_FRAMING] = {.name = "framing",
                        .type = WEIR_OPTION_CHOICE,
                        .fallback = "tuned",
                        .choices = "tuned|naive",
                        .help = "tuned: the reader drains what is there; naive: two reads a message"},
    {.name = NULL},
};

/* Asks for the depth; who is not allowed that much takes what there is. */
static void size_pipe(struct weir_driver_channel *channel, struct weir_stream *pipe)
{
    size_t wanted = weir_stream_wanted_bytes(channel, pipe);
    int bytes = wanted < INT_MAX / 2 ? (int)wanted : INT_MAX / 2;
    int given = -1;
    while (given < 0 && bytes > 4096) {
        given = fcntl(pipe->write_fd, F_SETPIPE_SZ, bytes);
        bytes /= 2;
    }
    given = fcntl(pipe->write_fd, F_GETPIPE_SZ);
    pipe->capacity_bytes = given > 0 ? (size_t)given : PIPE_BUF;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct weir_stream *stream = channel->state;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return weir_error_errno(error, "pipe");
    *stream = (struct weir_stream){.read_fd = ends[0],
                                   .write_fd = ends[1],
                                   .atomic_bytes = PIPE_BUF,
                                   .naive = channel->options[OPTION_FRAMING].number == FRAMING_NAIVE};
    size_pipe(channel, stream);
    return weir_stream_init(channel, stream, error);
}

static void destroy(struct weir_driver_channel *channel)
{
    struct weir_stream *stream = channel->state;
    if (stream->atomic_bytes != 0) { /* else create did not come so far */
        close(stream->read_fd);
        close(stream->write_fd);
    }
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    return weir_stream_attach(endpoint, endpoint->channel->state, endpoint->state);
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    weir_stream_detach(endpoint->state);
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    return weir_stream_send(endpoint->channel->state, endpoint->state, buffer, length, flags);
}

static int flush(struct weir_driver_endpoint *endpoint)
{
    return weir_stream_flush(endpoint->channel->state, endpoint->state);
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    (void)capacity;
    return weir_stream_recv(endpoint->channel->state, buffer);
}

static int descriptor(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    const struct weir_stream *stream = endpoint->channel->state;
    *ret_events = endpoint->role == WEIR_PRODUCER ? POLLOUT : POLLIN;
    return endpoint->role == WEIR_PRODUCER ? stream->write_fd : stream->read_fd;
}

extern const struct weir_driver weir_driver_pipe;
const struct weir_driver weir_driver_pipe = {
    .abi = WEIR_DRIVER_ABI,
    .name = "pipe",
    .summary = "a pipe, with a length before each message",
    .capabilities = WEIR_CAP_FD | WEIR_CAP_MORE | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct weir_stream),
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

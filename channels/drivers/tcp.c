/* SPDX-License-Identifier: MIT
 *
 * The tcp driver: one connection through the loopback interface for the whole channel, frames on it (framing.h). Both
 * sockets are made and connected in `create`, on a port that the kernel picks, and every process keeps both until
 * destroy: goodbyes and deaths are the roster's.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../framing.h"

enum { OPTION_FRAMING };

static const struct weir_option options[] = {
    [OPTION_FRAMING] = WEIR_FRAMING_OPTION,
    {.name = NULL},
};

/* The least send buffer. What it holds is freed by acknowledgements, which the receiving side may put off for 40 ms
 * while less than a segment has come: so a full buffer must be worth far more than a segment. */
#define LEAST_BYTES ((size_t)262144)

/* Nobody but ourselves is waited for, and we are there; unless strangers crowd at the port. */
static const struct timeval patience = {.tv_sec = 5};

struct connection {
    int write_fd, read_fd;
};

/* ---- connecting ---------------------------------------------------------------------------------------------- */

static bool is_same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_family == b->sin_family && a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Takes our own connection from the queue; any local user could have called at that port. */
static int accept_own(int listener, int caller)
{
    struct sockaddr_in own = {0}, other = {0};
    socklen_t length = sizeof own;
    if (getsockname(caller, (struct sockaddr *)&own, &length) != 0)
        return -1;
    for (int strangers = 0; strangers < 64; strangers++) {
        length = sizeof other;
        int fd = accept4(listener, (struct sockaddr *)&other, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
            return -1;
        if (fd >= 0 && is_same(&own, &other))
            return fd;
        if (fd >= 0)
            close(fd);
    }
    errno = ECONNREFUSED;
    return -1;
}

/* On 127.0.0.1 and a port of the kernel's choice: is there no loopback interface, one of the calls fails. */
static int connect_by(int listener, int caller)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(caller, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        return -1;
    int result;
    do
        result = connect(caller, (struct sockaddr *)&address, sizeof address);
    while (result != 0 && errno == EINTR);
    return result == 0 || errno == EISCONN ? accept_own(listener, caller) : -1;
}

/* Small messages leave at once, unpaced (some systems' default is to pace, bbr; reno is in every kernel), and the last
 * close leaves no port behind in TIME-WAIT, of which there are 28,000. */
static int prepare(int fd)
{
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* if not, it is slower, and no worse */
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        return -1;
    return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* 0, or -1 with errno set and nothing open. */
static int make_connection(struct connection *ret_connection)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int called = listener >= 0 && caller >= 0 ? connect_by(listener, caller) : -1;
    bool made = called >= 0 && prepare(caller) == 0 && prepare(called) == 0;
    int failed = errno;
    if (listener >= 0)
        close(listener);
    if (!made && caller >= 0)
        close(caller);
    if (!made && called >= 0)
        close(called);
    errno = failed;
    if (made)
        *ret_connection = (struct connection){.write_fd = caller, .read_fd = called};
    return made ? 0 : -1;
}

/* ---- the driver ---------------------------------------------------------------------------------------------- */

static int probe(struct weir_error *error)
{
    struct connection connection;
    if (make_connection(&connection) != 0)
        return weir_error_set(
            error, WEIR_EUNAVAILABLE,
            "no connection to 127.0.0.1 can be made; is the loopback interface up? (ip link set lo up)");
    close(connection.write_fd);
    close(connection.read_fd);
    return 0;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct weir_stream *stream = channel->state;
    struct connection connection;
    if (make_connection(&connection) != 0)
        return weir_error_errno(error, "a connection to 127.0.0.1");
    *stream = (struct weir_stream){.kind = WEIR_STREAM_TCP,
                                   .is_open = true,
                                   .write_fd = connection.write_fd,
                                   .read_fd = connection.read_fd,
                                   .naive = channel->options[OPTION_FRAMING].number == WEIR_FRAMING_NAIVE};
    size_t wanted = weir_stream_wanted_bytes(channel, stream);
    stream->capacity_bytes = weir_socket_size(stream->write_fd, wanted > LEAST_BYTES ? wanted : LEAST_BYTES);
    return weir_stream_init(channel, stream, error);
}

extern const struct weir_driver weir_driver_tcp;
const struct weir_driver weir_driver_tcp = {
    /* Asynchronous: what the window has no room for is still with the sender's side when a send has returned. */
    WEIR_STREAM_OPERATIONS(WEIR_STREAM_CAPABILITIES | WEIR_CAP_ASYNC),
    .name = "tcp",
    .summary = "TCP through the loopback interface, a length before each message",
    .max_consumers = 1, /* nothing tells where a frame ends to the next one, should one die in the midst of it */
    .options = options,
    .probe = probe,
    .create = create,
};

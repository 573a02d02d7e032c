/* SPDX-License-Identifier: MIT
 *
 * The zmq driver: libzmq PUSH sockets connected to PULL sockets, over inproc, ipc or tcp.
 *
 * Every consumer has an address of its own, every producer is connected to all of them, and libzmq deals the messages
 * out in turn. Between processes `create` opens the listening descriptors and libzmq takes copies of them over: so
 * there is no race for a name or a port, a connection waits in the backlog until its consumer is there, and a place
 * can be taken again after a death. Contexts and sockets are in zmq_process.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "zmq_process.h"

/* ---- create -------------------------------------------------------------------------------------------------- */

static int probe(struct weir_error *error)
{
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    /* Before 4.3.3 ZMQ_IMMEDIATE took a connection in the backlog of a dead consumer for a consumer. */
    if (major * 10000 + minor * 100 + patch < 40303)
        return weir_error_set(error, WEIR_EUNAVAILABLE, "libzmq is %d.%d.%d: install 4.3.3 or later (libzmq5)", major,
                              minor, patch);
    if (!zmq_has("ipc"))
        return weir_error_set(error, WEIR_EUNAVAILABLE,
                              "this libzmq was built without ipc: install the distribution's (libzmq5)");
    return 0;
}

static int choose_transport(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct zmq_channel *state = channel->state;
    bool threads = channel->config->span == WEIR_SPAN_THREADS;
    state->transport = (enum zmq_transport)channel->options[0].number;
    if (state->transport == AUTO)
        state->transport = threads ? INPROC : IPC;
    if (state->transport == INPROC && !threads)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "transport=inproc works within one process only: between processes auto, ipc and tcp "
                              "are allowed");
    if (state->transport == INPROC)
        channel->capabilities &= ~(uint32_t)WEIR_CAP_KERNEL;
    return 0;
}

static int bind_path(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) /* the file that bind makes takes its mode from here */
        return -1;
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static int bind_loopback(int fd)
{
    const int bytes = ZMQ_KERNEL_BUFFER_BYTES; /* the accepted connections inherit it */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0)
        return -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

/* The descriptor, or the code in `error`. */
static int open_listener(const struct zmq_channel *state, uint32_t consumer, struct weir_error *error)
{
    bool ipc = state->transport == IPC;
    int fd = socket(ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return weir_error_errno(error, "zmq cannot open a socket");
    char path[ZMQ_ADDRESS_BYTES];
    if (ipc)
        zmq_consumer_path(state, consumer, path);
    if ((ipc ? bind_path(fd, path) : bind_loopback(fd)) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int result = errno == ENAMETOOLONG
                     ? weir_error_set(error, WEIR_ESYSTEM,
                                      "%s is too long for a socket's path: set WEIR_TMPDIR to a shorter folder", path)
                     : weir_error_errno(error, "zmq cannot listen");
    close(fd);
    return result;
}

/* libzmq tries for ever to connect where there is no way. Nothing is sent: to connect a datagram socket is to look the
 * way up. */
static int check_loopback(struct weir_error *error)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result = fd >= 0 ? connect(fd, (const struct sockaddr *)&address, sizeof address) : -1;
    if (fd >= 0)
        close(fd);
    if (result == 0)
        return 0;
    return weir_error_set(error, WEIR_EUNAVAILABLE,
                          "no connection to 127.0.0.1 can be made; is the loopback interface up? (ip link set lo up)");
}

static int open_listeners(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct zmq_channel *state = channel->state;
    uint32_t count = channel->config->consumers;
    if (state->transport == IPC) {
        state->folder = weir_private_folder(channel, error);
        if (state->folder == NULL)
            return error->code;
    } else if (check_loopback(error) != 0) {
        return WEIR_EUNAVAILABLE;
    }
    state->listeners = malloc(count * sizeof *state->listeners);
    if (state->listeners == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the zmq channel");
    for (uint32_t i = 0; i < count; i++)
        state->listeners[i] = -1;
    for (uint32_t i = 0; i < count; i++) {
        state->listeners[i] = open_listener(state, i, error);
        if (state->listeners[i] < 0)
            return state->listeners[i];
    }
    return 0;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct zmq_channel *state = channel->state;
    state->owner = getpid();
    int result = choose_transport(channel, error);
    if (result != 0)
        return result;
    state->sockets = calloc((size_t)channel->config->producers + channel->config->consumers, sizeof *state->sockets);
    if (state->sockets == NULL || pthread_mutex_init(&state->lock, NULL) != 0)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the zmq channel");
    return state->transport == INPROC ? 0 : open_listeners(channel, error);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

/* Ready for input whenever libzmq has news for the socket: messages, room, a consumer that came or went. */
static int ready_fd(struct weir_driver_endpoint *view, short *ret_events)
{
    const struct zmq_endpoint *endpoint = view->state;
    *ret_events = POLLIN;
    return endpoint->ready_fd;
}

/* Whether the last send found no room and there still is none. Takes in libzmq's news, which a send does only once a
 * millisecond. */
static bool is_full(struct zmq_endpoint *endpoint)
{
    int events = 0;
    size_t length = sizeof events;
    while (endpoint->full && zmq_getsockopt(endpoint->socket, ZMQ_EVENTS, &events, &length) != 0)
        if (errno != EINTR)
            return false; /* the send will say what is wrong */
    endpoint->full = endpoint->full && !(events & ZMQ_POLLOUT);
    return endpoint->full;
}

/* After a send that failed: 0 if it is to be tried again. */
static int refused(struct zmq_endpoint *endpoint)
{
    if (errno == EAGAIN)
        endpoint->full = true;
    else if (errno != EINTR)
        return WEIR_ESYSTEM;
    return 0;
}

/* Gives up the message that is shown or reserved. */
static void release(struct weir_driver_endpoint *view)
{
    struct zmq_endpoint *endpoint = view->state;
    if (endpoint->holding)
        zmq_msg_close(&endpoint->message);
    endpoint->holding = false;
}

/* A send that found no room has left word of it (`full`). Whether there is some, only a send tells without a system
 * call: so commit finds out. */
static int reserve(struct weir_driver_endpoint *view, size_t length, void **ret_buffer)
{
    struct zmq_endpoint *endpoint = view->state;
    if (is_full(endpoint))
        return WEIR_EAGAIN;
    if (zmq_msg_init_size(&endpoint->message, length) != 0)
        return WEIR_ENOMEM;
    endpoint->holding = true;
    *ret_buffer = zmq_msg_data(&endpoint->message);
    return 0;
}

/* libzmq cannot shorten a message: what is committed in part is copied. */
static int shorten(struct zmq_endpoint *endpoint, size_t length)
{
    zmq_msg_t part;
    if (zmq_msg_init_size(&part, length) != 0)
        return WEIR_ENOMEM;
    memcpy(zmq_msg_data(&part), zmq_msg_data(&endpoint->message), length);
    zmq_msg_move(&endpoint->message, &part);
    zmq_msg_close(&part);
    return 0;
}

static int commit(struct weir_driver_endpoint *view, size_t length, unsigned flags)
{
    struct zmq_endpoint *endpoint = view->state;
    (void)flags;
    int result = length < zmq_msg_size(&endpoint->message) ? shorten(endpoint, length) : 0;
    while (result == 0) {
        if (is_full(endpoint))
            return WEIR_EAGAIN;
        if (zmq_msg_send(&endpoint->message, endpoint->socket, ZMQ_DONTWAIT) >= 0) {
            endpoint->holding = false; /* the message is libzmq's */
            endpoint->full = false;
            endpoint->sent++;
            return 0;
        }
        result = refused(endpoint);
    }
    return result;
}

/* Our producers send single frames of at most max_message_bytes: the rest is a stranger's. */
static ssize_t receive_frame(struct weir_driver_endpoint *view)
{
    struct zmq_endpoint *endpoint = view->state;
    zmq_msg_init(&endpoint->message);
    endpoint->holding = true;
    while (zmq_msg_recv(&endpoint->message, endpoint->socket, ZMQ_DONTWAIT) < 0) {
        const int reason = errno;
        if (reason != EINTR) {
            release(view);
            return reason == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
        }
    }
    return (ssize_t)zmq_msg_size(&endpoint->message);
}

static ssize_t peek(struct weir_driver_endpoint *view, const void **ret_buffer)
{
    struct zmq_endpoint *endpoint = view->state;
    bool whole = true;
    ssize_t length = receive_frame(view);
    while (length >= 0 && zmq_msg_more(&endpoint->message)) {
        whole = false;
        release(view);
        length = receive_frame(view);
    }
    if (length < 0)
        return length;
    if (!whole || (size_t)length > view->channel->config->max_message_bytes) {
        release(view);
        return WEIR_ECORRUPT;
    }
    *ret_buffer = zmq_msg_data(&endpoint->message);
    return length;
}

/* ---- detach and destroy -------------------------------------------------------------------------------------- */

static void detach(struct weir_driver_endpoint *view)
{
    release(view);
    zmq_process_leave(view);
}

static void destroy(struct weir_driver_channel *channel)
{
    struct zmq_channel *state = channel->state;
    for (uint32_t i = 0; state->listeners != NULL && i < channel->config->consumers; i++)
        if (state->listeners[i] >= 0)
            close(state->listeners[i]);
    free(state->listeners);
    free(state->sockets);
    pthread_mutex_destroy(&state->lock);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct weir_option options[] = {
    {
        .name = "transport",
        .type = WEIR_OPTION_CHOICE,
        .fallback = "auto",
        .choices = "auto|inproc|ipc|tcp",
        .help = "how libzmq carries messages; auto is inproc within one process, else ipc",
    },
    {0},
};

static const struct weir_driver zmq_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "zmq",
    .summary = "libzmq PUSH/PULL sockets over inproc, ipc or tcp",
    .capabilities = WEIR_CAP_RESERVE | WEIR_CAP_PEEK | WEIR_CAP_FD | WEIR_CAP_ASYNC | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct zmq_channel),
    .endpoint_bytes = sizeof(struct zmq_endpoint),
    .options = options,
    .probe = probe,
    .create = create,
    .destroy = destroy,
    .attach = zmq_process_enter,
    .detach = detach,
    .reserve = reserve,
    .commit = commit,
    .abort = release,
    .peek = peek,
    .release = release,
    .fd = ready_fd,
};

WEIR_DRIVER_MODULE(zmq_driver);

/* SPDX-License-Identifier: MIT
 *
 * What one process has of a zmq channel. libzmq does not survive a fork, so each process makes its own context with
 * its first endpoint and ends it with its last.
 *
 * A producer's socket outlives its endpoint, since what it has sent may still be on its way: it is closed with the
 * context. A process may exit after its last goodbye, so that one waits, for a while, until the messages are out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "zmq_process.h"

/* How long a leaving process waits for consumers that receive nothing (what others took along in death is never
 * received), and then how long libzmq may go on handing over what was sent. Both end early: when nothing is left to do,
 * or nobody to do it for. */
#define PATIENCE_NS INT64_C(1000000000)
#define LINGER_MS   2000
#define LOOK_NS     200000

/* How long a consumer that has closed its socket waits for producers that are still there: their libzmq learns of it
 * from its I/O thread, and looks for such news once a millisecond; what they send until then is lost. */
#define FAREWELL_LOOKS   25
#define FAREWELL_LOOK_NS 1000000

/* A connection fails only when its consumer goes away, for the address is always there: try again soon. */
#define RECONNECT_MS 5

/* What a context and a socket need (10), and as many again: libzmq aborts the process when descriptors run out. */
#define SPARE_DESCRIPTORS 24
#define MOST_PEERS        1024

#define LEAST_MAXMSGSIZE 256

static uint32_t place_count(const struct weir_driver_endpoint *view)
{
    return view->channel->config->producers + view->channel->config->consumers;
}

static uint32_t place_of(const struct weir_driver_endpoint *view)
{
    return view->role == WEIR_PRODUCER ? view->index : view->channel->config->producers + view->index;
}

/* ---- the context --------------------------------------------------------------------------------------------- */

static void *wait_for_lock(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* libzmq starts two threads and aborts the process when it cannot: so try first, where failure is an answer. */
static bool can_start_threads(void)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[2];
    int started = 0;
    pthread_mutex_lock(&lock); /* so that both are there at once */
    while (started < 2 && pthread_create(&threads[started], NULL, wait_for_lock, &lock) == 0)
        started++;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started == 2;
}

static bool can_open_descriptors(uint32_t count)
{
    int taken[SPARE_DESCRIPTORS + MOST_PEERS];
    uint32_t opened = 0;
    while (opened < count && (taken[opened] = open("/", O_PATH | O_CLOEXEC)) >= 0)
        opened++;
    for (uint32_t i = 0; i < opened; i++)
        close(taken[i]);
    return opened == count;
}

static int begin_context(const struct weir_driver_endpoint *view)
{
    struct zmq_channel *state = view->channel->state;
    if (!can_start_threads())
        return WEIR_ESYSTEM;
    state->context = zmq_ctx_new();
    if (state->context == NULL)
        return WEIR_ENOMEM;
    /* Closed sockets count for a little longer: leave room for them. inproc needs no I/O thread. */
    if (zmq_ctx_set(state->context, ZMQ_MAX_SOCKETS, (int)place_count(view) + ZMQ_MAX_SOCKETS_DFLT) != 0 ||
        zmq_ctx_set(state->context, ZMQ_IO_THREADS, state->transport == INPROC ? 0 : 1) != 0)
        return WEIR_ESYSTEM;
    return 0;
}

/* Closes the producers' sockets too; what they have sent may take `linger_ms` to leave. */
static void end_context(const struct weir_driver_endpoint *view, int linger_ms)
{
    struct zmq_channel *state = view->channel->state;
    for (uint32_t i = 0; i < place_count(view); i++) {
        if (state->sockets[i] != NULL) {
            zmq_setsockopt(state->sockets[i], ZMQ_LINGER, &linger_ms, sizeof linger_ms);
            zmq_close(state->sockets[i]);
            state->sockets[i] = NULL;
        }
    }
    while (state->context != NULL && zmq_ctx_term(state->context) != 0 && errno == EINTR)
        ;
    state->context = NULL;
    state->sent = 0;
}

/* ---- a socket ------------------------------------------------------------------------------------------------ */

static bool set_number(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* libzmq counts a message as unread until the reader has taken half of the mark, so of a mark only half is sure to be
 * room. With a mark of `depth` on either side `depth` messages surely fit. */
static bool set_options(const struct weir_driver_endpoint *view, void *socket)
{
    const int mark = (int)view->channel->depth;
    /* libzmq counts its own handshake among the messages that may be too long: never less than that takes. */
    const int64_t longest = (int64_t)view->channel->config->max_message_bytes;
    const int64_t most = longest > LEAST_MAXMSGSIZE ? longest : LEAST_MAXMSGSIZE;
    if (view->role == WEIR_CONSUMER)
        return set_number(socket, ZMQ_RCVHWM, mark) && set_number(socket, ZMQ_LINGER, 0) &&
               zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
    return set_number(socket, ZMQ_SNDHWM, mark) &&
           set_number(socket, ZMQ_IMMEDIATE, 1) && /* nothing queues for a consumer that is not there */
           set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_number(socket, ZMQ_SNDBUF, ZMQ_KERNEL_BUFFER_BYTES);
}

void zmq_consumer_path(const struct zmq_channel *state, uint32_t consumer, char path[ZMQ_ADDRESS_BYTES])
{
    snprintf(path, ZMQ_ADDRESS_BYTES, "%s/c%u", state->folder, consumer);
}

static bool consumer_address(const struct zmq_channel *state, uint32_t consumer, char address[ZMQ_ADDRESS_BYTES])
{
    if (state->transport == IPC) {
        char path[ZMQ_ADDRESS_BYTES] = "";
        zmq_consumer_path(state, consumer, path);
        snprintf(address, ZMQ_ADDRESS_BYTES, "ipc://%.*s", ZMQ_ADDRESS_BYTES - 7, path);
        return true;
    }
    struct sockaddr_in name = {0};
    socklen_t length = sizeof name;
    if (getsockname(state->listeners[consumer], (struct sockaddr *)&name, &length) != 0)
        return false;
    snprintf(address, ZMQ_ADDRESS_BYTES, "tcp://127.0.0.1:%u", ntohs(name.sin_port));
    return true;
}

static bool listen_at(const struct zmq_channel *state, void *socket, uint32_t consumer)
{
    char address[ZMQ_ADDRESS_BYTES];
    int fd = fcntl(state->listeners[consumer], F_DUPFD_CLOEXEC, 3); /* libzmq closes what it is given */
    if (fd < 0)
        return false;
    if (consumer_address(state, consumer, address) && set_number(socket, ZMQ_USE_FD, fd) &&
        zmq_bind(socket, address) == 0)
        return true;
    close(fd);
    return false;
}

static bool connect_to_all(const struct weir_driver_channel *channel, void *socket)
{
    char address[ZMQ_ADDRESS_BYTES] = "";
    for (uint32_t i = 0; i < channel->config->consumers; i++)
        if (!consumer_address(channel->state, i, address) || zmq_connect(socket, address) != 0)
            return false;
    return true;
}

static const char *inproc_name(uint32_t place, char address[ZMQ_ADDRESS_BYTES])
{
    snprintf(address, ZMQ_ADDRESS_BYTES, "inproc://%u", place);
    return address;
}

/* inproc never reconnects, and lets messages queue for a name that nobody has bound yet. So each side binds a name,
 * and whoever comes later connects to those who are there. */
static bool meet_inproc(const struct weir_driver_endpoint *view, void *socket)
{
    const struct zmq_channel *state = view->channel->state;
    const uint32_t producers = view->channel->config->producers;
    char address[ZMQ_ADDRESS_BYTES];
    if (zmq_bind(socket, inproc_name(place_of(view), address)) != 0)
        return false;
    uint32_t first = view->role == WEIR_PRODUCER ? producers : 0;
    uint32_t end = view->role == WEIR_PRODUCER ? place_count(view) : producers;
    for (uint32_t i = first; i < end; i++)
        if (state->sockets[i] != NULL && zmq_connect(socket, inproc_name(i, address)) != 0)
            return false;
    return true;
}

static void *open_socket(const struct weir_driver_endpoint *view)
{
    const struct zmq_channel *state = view->channel->state;
    void *socket = zmq_socket(state->context, view->role == WEIR_PRODUCER ? ZMQ_PUSH : ZMQ_PULL);
    if (socket == NULL)
        return NULL;
    bool good = set_options(view, socket);
    if (good && state->transport == INPROC)
        good = meet_inproc(view, socket);
    else if (good && view->role == WEIR_PRODUCER)
        good = connect_to_all(view->channel, socket);
    else if (good)
        good = listen_at(state, socket, view->index);
    if (good)
        return socket;
    zmq_close(socket);
    return NULL;
}

/* ---- enter --------------------------------------------------------------------------------------------------- */

static void start_afresh_after_fork(const struct weir_driver_endpoint *view)
{
    struct zmq_channel *state = view->channel->state;
    if (state->owner == getpid())
        return;
    state->owner = getpid();
    state->context = NULL;
    state->attached = 0;
    state->sent = 0;
    memset(state->sockets, 0, place_count(view) * sizeof *state->sockets);
}

static int enter(struct weir_driver_endpoint *view)
{
    struct zmq_channel *state = view->channel->state;
    struct zmq_endpoint *endpoint = view->state;
    const struct weir_channel_config *config = view->channel->config;
    start_afresh_after_fork(view);
    state->attached++;
    endpoint->entered = true;
    uint32_t peers = view->role == WEIR_PRODUCER ? config->consumers : config->producers;
    if (!can_open_descriptors(SPARE_DESCRIPTORS + (peers < MOST_PEERS ? peers : MOST_PEERS)))
        return WEIR_ESYSTEM;
    int result = state->context == NULL ? begin_context(view) : 0;
    if (result != 0)
        return result;
    void **place = &state->sockets[place_of(view)];
    if (*place == NULL)
        *place = open_socket(view);
    endpoint->socket = *place;
    size_t length = sizeof endpoint->ready_fd;
    if (*place == NULL || zmq_getsockopt(*place, ZMQ_FD, &endpoint->ready_fd, &length) != 0)
        return WEIR_ESYSTEM;
    return 0;
}

int zmq_process_enter(struct weir_driver_endpoint *view)
{
    struct zmq_channel *state = view->channel->state;
    pthread_mutex_lock(&state->lock);
    int result = enter(view);
    pthread_mutex_unlock(&state->lock);
    return result;
}

/* ---- leave --------------------------------------------------------------------------------------------------- */

static void nap(long nanoseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

/* Within one process an only consumer's socket stays too: what lies in it is for who takes the place next. */
static bool keeps_socket(const struct weir_driver_endpoint *view)
{
    const struct weir_channel_config *config = view->channel->config;
    return view->role == WEIR_PRODUCER || (config->consumers == 1 && config->span == WEIR_SPAN_THREADS);
}

static void close_socket(const struct weir_driver_endpoint *view)
{
    struct zmq_channel *state = view->channel->state;
    void **place = &state->sockets[place_of(view)];
    char address[ZMQ_ADDRESS_BYTES];
    if (*place == NULL)
        return;
    if (state->transport == INPROC)
        zmq_unbind(*place, inproc_name(place_of(view), address)); /* now; zmq_close gives the name back later */
    zmq_close(*place);
    *place = NULL;
}

static void say_farewell(const struct weir_driver_endpoint *view)
{
    for (int i = 0; i < FAREWELL_LOOKS && !weir_driver_peers_gone(view); i++)
        nap(FAREWELL_LOOK_NS);
}

/* Waits, for as long as consumers go on receiving, until their side surely has room for all that is under way: a
 * consumer's libzmq that is full drops what lies in an ipc connection when the other end closes it. */
static void wait_for_consumers(const struct weir_driver_endpoint *view)
{
    const struct zmq_channel *state = view->channel->state;
    const uint64_t depth = view->channel->depth;
    uint64_t lowest = UINT64_MAX;
    int64_t give_up_ns = 0;
    if (state->transport == INPROC || state->sent <= depth)
        return;
    for (;;) {
        uint64_t left = weir_driver_in_flight(view);
        int64_t now = weir_now_ns();
        if (left <= depth / 2 || weir_driver_peers_gone(view) || (left >= lowest && now >= give_up_ns))
            return;
        if (left < lowest) {
            lowest = left;
            give_up_ns = now + PATIENCE_NS;
        }
        nap(LOOK_NS);
    }
}

void zmq_process_leave(struct weir_driver_endpoint *view)
{
    struct zmq_channel *state = view->channel->state;
    struct zmq_endpoint *endpoint = view->state;
    const bool producer = view->role == WEIR_PRODUCER;
    if (!endpoint->entered)
        return;
    pthread_mutex_lock(&state->lock);
    state->sent += endpoint->sent;
    if (!keeps_socket(view))
        close_socket(view);
    if (--state->attached == 0) {
        if (producer)
            wait_for_consumers(view);
        end_context(view, producer && weir_driver_peers_gone(view) ? 0 : LINGER_MS);
    }
    pthread_mutex_unlock(&state->lock);
    if (!keeps_socket(view))
        say_farewell(view);
}

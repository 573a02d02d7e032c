/* SPDX-License-Identifier: MIT
 *
 * The nng driver: nng's PUSH sockets dial PULL sockets, over inproc or ipc. Every consumer has an address of its own,
 * every producer dials all of them, in the background and again after a death; nng deals the messages out.
 *
 * Not kept: nng allows no fork once it was used (it would abort), so a process forked afterwards cannot attach. What
 * lies in a consumer's nng when it leaves goes with it, and a producer's goodbye waits at most PATIENCE_NS for
 * consumers that receive nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include <weir/driver.h>

#define MOST_BUFFERED    8192 /* of NNG_OPT_SENDBUF: nng_push(7) */
#define PATIENCE_NS      INT64_C(1000000000)
#define LOOK_NS          200000
#define FAREWELL_LOOKS   5
#define FAREWELL_LOOK_NS 5000000

enum { OPTION_TRANSPORT };
enum transport { AUTO, INPROC, IPC };

static const struct weir_option options[] = {
    [OPTION_TRANSPORT] = {.name = "transport",
                          .type = WEIR_OPTION_CHOICE,
                          .fallback = "auto",
                          .choices = "auto|inproc|ipc",
                          .help = "how nng carries messages; auto is inproc within one process, else ipc"},
    {.name = NULL},
};

struct state {
    enum transport transport;
    const char *folder; /* of the ipc sockets */
    uint64_t number;    /* of the channel in this process, for inproc's names */
    nng_socket *kept;   /* of producers, then consumers; id 0: none */
};

struct end {
    nng_socket socket;
    nng_msg *shown;
    int ready_fd;
};

static _Atomic pid_t user; /* the process that has used nng, or one that it was forked from */

/* ---- create -------------------------------------------------------------------------------------------------- */

static void address_of(const struct state *state, uint32_t consumer, char address[static 160])
{
    if (state->transport == INPROC)
        snprintf(address, 160, "inproc://weir-%llu-%u", (unsigned long long)state->number, consumer);
    else
        snprintf(address, 160, "ipc://%s/%u", state->folder, consumer);
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    static _Atomic uint64_t numbers;
    struct state *state = channel->state;
    bool threads = channel->config->span == WEIR_SPAN_THREADS;
    state->number = atomic_fetch_add(&numbers, 1);
    state->transport = (enum transport)channel->options[OPTION_TRANSPORT].number;
    if (state->transport == AUTO)
        state->transport = threads ? INPROC : IPC;
    if (state->transport == INPROC && !threads)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "transport=inproc works within one process only: between processes auto and ipc are "
                              "allowed");
    state->kept = calloc((size_t)channel->config->producers + channel->config->consumers, sizeof *state->kept);
    if (state->kept == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the nng channel");
    if (channel->depth > MOST_BUFFERED)
        channel->depth = MOST_BUFFERED;
    if (state->transport == INPROC) {
        channel->capabilities &= ~(uint32_t)WEIR_CAP_KERNEL;
        return 0;
    }
    state->folder = weir_private_folder(channel, error);
    if (state->folder == NULL)
        return error->code;
    if (strlen(state->folder) + 6 > sizeof((struct sockaddr_un *)0)->sun_path)
        return weir_error_set(error, WEIR_ESYSTEM,
                              "%s is too long for a socket's path: set WEIR_TMPDIR to a shorter folder", state->folder);
    return 0;
}

/* In a forked worker the sockets are not there, and nng must not be called. */
static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    size_t count = (size_t)channel->config->producers + channel->config->consumers;
    for (size_t i = 0; state->kept != NULL && user == getpid() && i < count; i++)
        if (state->kept[i].id != 0)
            nng_close(state->kept[i]);
    free(state->kept);
}

/* ---- attach -------------------------------------------------------------------------------------------------- */

static bool dial_all(const struct weir_driver_channel *channel, nng_socket socket)
{
    char address[160];
    if (nng_socket_set_int(socket, NNG_OPT_SENDBUF, (int)channel->depth) != 0 ||
        nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 1) != 0 || nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, 4) != 0)
        return false;
    for (uint32_t i = 0; i < channel->config->consumers; i++) {
        address_of(channel->state, i, address);
        if (nng_dial(socket, address, NULL, NNG_FLAG_NONBLOCK) != 0)
            return false;
    }
    return true;
}

static bool listen_at(const struct weir_driver_channel *channel, nng_socket socket, uint32_t index)
{
    char address[160];
    address_of(channel->state, index, address);
    return nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, channel->config->max_message_bytes) == 0 &&
           nng_listen(socket, address, NULL, 0) == 0;
}

static nng_socket *kept_at(const struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    const struct weir_channel_config *config = endpoint->channel->config;
    return &state->kept[endpoint->role == WEIR_PRODUCER ? endpoint->index : config->producers + endpoint->index];
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    const bool produces = endpoint->role == WEIR_PRODUCER;
    pid_t nobody = 0;
    if (!atomic_compare_exchange_strong(&user, &nobody, getpid()) && nobody != getpid())
        return WEIR_ESYSTEM; /* nng would abort */
    end->socket = *kept_at(endpoint);
    if (end->socket.id == 0) {
        if ((produces ? nng_push0_open(&end->socket) : nng_pull0_open(&end->socket)) != 0)
            return WEIR_ESYSTEM;
        if (!(produces ? dial_all(endpoint->channel, end->socket)
                       : listen_at(endpoint->channel, end->socket, endpoint->index)))
            return WEIR_ESYSTEM;
    }
    if (nng_socket_get_int(end->socket, produces ? NNG_OPT_SENDFD : NNG_OPT_RECVFD, &end->ready_fd) != 0)
        return WEIR_ESYSTEM;
    return 0;
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int ready_fd(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    const struct end *end = endpoint->state;
    *ret_events = POLLIN; /* for producers too */
    return end->ready_fd;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    const struct end *end = endpoint->state;
    nng_msg *message;
    if (nng_msg_alloc(&message, length) != 0)
        return WEIR_ESYSTEM;
    if (length > 0)
        memcpy(nng_msg_body(message), buffer, length);
    int result = nng_sendmsg(end->socket, message, NNG_FLAG_NONBLOCK);
    if (result == 0)
        return 0;
    nng_msg_free(message);
    return result == NNG_EAGAIN || result == NNG_ETIMEDOUT ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    if (end->shown != NULL)
        nng_msg_free(end->shown);
    end->shown = NULL;
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    struct end *end = endpoint->state;
    int result = nng_recvmsg(end->socket, &end->shown, NNG_FLAG_NONBLOCK);
    if (result != 0) {
        end->shown = NULL;
        return result == NNG_EAGAIN || result == NNG_ETIMEDOUT ? WEIR_EAGAIN : WEIR_ESYSTEM;
    }
    size_t length = nng_msg_len(end->shown);
    if (length > endpoint->channel->config->max_message_bytes) {
        release(endpoint);
        return WEIR_ECORRUPT;
    }
    *ret_buffer = nng_msg_body(end->shown);
    return (ssize_t)length;
}

/* ---- detach -------------------------------------------------------------------------------------------------- */

/* Closing throws away what is still here: wait for as long as consumers go on receiving. */
static void wait_for_consumers(const struct weir_driver_endpoint *endpoint)
{
    uint64_t left, lowest = UINT64_MAX;
    int64_t give_up_ns = 0;
    while ((left = weir_driver_in_flight(endpoint)) > 0 && !weir_driver_peers_gone(endpoint)) {
        if (left < lowest)
            give_up_ns = weir_now_ns() + PATIENCE_NS;
        else if (weir_now_ns() >= give_up_ns)
            return;
        lowest = left < lowest ? left : lowest;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
}

/* Within one process the socket stays open until the channel is destroyed: what lies in it still arrives, or is for who
 * takes the place next. One of several consumers closes it, or nng would go on dealing messages to it. */
static void detach(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    const struct weir_channel_config *config = endpoint->channel->config;
    if (end->socket.id == 0)
        return;
    release(endpoint);
    const bool produces = endpoint->role == WEIR_PRODUCER;
    const bool keep = config->span == WEIR_SPAN_THREADS && (produces || config->consumers == 1);
    if (!keep && produces)
        wait_for_consumers(endpoint);
    if (!keep)
        nng_close(end->socket);
    /* Producers learn of it in their nng's own time, and what they send until then is lost. */
    for (int i = 0; i < FAREWELL_LOOKS && !keep && !produces && !weir_driver_peers_gone(endpoint); i++)
        nanosleep(&(struct timespec){.tv_nsec = FAREWELL_LOOK_NS}, NULL);
    *kept_at(endpoint) = keep ? end->socket : (nng_socket)NNG_SOCKET_INITIALIZER;
    end->socket.id = 0;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct weir_driver nng_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "nng",
    .summary = "peer: nng's PUSH/PULL sockets over inproc or ipc",
    .capabilities = WEIR_CAP_PEEK | WEIR_CAP_FD | WEIR_CAP_ASYNC | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct end),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .peek = peek,
    .release = release,
    .fd = ready_fd,
};
WEIR_DRIVER_MODULE(nng_driver);

/* SPDX-License-Identifier: MIT
 *
 * The cyclone driver: Eclipse Cyclone DDS. A message is a sample of one topic, a sequence of octets; reliable,
 * keep-all, over the loopback interface only, or within one process by Cyclone itself. Each channel has a domain of its
 * own and a topic that nobody guesses; each process makes its participant when it attaches, after the fork.
 *
 * A topic has no room of its own: a writer that has `depth` samples under way waits, and the consumer tells it of room
 * by an eventfd. Until the two have found each other (some milliseconds) there is no room either.
 *
 * Not kept: like nng, Cyclone's threads do not follow a fork, so a process that was forked from one that has attached
 * cannot attach.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <dds/dds.h>

#include <weir/driver.h>

#include "cyclone_message.h"

enum { MOST_TAKEN = 32, DOMAINS = 200, MOST_PRODUCERS = 32 };
#define GOODBYE_NS DDS_SECS(1)

/* Big frames: the loopback interface takes them whole. No multicast: nothing leaves this machine. */
static const char configuration[] =
    "<General><Interfaces><NetworkInterface name=\"lo\"/></Interfaces><AllowMulticast>false</AllowMulticast>"
    "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize></General>"
    "<Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>100</MaxAutoParticipantIndex>"
    "<Peers><Peer Address=\"127.0.0.1\"/></Peers><SPDPInterval>100ms</SPDPInterval></Discovery>"
    "<Internal><Watermarks><WhcHigh>1GB</WhcHigh></Watermarks></Internal>"
    "<Tracing><Verbosity>none</Verbosity></Tracing>";

struct shared {
    _Atomic uint32_t starved[MOST_PRODUCERS]; /* wait for room */
};

struct state {
    struct shared *shared;
    int room_fds[MOST_PRODUCERS]; /* rung for who waits for room */
    uint32_t producers;
    dds_domainid_t domain_id;
    char topic[32];
    pthread_mutex_t lock; /* the rest is this process's */
    dds_entity_t domain;
    uint32_t attached;
};

struct end {
    struct state *state;
    dds_entity_t participant, writer, reader;
    int ready_fd;
    bool matched; /* producer: a consumer was there */
    void *taken[MOST_TAKEN];
    dds_sample_info_t infos[MOST_TAKEN];
    int32_t taken_count, position;
};

static _Atomic pid_t user; /* the process that has used Cyclone, or one that it was forked from */

/* ---- create -------------------------------------------------------------------------------------------------- */

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    uint64_t number;
    state->producers = channel->config->producers;
    for (uint32_t i = 0; i < MOST_PRODUCERS; i++)
        state->room_fds[i] = -1;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return weir_error_errno(error, "getrandom");
    state->domain_id = (dds_domainid_t)(number % DOMAINS);
    snprintf(state->topic, sizeof state->topic, "weir_%016llx", (unsigned long long)number);
    state->shared = weir_shared_alloc(channel, sizeof *state->shared);
    if (state->shared == NULL || pthread_mutex_init(&state->lock, NULL) != 0)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the cyclone channel");
    for (uint32_t i = 0; i < state->producers; i++) {
        state->room_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (state->room_fds[i] < 0)
            return weir_error_errno(error, "eventfd");
    }
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    for (uint32_t i = 0; i < state->producers; i++)
        if (state->room_fds[i] >= 0)
            close(state->room_fds[i]);
}

/* ---- attach -------------------------------------------------------------------------------------------------- */

static void ring(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}

static void quiet(int fd)
{
    uint64_t rung;
    (void)!read(fd, &rung, sizeof rung);
}

static void on_data(dds_entity_t reader, void *end)
{
    (void)reader;
    ring(((struct end *)end)->ready_fd);
}

static void on_match(dds_entity_t writer, dds_publication_matched_status_t status, void *end)
{
    (void)writer;
    (void)status;
    ring(((struct end *)end)->ready_fd);
}

static int make_entities(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    const bool produces = endpoint->role == WEIR_PRODUCER;
    struct state *state = end->state;
    end->participant = dds_create_participant(state->domain_id, NULL, NULL);
    if (end->participant < 0)
        return WEIR_ESYSTEM;
    dds_entity_t topic = dds_create_topic(end->participant, &cyclone_message_desc, state->topic, NULL, NULL);
    dds_qos_t *qos = dds_create_qos();
    dds_listener_t *listener = dds_create_listener(end);
    dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_MSECS(10));
    dds_qset_history(qos, DDS_HISTORY_KEEP_ALL, DDS_LENGTH_UNLIMITED);
    dds_lset_data_available(listener, on_data);
    dds_lset_publication_matched(listener, on_match);
    if (topic > 0 && produces)
        end->writer = dds_create_writer(end->participant, topic, qos, listener);
    else if (topic > 0)
        end->reader = dds_create_reader(end->participant, topic, qos, listener);
    dds_delete_listener(listener);
    dds_delete_qos(qos);
    return (produces ? end->writer : end->reader) > 0 ? 0 : WEIR_ESYSTEM;
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    struct state *state = endpoint->channel->state;
    const bool produces = endpoint->role == WEIR_PRODUCER;
    pid_t nobody = 0;
    end->ready_fd = -1;
    if (!atomic_compare_exchange_strong(&user, &nobody, getpid()) && nobody != getpid())
        return WEIR_ESYSTEM;
    end->state = state;
    end->ready_fd = produces ? state->room_fds[endpoint->index] : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (end->ready_fd < 0)
        return WEIR_ESYSTEM;
    pthread_mutex_lock(&state->lock);
    if (state->attached++ == 0)
        state->domain = dds_create_domain(state->domain_id, configuration);
    pthread_mutex_unlock(&state->lock);
    return make_entities(endpoint);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int ready_fd(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    *ret_events = POLLIN; /* for producers too */
    return ((const struct end *)endpoint->state)->ready_fd;
}

static bool has_room(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    dds_publication_matched_status_t status;
    if (!end->matched)
        end->matched = dds_get_publication_matched_status(end->writer, &status) == 0 && status.current_count > 0;
    return end->matched && weir_driver_in_flight(endpoint) < endpoint->channel->depth;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    struct end *end = endpoint->state;
    if (!has_room(endpoint)) {
        quiet(end->ready_fd);
        atomic_store(&end->state->shared->starved[endpoint->index], 1);
        if (!has_room(endpoint)) /* the consumer may have looked before we said so */
            return WEIR_EAGAIN;
    }
    const cyclone_message sample = {
        .body = {._maximum = (uint32_t)length, ._length = (uint32_t)length, ._buffer = (uint8_t *)(uintptr_t)buffer}};
    dds_return_t result = dds_write(end->writer, &sample);
    return result == 0 ? 0 : result == DDS_RETCODE_TIMEOUT ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static void give_back(struct end *end)
{
    if (end->taken_count > 0)
        dds_return_loan(end->reader, end->taken, end->taken_count);
    end->taken_count = end->position = 0;
    end->taken[0] = NULL;
}

static int take_more(struct end *end)
{
    give_back(end);
    quiet(end->ready_fd);
    dds_return_t count = dds_take(end->reader, end->taken, end->infos, MOST_TAKEN, MOST_TAKEN);
    if (count < 0)
        return WEIR_ESYSTEM;
    end->taken_count = count;
    if (count > 0)
        ring(end->ready_fd); /* there is something until we have looked again */
    return count > 0 ? 0 : WEIR_EAGAIN;
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    struct end *end = endpoint->state;
    for (;;) {
        while (end->position < end->taken_count && !end->infos[end->position].valid_data)
            end->position++; /* news of a writer, no message */
        if (end->position < end->taken_count)
            break;
        int result = take_more(end);
        if (result != 0)
            return result;
    }
    const cyclone_message *sample = end->taken[end->position];
    if (sample->body._length > endpoint->channel->config->max_message_bytes)
        return WEIR_ECORRUPT;
    *ret_buffer = sample->body._buffer;
    return sample->body._length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    struct state *state = end->state;
    end->position++;
    for (uint32_t i = 0; i < state->producers; i++)
        if (atomic_load_explicit(&state->shared->starved[i], memory_order_relaxed) != 0 &&
            weir_driver_in_flight(endpoint) <= endpoint->channel->depth / 2 + 1 &&
            atomic_exchange(&state->shared->starved[i], 0) != 0)
            ring(state->room_fds[i]);
}

/* ---- detach -------------------------------------------------------------------------------------------------- */

static void detach(struct weir_driver_endpoint *endpoint)
{
    struct end *end = endpoint->state;
    struct state *state = end->state;
    if (state == NULL)
        return;
    give_back(end);
    if (end->writer > 0 && end->matched && !weir_driver_peers_gone(endpoint))
        dds_wait_for_acks(end->writer, GOODBYE_NS); /* closing throws away what is still here */
    if (end->participant > 0)
        dds_delete(end->participant);
    if (endpoint->role == WEIR_CONSUMER && end->ready_fd >= 0)
        close(end->ready_fd);
    pthread_mutex_lock(&state->lock);
    if (--state->attached == 0 && state->domain > 0)
        dds_delete(state->domain);
    pthread_mutex_unlock(&state->lock);
    *end = (struct end){0};
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct weir_driver cyclone_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "cyclone",
    .summary = "peer: a reliable topic of Cyclone DDS over the loopback interface",
    .capabilities = WEIR_CAP_PEEK | WEIR_CAP_FD | WEIR_CAP_ASYNC | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct end),
    .max_producers = MOST_PRODUCERS,
    .max_consumers = 1,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .peek = peek,
    .release = release,
    .fd = ready_fd,
};
WEIR_DRIVER_MODULE(cyclone_driver);

/* SPDX-License-Identifier: MIT
 *
 * Cases about weir_fd: whoever sleeps in poll alone, armed as the header says, loses no wake-up.
 */
#include "conformance.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { STREAMED = 2000, LOST_MS = 5000 };

static const struct weir_channel_config one_to_one = {.max_message_bytes = 512};

/* A poll that lasts so long has lost a wake-up: something did happen. */
static void sleep_in_poll(const char *file, int line, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int result = poll(&ready, 1, LOST_MS);
    if (result == 0) {
        fail_at(file, line, "expected the descriptor to become ready, slept for %d ms", LOST_MS);
    }
    if (result < 0 && errno != EINTR) {
        fail_at(file, line, "poll: %s", strerror(errno));
    }
}

static int descriptor(struct weir_endpoint *endpoint)
{
    int fd = weir_fd(endpoint);
    REQUIRE(fd >= 0, "weir_fd: expected a descriptor, got %d", fd);
    REQUIRE(weir_fd(endpoint) == fd, "weir_fd: expected the same descriptor again");
    return fd;
}

/* The next answer other than WEIR_EAGAIN, sleeping in poll alone. */
static ssize_t poll_recv(const char *file, int line, struct weir_endpoint *consumer)
{
    unsigned char buffer[512];
    int fd = descriptor(consumer);
    ssize_t result;
    while ((result = weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW)) == WEIR_EAGAIN) {
        sleep_in_poll(file, line, fd);
    }
    return result;
}

static int poll_send(const char *file, int line, struct weir_endpoint *producer, uint64_t sequence, size_t length)
{
    int fd = descriptor(producer);
    int result;
    while ((result = send_message(producer, sequence, length, 0, WEIR_NOW)) == WEIR_EAGAIN) {
        sleep_in_poll(file, line, fd);
    }
    return result;
}

/* Nothing has happened: the descriptor is not ready, or readiness means nothing. */
static void require_idle(struct weir_endpoint *consumer)
{
    unsigned char buffer[512];
    struct pollfd ready = {.fd = descriptor(consumer), .events = POLLIN};
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    poll(&ready, 1, 10);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
}

/* ---- consumers --------------------------------------------------------------------------------------------- */

static void produce_slowly(struct actor *self)
{
    for (int stage = 1; stage <= 3; stage++) {
        await(stage);
        nap(10 * MILLISECOND_NS);
        SEND(self->endpoint, (uint64_t)stage, 64);
    }
    await(4);
    nap(10 * MILLISECOND_NS);
}

static void consume_by_poll(struct actor *self)
{
    for (int stage = 1; stage <= 3; stage++) {
        require_idle(self->endpoint);
        reach(stage);
        EXPECT(poll_recv(HERE, self->endpoint), 64);
    }
    require_idle(self->endpoint);
    reach(4);
    EXPECT(poll_recv(HERE, self->endpoint), WEIR_EOF);
    EXPECT(poll_recv(HERE, self->endpoint), WEIR_EOF);
}

/* Asks for its descriptor only after it was told that there is nothing. */
static void poll_late(struct actor *self)
{
    unsigned char buffer[512];
    EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    int fd = descriptor(self->endpoint);
    reach(1);
    sleep_in_poll(HERE, fd);
    EXPECT(poll_recv(HERE, self->endpoint), 64);
    reach(2);
}

static void produce_one(struct actor *self)
{
    await(1);
    nap(10 * MILLISECOND_NS);
    SEND(self->endpoint, 1, 64);
    await(2); /* a goodbye would wake it, too */
}

static void fd_late(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, produce_one, poll_late);
}

static void fd_consumer(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, produce_slowly, consume_by_poll);
}

/* ---- producers --------------------------------------------------------------------------------------------- */

static void produce_by_poll(struct actor *self)
{
    descriptor(self->endpoint);
    SEND(self->endpoint, 0, 512);
    unsigned long sent = 1;
    while (send_message(self->endpoint, 0, 512, 0, WEIR_NOW) == WEIR_OK) {
        sent++;
    }
    atomic_store(&board->sent, sent);
    reach(1);
    EXPECT(poll_send(HERE, self->endpoint, 0, 512), WEIR_OK);
    reach(2);
    /* Full again, and then the consumer leaves. */
    int result;
    while ((result = poll_send(HERE, self->endpoint, 0, 512)) == WEIR_OK) {
    }
    EXPECT(result, WEIR_EPIPE);
}

static void drain_and_leave(struct actor *self)
{
    unsigned char buffer[512];
    await(1);
    nap(10 * MILLISECOND_NS);
    for (unsigned long i = atomic_load(&board->sent); i > 0; i--) {
        EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER), 512);
    }
    await(2);
    nap(10 * MILLISECOND_NS);
}

static void fd_producer(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, produce_by_poll, drain_and_leave);
}

/* ---- shutdown ---------------------------------------------------------------------------------------------- */

static void shut_down_poller(struct actor *self)
{
    await(1);
    nap(10 * MILLISECOND_NS);
    weir_channel_shutdown(self->scene->channel);
    await(2); /* a goodbye would wake the consumer too */
}

static void poll_until_shutdown(struct actor *self)
{
    require_idle(self->endpoint);
    reach(1);
    EXPECT(poll_recv(HERE, self->endpoint), WEIR_ECANCELED);
    reach(2);
}

static void fd_shutdown(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, shut_down_poller, poll_until_shutdown);
}

/* ---- a stream between two event loops ---------------------------------------------------------------------- */

static void stream_by_poll(struct actor *self)
{
    for (uint64_t i = 0; i < STREAMED; i++) {
        EXPECT(poll_send(HERE, self->endpoint, i, 64), WEIR_OK);
        if (i % 100 == 0) {
            nap(MILLISECOND_NS / 10); /* let the channel run empty at times */
        }
    }
}

static void loop_in_epoll(struct actor *self)
{
    unsigned char buffer[512];
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_create1(EPOLL_CLOEXEC);
    REQUIRE(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, descriptor(self->endpoint), &event) == 0, "epoll: %s",
            strerror(errno));
    for (uint64_t next = 0;;) {
        ssize_t length = weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_NOW);
        if (length == WEIR_EOF) {
            EXPECT(next, STREAMED);
            break;
        }
        if (length == WEIR_EAGAIN) {
            REQUIRE(epoll_wait(set, &event, 1, LOST_MS) != 0,
                    "expected the descriptor to become ready, slept for %d ms", LOST_MS);
            continue;
        }
        EXPECT(length, 64);
        message_require(HERE, buffer, 64, 0, next++);
    }
    close(set);
}

static void fd_stream(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, stream_by_poll, loop_in_epoll);
}

/* ---- two producers that share what wakes them --------------------------------------------------------------- */

static void fill_until_armed(struct weir_endpoint *producer)
{
    int result;
    descriptor(producer);
    while ((result = send_message(producer, 0, 512, 0, WEIR_NOW)) == WEIR_OK) {
    }
    EXPECT(result, WEIR_EAGAIN);
}

/* Both are full and armed, then there is room for both. The one that looks first, until it is full and armed again,
 * must not take the wake-up of the other: if that one has room still, its descriptor must be ready. */
static void fd_shared(struct scene *scene)
{
    unsigned char buffer[512];
    open_channel(scene, &(struct weir_channel_config){.producers = 2, .max_message_bytes = 512, .depth = 8});
    if (is_async(scene)) {
        skip("what travels by itself makes room at any time");
    }
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *first = attach(scene, WEIR_PRODUCER, 0);
    struct weir_endpoint *second = attach(scene, WEIR_PRODUCER, 1);
    for (int round = 0; round < 3; round++) {
        fill_until_armed(first);
        fill_until_armed(second);
        while (weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW) == 512) {
        }
        fill_until_armed(first);
        struct pollfd ready = {.fd = descriptor(second), .events = POLLIN};
        int told = poll(&ready, 1, 0);
        int result = send_message(second, 0, 512, 0, WEIR_NOW);
        REQUIRE(result != WEIR_OK || told == 1, "expected that a producer that has room is told so");
    }
    weir_detach(second);
    weir_detach(first);
    weir_detach(consumer);
}

const struct conformance_case polling_cases[] = {
    {"fd_consumer", "a consumer's descriptor becomes ready for messages and for the end", PAIRINGS, false, fd_consumer},
    {"fd_late", "a descriptor that is asked for after WEIR_EAGAIN misses nothing", PAIRINGS, false, fd_late},
    {"fd_producer", "a producer's descriptor becomes ready for room and for the consumer's goodbye", PAIRINGS, false,
     fd_producer},
    {"fd_shutdown", "shutdown makes the descriptor ready", PAIRINGS, false, fd_shutdown},
    {"fd_stream", "2000 messages between two event loops that sleep in poll alone", PAIRINGS, false, fd_stream},
    {"fd_shared", "a producer that looks at its descriptor does not take the wake-up of another", SPANS, false,
     fd_shared},
    {0},
};

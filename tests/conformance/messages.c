/* SPDX-License-Identifier: MIT
 *
 * Cases about messages: whole, in order, bounded; sizes, full and empty, deadlines, buffers that are too small.
 */
#include "conformance.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { ORDERED = 10000, SMALL = 64 };

/* ---- smoke ------------------------------------------------------------------------------------------------- */

static void smoke(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){0});
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    SEND(producer, 7, 64);
    unsigned char buffer[4096];
    ssize_t length = weir_recv(consumer, buffer, sizeof buffer, weir_now_ns() + SOON_S * SECOND_NS);
    if (scene->info.capabilities & WEIR_CAP_SYNTHETIC) {
        REQUIRE(length >= 0, "recv: expected a length, got %zd", length);
    } else {
        EXPECT(length, 64);
        message_require(HERE, buffer, 64, 0, 7);
    }
    weir_detach(producer);
    weir_detach(consumer);
}

/* ---- sizes ------------------------------------------------------------------------------------------------- */

/* Those that fit, ascending; returns how many. */
static size_t telling_sizes(size_t longest, size_t ret_sizes[16])
{
    const size_t candidates[] = {
        0, 1, 2, 7, 8, 63, 64, 65, PIPE_BUF - 1, PIPE_BUF, PIPE_BUF + 1, longest / 2, longest - 1, longest};
    size_t count = 0;
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (candidates[i] <= longest) {
            ret_sizes[count++] = candidates[i];
        }
    }
    return count;
}

static void send_sizes(struct actor *self)
{
    size_t sizes[16];
    size_t count = telling_sizes(self->scene->info.max_message_bytes, sizes);
    for (size_t i = 0; i < 2 * count; i++) {
        SEND(self->endpoint, i, sizes[i % count]);
    }
}

static void recv_sizes(struct actor *self)
{
    size_t sizes[16];
    size_t count = telling_sizes(self->scene->info.max_message_bytes, sizes);
    for (size_t i = 0; i < 2 * count; i++) {
        RECV(self->endpoint, i, sizes[i % count]);
    }
}

static void sizes(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = LARGE_BYTES, .depth = 8});
    REQUIRE(scene->info.max_message_bytes <= LARGE_BYTES, "expected the maximum that was asked for, got %zu",
            scene->info.max_message_bytes);
    start_workers(scene, send_sizes, recv_sizes);
}

/* Channels whose longest message is shorter than any header. */
static void tiny(struct scene *scene)
{
    static const size_t longest[] = {1, 8, 20};
    for (size_t i = 0; i < sizeof longest / sizeof longest[0]; i++) {
        open_channel(scene, &(struct weir_channel_config){.max_message_bytes = longest[i]});
        start_workers(scene, send_sizes, recv_sizes);
        join_workers(scene);
        close_channel(scene);
    }
}

/* ---- order ------------------------------------------------------------------------------------------------- */

static void send_ordered(struct actor *self)
{
    for (uint64_t i = 0; i < ORDERED; i++) {
        SEND(self->endpoint, i, message_length(i, 1024));
    }
}

static void recv_ordered(struct actor *self)
{
    for (uint64_t i = 0; i < ORDERED; i++) {
        RECV(self->endpoint, i, message_length(i, 1024));
    }
}

static void order(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = 1024});
    start_workers(scene, send_ordered, recv_ordered);
}

/* ---- full and empty ---------------------------------------------------------------------------------------- */

/* How many messages were taken without waiting; the last answer was WEIR_EAGAIN. */
static uint64_t fill(struct scene *scene, struct weir_endpoint *producer, uint64_t first, size_t length)
{
    /* What is under way lies in more places than the channel's own. */
    uint64_t bound = (scene->info.depth * 64 + 4096) * (is_async(scene) ? 64 : 1);
    for (uint64_t count = 0; count < bound; count++) {
        int result = send_message(producer, first + count, length, 0, WEIR_NOW);
        if (result == WEIR_EAGAIN) {
            return count;
        }
        EXPECT(result, WEIR_OK);
    }
    fail_at(HERE, "expected WEIR_EAGAIN from a full channel of depth %zu, got none in %" PRIu64 " messages",
            scene->info.depth, bound);
}

static void fill_and_drain(struct scene *scene, size_t length)
{
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    uint64_t sent = 0;
    uint64_t received = 0;
    for (int round = 0; round < 3; round++) {
        SEND(producer, sent, length); /* there is room (again); it may have to connect first */
        sent++;
        uint64_t more = fill(scene, producer, sent, length);
        sent += more;
        REQUIRE(is_async(scene) || more + 1 >= scene->info.depth, "expected room for %zu messages, got %" PRIu64,
                scene->info.depth, more + 1);
        for (; received < sent; received++) {
            RECV(consumer, received, length);
        }
        unsigned char byte;
        EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_NOW), WEIR_EAGAIN);
    }
    weir_detach(producer);
    weir_detach(consumer);
}

static void full(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = SMALL});
    fill_and_drain(scene, 8);
}

static void full_large(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = LARGE_BYTES, .depth = 8});
    fill_and_drain(scene, scene->info.max_message_bytes);
}

/* As many messages of the maximum as the channel says that it holds, for one consumer and for several: mechanisms that
 * count bytes round them in ways that depend on the size. */
static void depth(struct scene *scene)
{
    static const size_t longest[] = {1, 100, 200, 700, 1000, 1800, 3700, 4096, 8000, 16000, 17000, 30000, 40000, 65000};
    for (size_t i = 0; i < 2 * sizeof longest / sizeof longest[0]; i++) {
        open_channel(scene, &(struct weir_channel_config){
                                .max_message_bytes = longest[i / 2], .depth = 40, .consumers = 1 + i % 2});
        if (is_async(scene)) {
            skip("what travels by itself lies in more places than the channel's own");
        }
        struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
        uint64_t taken = fill(scene, producer, 0, scene->info.max_message_bytes);
        REQUIRE(taken >= scene->info.depth, "%zu bytes: expected room for the depth of %zu, got %" PRIu64,
                scene->info.max_message_bytes, scene->info.depth, taken);
        weir_detach(producer);
        close_channel(scene);
    }
}

static void empty(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){0});
    unsigned char buffer[4096];
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    SEND(producer, 0, 100);
    RECV(consumer, 0, 100);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    weir_detach(producer);
    weir_detach(consumer);
}

/* ---- deadlines --------------------------------------------------------------------------------------------- */

static void require_punctual(int64_t deadline_ns)
{
    int64_t late_ns = weir_now_ns() - deadline_ns;
    REQUIRE(late_ns >= 0, "expected to wait until the deadline, got back %" PRId64 " us before", -late_ns / 1000);
    REQUIRE(late_ns < SOON_S * SECOND_NS, "expected to wait until the deadline, got back %" PRId64 " ms after",
            late_ns / MILLISECOND_NS);
}

static void deadlines(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){0});
    unsigned char buffer[4096];
    const void *shown;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    int64_t deadline_ns = weir_now_ns() + 20 * MILLISECOND_NS;
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, deadline_ns), WEIR_ETIMEDOUT);
    require_punctual(deadline_ns);
    EXPECT(weir_peek(consumer, &shown, deadline_ns), WEIR_ETIMEDOUT);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, -1), WEIR_ETIMEDOUT);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, INT64_MIN), WEIR_ETIMEDOUT);

    /* Until a send has waited in vain: what travels by itself may make room for a while. */
    int result;
    do {
        deadline_ns = weir_now_ns() + 20 * MILLISECOND_NS;
        result = send_message(producer, 0, 4096, 0, deadline_ns);
    } while (result == WEIR_OK);
    EXPECT(result, WEIR_ETIMEDOUT);
    require_punctual(deadline_ns);
    EXPECT(send_message(producer, 0, 4096, 0, deadline_ns), WEIR_ETIMEDOUT);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, deadline_ns), 4096); /* past, but a message is there */
    weir_detach(consumer);
    weir_detach(producer);
}

/* ---- buffers that do not fit ------------------------------------------------------------------------------- */

static void small_buffer(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){0});
    need_depth(scene, 3);
    unsigned char buffer[4096];
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    for (uint64_t i = 0; i < 3; i++) {
        SEND(producer, i, 100 + i);
    }
    for (uint64_t i = 0; i < 3; i++) {
        size_t length = 100 + (size_t)i;
        EXPECT(weir_recv(consumer, buffer, length - 1, WEIR_FOREVER), WEIR_EMSGSIZE);
        EXPECT(weir_recv(consumer, buffer, 1, WEIR_NOW), WEIR_EMSGSIZE);
        EXPECT(weir_recv(consumer, NULL, 0, WEIR_NOW), WEIR_EMSGSIZE);
        EXPECT(weir_recv(consumer, buffer, i % 2 == 0 ? length : sizeof buffer, WEIR_NOW), length);
        message_require(HERE, buffer, length, 0, i);
    }
    EXPECT(weir_recv(consumer, buffer, 1, WEIR_NOW), WEIR_EAGAIN);
    SEND(producer, 3, 0);
    EXPECT(weir_recv(consumer, NULL, 0, WEIR_FOREVER), 0);
    weir_detach(producer);
    weir_detach(consumer);
}

static void too_long(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = 1000});
    size_t longest = scene->info.max_message_bytes;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    unsigned char byte;
    EXPECT(send_message(producer, 0, longest + 1, 0, WEIR_FOREVER), WEIR_EMSGSIZE);
    EXPECT(send_message(producer, 0, longest + 1, 0, WEIR_NOW), WEIR_EMSGSIZE);
    EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_NOW), WEIR_EAGAIN);
    SEND(producer, 1, longest);
    RECV(consumer, 1, longest);
    weir_detach(producer);
    weir_detach(consumer);
}

const struct conformance_case message_cases[] = {
    {"smoke", "create, attach, send, receive, detach, destroy", SPANS, true, smoke},
    {"sizes", "messages of 0 bytes to the maximum arrive whole, byte by byte", PAIRINGS, false, sizes},
    {"tiny", "the same for channels whose maximum is 1, 8 and 20 bytes", SPANS, false, tiny},
    {"order", "10000 messages of varying lengths arrive in the order of sending", PAIRINGS, false, order},
    {"full", "a channel takes a bounded number of messages, and has room again once they are received", SPANS, false,
     full},
    {"full_large", "the same with messages of maximum length", SPANS, false, full_large},
    {"depth", "a channel holds as many messages of its maximum length as it says", SPANS, false, depth},
    {"empty", "an empty channel says WEIR_EAGAIN", SPANS, false, empty},
    {"deadlines", "send and receive wait until their deadline, no less and not much more", SPANS, false, deadlines},
    {"small_buffer", "a buffer that is too small gives WEIR_EMSGSIZE and keeps the message", SPANS, false,
     small_buffer},
    {"too_long", "a message above the maximum gives WEIR_EMSGSIZE and harms nothing", SPANS, false, too_long},
    {0},
};

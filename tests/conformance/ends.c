/* SPDX-License-Identifier: MIT
 *
 * Cases about the ends of a channel: goodbyes, places taken again, shutdown.
 */
#include "conformance.h"

#include <signal.h>

enum { LAST_MESSAGES = 20, GOODBYES = 10 };

/* So many, or as many as surely fit. */
static uint64_t last_messages(const struct scene *scene)
{
    return scene->info.depth < LAST_MESSAGES ? scene->info.depth : LAST_MESSAGES;
}

static const struct weir_channel_config one_to_one = {0};

/* ---- the end of the producers ------------------------------------------------------------------------------ */

static void send_last(struct actor *self)
{
    for (uint64_t i = 0; i < last_messages(self->scene); i++) {
        SEND(self->endpoint, i, 8 + i);
    }
}

static void drain_to_eof(struct actor *self)
{
    unsigned char byte;
    for (uint64_t i = 0; i < last_messages(self->scene); i++) {
        RECV(self->endpoint, i, 8 + i);
    }
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_NOW), WEIR_EOF);
}

static void eof(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, send_last, drain_to_eof);
}

/* No consumer is there yet when the producer has already gone. */
static void eof_late(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_worker(scene, WEIR_PRODUCER, 0, send_last);
    if (!is_async(scene)) {
        join_workers(scene); /* what travels by itself must not be forgotten: its producer waits for a consumer */
    }
    start_worker(scene, WEIR_CONSUMER, 0, drain_to_eof);
}

static void eof_many(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.producers = 3});
    unsigned char byte;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    for (uint32_t i = 0; i < 3; i++) {
        /* The places not taken yet count as producers to come. */
        EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_NOW), WEIR_EAGAIN);
        struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, i);
        SEND(producer, i, 8);
        RECV(consumer, i, 8);
        weir_detach(producer);
    }
    EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    weir_detach(consumer);
}

static void leave_late(struct actor *self)
{
    (void)self;
    await(1);
    nap(20 * MILLISECOND_NS);
    mark_event();
}

static void wait_for_eof(struct actor *self)
{
    unsigned char byte;
    reach(1);
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    require_soon(HERE, SOON_S * SECOND_NS);
}

static void eof_wakes(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, leave_late, wait_for_eof);
}

/* The producer attaches in each round anew, says one thing and leaves, while the consumer sleeps. */
static void send_last_words(struct actor *self)
{
    for (int i = 0; i < GOODBYES; i++) {
        await(3 * i);
        if (self->endpoint == NULL) {
            self->endpoint = attach(self->scene, WEIR_PRODUCER, 0);
        }
        reach(3 * i + 1);
        await(3 * i + 2);
        nap(MILLISECOND_NS / 2);
        SEND(self->endpoint, (uint64_t)i, 64);
        weir_detach(self->endpoint);
        self->endpoint = NULL;
    }
}

static void hear_last_words(struct actor *self)
{
    unsigned char byte;
    for (int i = 0; i < GOODBYES; i++) {
        await(3 * i + 1);
        reach(3 * i + 2);
        RECV(self->endpoint, (uint64_t)i, 64);
        EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
        reach(3 * i + 3);
    }
}

static void last_words(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, send_last_words, hear_last_words);
}

/* ---- the end of the consumers ------------------------------------------------------------------------------ */

static void send_to_nobody(struct actor *self)
{
    await(1);
    EXPECT(send_until_refused(self->endpoint, 64, WEIR_FOREVER), WEIR_EPIPE);
    require_soon(HERE, SOON_S * SECOND_NS);
    EXPECT(send_message(self->endpoint, 0, 64, 0, WEIR_NOW), WEIR_EPIPE);
}

static void leave_first(struct actor *self)
{
    weir_detach(self->endpoint);
    self->endpoint = NULL;
    mark_event();
    reach(1);
}

static void epipe(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, send_to_nobody, leave_first);
}

static void block_until_epipe(struct actor *self)
{
    EXPECT(send_until_refused(self->endpoint, 4096, WEIR_FOREVER), WEIR_EPIPE);
    require_soon(HERE, SOON_S * SECOND_NS);
}

static void leave_full(struct actor *self)
{
    (void)self;
    await_standstill();
    mark_event();
}

static void epipe_wakes(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, block_until_epipe, leave_full);
}

static void sigpipe(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR && sigprocmask(SIG_UNBLOCK, &pipe_only, NULL) == 0,
            "cannot prepare SIGPIPE");
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    SEND(producer, 0, 64);
    RECV(consumer, 0, 64);
    weir_detach(consumer);
    EXPECT(send_until_refused(producer, 64, WEIR_FOREVER), WEIR_EPIPE);
    weir_detach(producer);
    REQUIRE(signal(SIGPIPE, SIG_DFL) == SIG_DFL, "expected that SIGPIPE is as it was, got another disposition");
}

/* ---- shutdown ---------------------------------------------------------------------------------------------- */

static void shut_down(struct actor *self)
{
    nap(20 * MILLISECOND_NS);
    mark_event();
    weir_channel_shutdown(self->scene->channel);
}

static void shut_down_receiver(struct actor *self)
{
    await(1);
    shut_down(self);
    void *place;
    EXPECT(send_message(self->endpoint, 0, 8, 0, WEIR_FOREVER), WEIR_ECANCELED);
    EXPECT(weir_reserve(self->endpoint, 8, &place, WEIR_NOW), WEIR_ECANCELED);
    await(2); /* a goodbye would wake the consumer too */
}

static void receive_shutdown(struct actor *self)
{
    unsigned char buffer[4096];
    const void *shown;
    reach(1);
    EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER), WEIR_ECANCELED);
    require_soon(HERE, SOON_S * SECOND_NS);
    reach(2);
    EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_NOW), WEIR_ECANCELED);
    EXPECT(weir_recv(self->endpoint, buffer, 1, WEIR_FOREVER), WEIR_ECANCELED);
    EXPECT(weir_peek(self->endpoint, &shown, WEIR_FOREVER), WEIR_ECANCELED);
    struct weir_endpoint *late = NULL;
    EXPECT(weir_attach(&late, self->scene->channel, WEIR_PRODUCER, 0), WEIR_ECANCELED);
}

static void shutdown_recv(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, shut_down_receiver, receive_shutdown);
}

static void block_until_shutdown(struct actor *self)
{
    EXPECT(send_until_refused(self->endpoint, 4096, WEIR_FOREVER), WEIR_ECANCELED);
    require_soon(HERE, SOON_S * SECOND_NS);
    reach(1);
    EXPECT(send_message(self->endpoint, 0, 8, 0, WEIR_NOW), WEIR_ECANCELED);
}

static void shut_down_sender(struct actor *self)
{
    unsigned char buffer[4096];
    await_standstill();
    shut_down(self);
    /* Messages are there, but the channel is shut down. */
    EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER), WEIR_ECANCELED);
    await(1); /* a goodbye would wake the producer too */
}

static void shutdown_send(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, block_until_shutdown, shut_down_sender);
}

/* Nothing of a channel that is shut down is published any more, by whichever call. */
static void shutdown_publish(struct scene *scene)
{
    void *place = NULL;
    open_channel(scene, &(struct weir_channel_config){.producers = 2});
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *idle = attach(scene, WEIR_PRODUCER, 0);
    struct weir_endpoint *busy = attach(scene, WEIR_PRODUCER, 1);
    EXPECT(send_message(busy, 0, 8, WEIR_MORE, WEIR_FOREVER), WEIR_OK);
    EXPECT(weir_reserve(busy, 8, &place, WEIR_FOREVER), WEIR_OK);
    message_fill(place, 8, 1, 1);
    weir_channel_shutdown(scene->channel);
    EXPECT(weir_flush(idle, WEIR_NOW), WEIR_ECANCELED);
    EXPECT(weir_flush(busy, WEIR_NOW), WEIR_ECANCELED);
    EXPECT(weir_commit(busy, 8, 0, WEIR_FOREVER), WEIR_ECANCELED);
    EXPECT(weir_commit(busy, 8, WEIR_MORE, WEIR_NOW), WEIR_ECANCELED);
    EXPECT(weir_abort(busy), WEIR_OK); /* the reservation is still the caller's */
    weir_detach(busy);
    weir_detach(idle);
    weir_detach(consumer);
}

static void epipe_publish(struct scene *scene)
{
    void *place = NULL;
    open_channel(scene, &one_to_one);
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    EXPECT(weir_reserve(producer, 8, &place, WEIR_FOREVER), WEIR_OK);
    message_fill(place, 8, 0, 0);
    weir_detach(consumer);
    EXPECT(weir_flush(producer, WEIR_NOW), WEIR_EPIPE);
    EXPECT(weir_commit(producer, 8, 0, WEIR_FOREVER), WEIR_EPIPE);
    EXPECT(weir_abort(producer), WEIR_OK);
    weir_detach(producer);
}

/* ---- places ------------------------------------------------------------------------------------------------ */

static void reattach(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    unsigned char byte;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    for (uint64_t i = 0; i < 3; i++) {
        struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
        EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_NOW), WEIR_EAGAIN);
        SEND(producer, i, 64);
        RECV(consumer, i, 64);
        weir_detach(producer);
        EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    }
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    for (uint64_t i = 0; i < 3; i++) {
        weir_detach(consumer);
        consumer = attach(scene, WEIR_CONSUMER, 0);
        SEND(producer, i, 64);
        RECV(consumer, i, 64);
    }
    weir_detach(producer);
    weir_detach(consumer);
}

/* Each consumer takes one message and leaves: nothing goes with it. */
static void heirs(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    if (is_async(scene)) {
        skip("messages may be under way to a consumer that leaves");
    }
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    uint64_t count = last_messages(scene);
    for (uint64_t i = 0; i < count; i++) {
        SEND(producer, i, message_length(i, 4096));
    }
    for (uint64_t i = 0; i < count; i++) {
        struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
        RECV(consumer, i, message_length(i, 4096));
        weir_detach(consumer);
    }
    weir_detach(producer);
}

static void take_taken(struct actor *self)
{
    struct weir_endpoint *second = NULL;
    EXPECT(weir_attach(&second, self->scene->channel, WEIR_PRODUCER, 0), WEIR_EBUSY);
    EXPECT(weir_attach(&second, self->scene->channel, WEIR_CONSUMER, 0), WEIR_EBUSY);
    REQUIRE(second == NULL, "expected that a failed attach leaves its output as it was");
}

static void busy_place(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.consumers = 1, .producers = 1});
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct actor same_thread = {.scene = scene};
    start_worker(scene, WEIR_PRODUCER, 0, take_taken);
    join_workers(scene);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    take_taken(&same_thread);
    weir_detach(producer);
    weir_detach(consumer);
}

const struct conformance_case end_cases[] = {
    {"eof", "consumers drain what was sent, then get WEIR_EOF, again and again", PAIRINGS, false, eof},
    {"eof_late", "a consumer that comes after its producer has left gets the messages, then WEIR_EOF", SPANS, false,
     eof_late},
    {"eof_many", "WEIR_EOF comes only after the last of several producers", SPANS, false, eof_many},
    {"eof_wakes", "a blocked consumer is woken by the last goodbye", PAIRINGS, false, eof_wakes},
    {"last_words", "a message sent just before the goodbye reaches a consumer that sleeps", PAIRINGS, false,
     last_words},
    {"epipe", "sending fails with WEIR_EPIPE once no consumer is left", PAIRINGS, false, epipe},
    {"epipe_wakes", "a blocked producer is woken by the last consumer's goodbye", PAIRINGS, false, epipe_wakes},
    {"sigpipe", "SIGPIPE at its default disposition does not kill", SPANS, false, sigpipe},
    {"shutdown_recv", "shutdown wakes a blocked consumer, and every later call fails", PAIRINGS, false, shutdown_recv},
    {"shutdown_send", "shutdown wakes a blocked producer, and every later call fails", PAIRINGS, false, shutdown_send},
    {"shutdown_publish", "commit and flush of a channel that is shut down give WEIR_ECANCELED", SPANS, false,
     shutdown_publish},
    {"epipe_publish", "commit and flush give WEIR_EPIPE once no consumer is left", SPANS, false, epipe_publish},
    {"reattach", "a place whose endpoint has detached may be taken again, and messages flow again", SPANS, false,
     reattach},
    {"heirs", "a consumer goes on exactly where the one before it at its place stopped", SPANS, false, heirs},
    {"busy_place", "a place that is taken gives WEIR_EBUSY", SPANS, true, busy_place},
    {0},
};

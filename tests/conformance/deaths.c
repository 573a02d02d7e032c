/* SPDX-License-Identifier: MIT
 *
 * Cases about sudden death (SIGKILL) on either side: idle, in a blocked call, in mid-stream. The survivor gets all that
 * was committed, whole and in order, and is then told of the death, not of a clean end. How long that took goes to the
 * board; the cases assert a loose second of it, because machines may be busy.
 */
#include "conformance.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BUSY_KILLS = 10, HEIR_MESSAGES = 20 };

static const struct weir_channel_config one_to_one = {0};

/* Drains the channel, in order, until the death of the producer; returns how many came. */
static uint64_t drain_until_death(struct actor *self)
{
    _Alignas(8) static _Thread_local unsigned char buffer[4096];
    for (uint64_t sequence = 0;; sequence++) {
        ssize_t length = weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER);
        if (length < 0) {
            EXPECT(length, WEIR_EPEERDIED);
            note_death();
            EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_NOW), WEIR_EPEERDIED);
            return sequence;
        }
        REQUIRE(length >= 8 && message_sequence(buffer) == sequence,
                "expected message %" PRIu64 ", got one of %zd bytes that says %" PRIu64, sequence, length,
                length >= 8 ? message_sequence(buffer) : 0);
        message_require(HERE, buffer, (size_t)length, 0, sequence);
        atomic_store(&board->received, sequence + 1);
    }
}

/* ---- producers that die ------------------------------------------------------------------------------------ */

static void require_all_committed(struct actor *self, uint64_t received)
{
    unsigned long sent = atomic_load(&board->sent);
    REQUIRE(received <= sent + 1, "expected the %lu messages that were sent, got %" PRIu64, sent, received);
    REQUIRE(received >= sent || is_async(self->scene), "expected the %lu messages that were committed, got %" PRIu64,
            sent, received);
}

static void outlive_producer(struct actor *self)
{
    require_all_committed(self, drain_until_death(self));
}

static void send_and_idle(struct actor *self)
{
    for (uint64_t i = 0; i < 3; i++) {
        SEND(self->endpoint, i, 64);
    }
    atomic_store(&board->sent, 3);
    stay();
}

static void kill_producer_idle(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, send_and_idle, outlive_producer);
    while (atomic_load(&board->received) < 3) {
        nap(MILLISECOND_NS);
    }
    nap(20 * MILLISECOND_NS);
    kill_worker(scene, WEIR_PRODUCER, 0);
}

static void send_and_block(struct actor *self)
{
    EXPECT(send_until_refused(self->endpoint, 4096, WEIR_FOREVER), WEIR_OK); /* never returns: it is killed */
}

static void outlive_late(struct actor *self)
{
    await(1);
    outlive_producer(self);
}

static void kill_producer_blocked(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, send_and_block, outlive_late);
    await_standstill();
    kill_worker(scene, WEIR_PRODUCER, 0);
    reach(1);
}

static void send_stream(struct actor *self)
{
    for (uint64_t i = 0;; i++) {
        SEND(self->endpoint, i, message_length(i, 512));
        atomic_store(&board->sent, i + 1);
    }
}

static void kill_in_midstream(struct scene *scene, enum weir_role victim, void (*produce)(struct actor *self),
                              void (*consume)(struct actor *self))
{
    srand((unsigned)weir_now_ns());
    for (int i = 0; i < BUSY_KILLS; i++) {
        atomic_store(&board->sent, 0);
        atomic_store(&board->received, 0);
        open_channel(scene, &one_to_one);
        start_workers(scene, produce, consume);
        while (atomic_load(&board->received) == 0) {
            nap(MILLISECOND_NS / 10);
        }
        nap(rand() % 4000 * INT64_C(1000));
        kill_worker(scene, victim, 0);
        join_workers(scene);
        close_channel(scene);
    }
}

static void kill_producer_busy(struct scene *scene)
{
    kill_in_midstream(scene, WEIR_PRODUCER, send_stream, outlive_producer);
}

/* ---- consumers that die ------------------------------------------------------------------------------------ */

static void outlive_consumer(struct actor *self)
{
    EXPECT(send_until_refused(self->endpoint, 512, WEIR_FOREVER), WEIR_EPEERDIED);
    note_death();
    EXPECT(send_message(self->endpoint, 0, 8, 0, WEIR_NOW), WEIR_EPEERDIED);
}

static void receive_nothing(struct actor *self)
{
    (void)self;
    reach(1);
    stay();
}

static void kill_consumer_idle(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, outlive_consumer, receive_nothing);
    await(1); /* who dies before it has attached was never there */
    await_standstill();
    kill_worker(scene, WEIR_CONSUMER, 0);
}

static void outlive_blocked_consumer(struct actor *self)
{
    await(2);
    outlive_consumer(self);
}

static void receive_and_block(struct actor *self)
{
    unsigned char byte;
    reach(1);
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_OK); /* never returns: it is killed */
}

static void kill_consumer_blocked(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, outlive_blocked_consumer, receive_and_block);
    await(1);
    nap(20 * MILLISECOND_NS);
    kill_worker(scene, WEIR_CONSUMER, 0);
    reach(2);
}

static void receive_stream(struct actor *self)
{
    for (uint64_t i = 0;; i++) {
        RECV(self->endpoint, i, 512);
        atomic_store(&board->received, i + 1);
    }
}

static void kill_consumer_busy(struct scene *scene)
{
    kill_in_midstream(scene, WEIR_CONSUMER, outlive_consumer, receive_stream);
}

/* ---- a place left by the dead ------------------------------------------------------------------------------ */

static void consume_after_death(struct actor *self)
{
    unsigned char byte;
    for (uint64_t i = 0; i < 3; i++) {
        RECV(self->endpoint, i, 64);
    }
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EPEERDIED);
    reach(1);
    await(2);
    for (uint64_t i = 0; i < 3; i++) {
        RECV(self->endpoint, i, 64);
    }
    atomic_store(&board->received, 3);
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF); /* the heir's goodbye */
}

static void reattach_after_death(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, send_and_idle, consume_after_death);
    while (atomic_load(&board->sent) < 3) {
        nap(MILLISECOND_NS);
    }
    nap(20 * MILLISECOND_NS);
    kill_worker(scene, WEIR_PRODUCER, 0);
    await(1);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    reach(2);
    for (uint64_t i = 0; i < 3; i++) {
        SEND(producer, i, 64);
    }
    weir_detach(producer);
    join_workers(scene);
}

static void receive_one(struct actor *self)
{
    RECV(self->endpoint, 0, message_length(0, 4096));
    atomic_store(&board->received, 1);
    stay();
}

static void heir_of_the_dead(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    if (is_async(scene)) {
        skip("messages may be under way to a consumer that dies");
    }
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    uint64_t count = scene->info.depth < HEIR_MESSAGES ? scene->info.depth : HEIR_MESSAGES;
    for (uint64_t i = 0; i < count; i++) {
        SEND(producer, i, message_length(i, 4096));
    }
    start_worker(scene, WEIR_CONSUMER, 0, receive_one);
    while (atomic_load(&board->received) == 0) {
        nap(MILLISECOND_NS);
    }
    kill_worker(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *heir = attach(scene, WEIR_CONSUMER, 0);
    for (uint64_t i = 1; i < count; i++) {
        RECV(heir, i, message_length(i, 4096));
    }
    weir_detach(heir);
    weir_detach(producer);
}

const struct conformance_case death_cases[] = {
    {"kill_producer_idle", "a blocked consumer is told of the death of an idle producer", MORTAL_PRODUCER, false,
     kill_producer_idle},
    {"kill_producer_blocked", "what a producer committed before it died in a full channel arrives first",
     MORTAL_PRODUCER, false, kill_producer_blocked},
    {"kill_producer_busy", "a producer that dies in mid-stream leaves only whole messages, in order", MORTAL_PRODUCER,
     false, kill_producer_busy},
    {"kill_consumer_idle", "a blocked producer is told of the death of an idle consumer", MORTAL_CONSUMER, false,
     kill_consumer_idle},
    {"kill_consumer_blocked", "a producer is told of a consumer that died while it waited", MORTAL_CONSUMER, false,
     kill_consumer_blocked},
    {"kill_consumer_busy", "a producer is told of a consumer that dies in mid-stream", MORTAL_CONSUMER, false,
     kill_consumer_busy},
    {"reattach_after_death",
     "the place of a dead producer may be taken again: messages flow, and its goodbye is an end", PROCESSES, false,
     reattach_after_death},
    {"heir_of_the_dead", "a consumer goes on exactly where the dead one at its place stopped", PROCESSES, false,
     heir_of_the_dead},
    {0},
};

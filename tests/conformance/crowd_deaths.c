/* SPDX-License-Identifier: MIT
 *
 * Cases about the sudden death of one worker among several on its side, or of two: told once each, and the others go
 * on.
 */
#include "conformance.h"

#include <inttypes.h>

enum { VICTIM_MESSAGES = 50, OTHER_MESSAGES = 200 };

/* ---- producers ---------------------------------------------------------------------------------------------- */

static void send_half_then_rest(struct actor *self)
{
    unsigned char buffer[64];
    for (uint64_t i = 0; i < OTHER_MESSAGES; i++) {
        if (i == VICTIM_MESSAGES) {
            atomic_fetch_add(&board->sent, 1);
            if (self->index == 1) {
                stay();
            }
            await(2);
        }
        message_fill(buffer, sizeof buffer, self->index, i);
        EXPECT(weir_send(self->endpoint, buffer, sizeof buffer, 0, WEIR_FOREVER), WEIR_OK);
    }
}

static void outlive_one_producer(struct actor *self)
{
    unsigned char buffer[4096];
    uint64_t next[3] = {0};
    int deaths = 0;
    for (;;) {
        ssize_t length = weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER);
        if (length == WEIR_EPEERDIED && deaths++ == 0) {
            note_death();
            REQUIRE(next[1] == VICTIM_MESSAGES || is_async(self->scene),
                    "expected the %d messages of the dead first, got %" PRIu64, VICTIM_MESSAGES, next[1]);
            reach(2);
            continue;
        }
        if (length == WEIR_EPEERDIED) {
            break; /* the end, and it is not a clean one */
        }
        EXPECT(length, 64);
        uint32_t producer = message_producer(buffer);
        REQUIRE(producer < 3, "expected a message of producers 0 to 2, got one of %" PRIu32, producer);
        message_require(HERE, buffer, sizeof buffer / 64, producer, next[producer]);
        message_require(HERE, buffer, 64, producer, next[producer]);
        next[producer]++;
    }
    EXPECT(next[0], OTHER_MESSAGES);
    EXPECT(next[2], OTHER_MESSAGES);
}

static void kill_one_of_many(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.producers = 3, .depth = 4 * OTHER_MESSAGES});
    start_workers(scene, send_half_then_rest, outlive_one_producer);
    while (atomic_load(&board->sent) < 3) {
        nap(MILLISECOND_NS);
    }
    kill_worker(scene, WEIR_PRODUCER, 1);
}

static void send_own_and_stay(struct actor *self)
{
    unsigned char buffer[64];
    message_fill(buffer, sizeof buffer, self->index, 0);
    EXPECT(weir_send(self->endpoint, buffer, sizeof buffer, 0, WEIR_FOREVER), WEIR_OK);
    atomic_fetch_add(&board->sent, 1);
    if (self->index < 2) {
        stay();
    }
    await(2);
    EXPECT(weir_send(self->endpoint, buffer, sizeof buffer, 0, WEIR_FOREVER), WEIR_OK);
}

/* Looks only when both are dead: each death is still news of its own, and the survivor's messages come. */
static void outlive_two_producers(struct actor *self)
{
    unsigned char buffer[4096];
    int messages = 0;
    int deaths = 0;
    await(1);
    while (deaths < 2) {
        ssize_t result = weir_recv(self->endpoint, buffer, sizeof buffer, weir_now_ns() + SOON_S * SECOND_NS);
        REQUIRE(result == 64 || result == WEIR_EPEERDIED, "expected a message or WEIR_EPEERDIED, got %zd", result);
        messages += result == 64;
        deaths += result == WEIR_EPEERDIED;
    }
    note_death();
    ssize_t result;
    while ((result = weir_recv(self->endpoint, buffer, sizeof buffer, weir_now_ns() + 100 * MILLISECOND_NS)) == 64)
        messages++; /* the survivor's, if it travels by itself */
    EXPECT(result, WEIR_ETIMEDOUT);
    REQUIRE(messages == 3 || (messages < 3 && is_async(self->scene)),
            "expected the 3 messages sent before the deaths, got %d", messages);
    reach(2);
    EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER), 64);
    EXPECT(message_producer(buffer), 2);
    EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER), WEIR_EPEERDIED); /* not a clean end */
}

static void kill_two_at_once(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.producers = 3});
    need_depth(scene, 3);
    start_workers(scene, send_own_and_stay, outlive_two_producers);
    while (atomic_load(&board->sent) < 3) {
        nap(MILLISECOND_NS);
    }
    nap(20 * MILLISECOND_NS); /* what travels by itself has arrived */
    kill_worker(scene, WEIR_PRODUCER, 0);
    kill_worker(scene, WEIR_PRODUCER, 1);
    reach(1);
}

/* ---- consumers ---------------------------------------------------------------------------------------------- */

/* Sends until it is told of the death, which must happen soon and once; then a known number more. */
static void outlive_one_consumer(struct actor *self)
{
    uint64_t sequence = 0;
    int result = WEIR_OK;
    while (result == WEIR_OK) {
        result = send_message(self->endpoint, sequence++, 64, 0, WEIR_FOREVER);
        atomic_store(&board->sent, sequence);
        if (atomic_load(&board->stage) >= 1) {
            require_soon(HERE, SOON_S * SECOND_NS);
        }
    }
    EXPECT(result, WEIR_EPEERDIED);
    note_death();
    for (int i = 0; i < OTHER_MESSAGES; i++) {
        SEND(self->endpoint, sequence, 64);
        sequence++;
    }
    atomic_store(&board->sent, sequence);
}

static void receive_or_idle(struct actor *self)
{
    unsigned char buffer[4096];
    uint64_t next = 0;
    ssize_t length;
    if (self->index == 0) {
        EXPECT(weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER), 64);
        atomic_store(&board->received, 1);
        stay();
    }
    while ((length = weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER)) >= 0) {
        uint64_t sequence = message_sequence(buffer);
        REQUIRE(sequence >= next, "expected message %" PRIu64 " or later, got %" PRIu64, next, sequence);
        message_require(HERE, buffer, (size_t)length, 0, sequence);
        next = sequence + 1;
    }
    EXPECT(length, WEIR_EOF);
    unsigned long sent = atomic_load(&board->sent);
    REQUIRE(next == sent || is_async(self->scene), "expected the survivor to get the last message, %lu, got %" PRIu64,
            sent - 1, next - 1);
}

static void kill_one_consumer_of_many(struct scene *scene)
{
    open_channel(scene, &(struct weir_channel_config){.consumers = 2});
    start_workers(scene, outlive_one_consumer, receive_or_idle);
    while (atomic_load(&board->received) == 0) {
        nap(MILLISECOND_NS);
    }
    kill_worker(scene, WEIR_CONSUMER, 0);
    reach(1);
}

const struct conformance_case crowd_death_cases[] = {
    {"kill_one_of_many", "one of three producers dies: told once, the others go on, the end is not clean",
     MORTAL_PRODUCER, false, kill_one_of_many},
    {"kill_two_at_once", "two of three producers die before anybody looks: told twice, the third one goes on",
     MORTAL_PRODUCER, false, kill_two_at_once},
    {"kill_one_consumer_of_many", "one of two consumers dies: producers are told once, the other one goes on",
     MORTAL_CONSUMER, false, kill_one_consumer_of_many},
    {0},
};

/* SPDX-License-Identifier: MIT
 *
 * Cases with several producers and consumers: every message arrives exactly once, at one consumer, and each consumer
 * sees each producer's messages in order.
 */
#include "conformance.h"

#include <inttypes.h>

enum { EACH = 4000, BYTES = 48 };

static void produce_numbered(struct actor *self)
{
    unsigned char buffer[BYTES];
    for (uint64_t i = 0; i < EACH; i++) {
        message_fill(buffer, sizeof buffer, self->index, i);
        EXPECT(weir_send(self->endpoint, buffer, sizeof buffer, 0, WEIR_FOREVER), WEIR_OK);
    }
}

static void tick_off(uint32_t producer, uint64_t sequence)
{
    REQUIRE(producer < MAX_PRODUCERS && sequence < EACH,
            "expected a message that was sent, got %" PRIu64 " of %" PRIu32, sequence, producer);
    REQUIRE(atomic_exchange(&board->seen[producer][sequence], 1) == 0,
            "expected message %" PRIu64 " of producer %" PRIu32 " once, got it again", sequence, producer);
}

static void consume_numbered(struct actor *self)
{
    unsigned char buffer[BYTES];
    uint64_t next[MAX_PRODUCERS] = {0};
    ssize_t length;
    while ((length = weir_recv(self->endpoint, buffer, sizeof buffer, WEIR_FOREVER)) >= 0) {
        EXPECT(length, BYTES);
        uint32_t producer = message_producer(buffer);
        uint64_t sequence = message_sequence(buffer);
        tick_off(producer, sequence);
        message_require(HERE, buffer, sizeof buffer, producer, sequence);
        REQUIRE(sequence >= next[producer],
                "expected message %" PRIu64 " of producer %" PRIu32 " or a later one, got %" PRIu64, next[producer],
                producer, sequence);
        next[producer] = sequence + 1;
    }
    EXPECT(length, WEIR_EOF);
}

static void scale(struct scene *scene, uint32_t producers, uint32_t consumers)
{
    open_channel(scene, &(struct weir_channel_config){
                            .producers = producers, .consumers = consumers, .max_message_bytes = BYTES});
    start_workers(scene, produce_numbered, consume_numbered);
    join_workers(scene);
    for (uint32_t producer = 0; producer < producers; producer++) {
        for (unsigned sequence = 0; sequence < EACH; sequence++) {
            REQUIRE(board->seen[producer][sequence],
                    "expected every message, message %u of producer %" PRIu32 " never came", sequence, producer);
        }
    }
}

static void scaling_4x1(struct scene *scene)
{
    scale(scene, 4, 1);
}

static void scaling_1x4(struct scene *scene)
{
    scale(scene, 1, 4);
}

static void scaling_2x2(struct scene *scene)
{
    scale(scene, 2, 2);
}

static void scaling_3x2(struct scene *scene)
{
    scale(scene, 3, 2);
}

const struct conformance_case scaling_cases[] = {
    {"scaling_4x1", "four producers, one consumer: every message exactly once, in order", SPANS, false, scaling_4x1},
    {"scaling_1x4", "one producer, four consumers: every message exactly once, in order", SPANS, false, scaling_1x4},
    {"scaling_2x2", "two producers, two consumers: every message exactly once, in order", SPANS, false, scaling_2x2},
    {"scaling_3x2", "three producers, two consumers: every message exactly once, in order", SPANS, false, scaling_3x2},
    {0},
};

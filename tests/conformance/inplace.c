/* SPDX-License-Identifier: MIT
 *
 * Cases about the in-place forms (reserve, commit, abort; peek, release) and about messages that travel together.
 */
#include "conformance.h"

enum { STREAMED = 2000 };

static const struct weir_channel_config one_to_one = {.max_message_bytes = 512};

static void send_in_place(struct weir_endpoint *producer, uint64_t sequence, size_t reserved, size_t length)
{
    void *place = NULL;
    EXPECT(weir_reserve(producer, reserved, &place, WEIR_FOREVER), WEIR_OK);
    message_fill(place, length, 0, sequence);
    EXPECT(weir_commit(producer, length, 0, WEIR_FOREVER), WEIR_OK);
}

static void inplace_send(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    need_depth(scene, 3);
    unsigned char byte;
    void *place = NULL;
    void *other = NULL;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    send_in_place(producer, 0, 100, 100);
    send_in_place(producer, 1, 100, 30);
    send_in_place(producer, 2, 100, 0);
    RECV(consumer, 0, 100);
    RECV(consumer, 1, 30);
    RECV(consumer, 2, 0);

    EXPECT(weir_reserve(producer, 100, &place, WEIR_FOREVER), WEIR_OK);
    EXPECT(weir_reserve(producer, 100, &other, WEIR_FOREVER), WEIR_EINVAL);
    REQUIRE(other == NULL, "expected that a failed reserve leaves its output as it was");
    EXPECT(weir_commit(producer, 101, 0, WEIR_FOREVER), WEIR_EINVAL);
    message_fill(place, 100, 0, 3);
    EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_NOW), WEIR_EAGAIN);
    EXPECT(weir_abort(producer), WEIR_OK);
    EXPECT(weir_abort(producer), WEIR_EINVAL);
    EXPECT(weir_commit(producer, 0, 0, WEIR_FOREVER), WEIR_EINVAL);
    EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_NOW), WEIR_EAGAIN);
    EXPECT(weir_reserve(producer, 513, &place, WEIR_FOREVER), WEIR_EMSGSIZE);
    send_in_place(producer, 4, 512, 512);
    RECV(consumer, 4, 512);

    EXPECT(weir_reserve(producer, 10, &place, WEIR_FOREVER), WEIR_OK);
    weir_detach(producer); /* gives the reservation back */
    EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    weir_detach(consumer);
}

/* The next message must be this one, where it lies. */
static const void *peek_message(struct weir_endpoint *consumer, uint64_t sequence, size_t length)
{
    const void *shown = NULL;
    EXPECT(weir_peek(consumer, &shown, WEIR_FOREVER), length);
    message_require(HERE, shown, length, 0, sequence);
    return shown;
}

static uint64_t peek_sequence(struct weir_endpoint *consumer)
{
    const void *shown = NULL;
    EXPECT(weir_peek(consumer, &shown, WEIR_FOREVER) >= 8, true);
    return message_sequence(shown);
}

static void inplace_recv(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    need_depth(scene, 5);
    const void *shown = NULL;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    EXPECT(weir_release(consumer), WEIR_EINVAL);
    EXPECT(weir_peek(consumer, &shown, WEIR_NOW), WEIR_EAGAIN);
    for (uint64_t i = 0; i < 5; i++) {
        SEND(producer, i, 20 + i);
    }
    const void *first = peek_message(consumer, 0, 20);
    REQUIRE(peek_message(consumer, 0, 20) == first, "expected the second peek to show the same place");
    EXPECT(weir_release(consumer), WEIR_OK);
    EXPECT(weir_release(consumer), WEIR_EINVAL);
    RECV(consumer, 1, 21);
    peek_message(consumer, 2, 22);
    RECV(consumer, 2, 22); /* it stays the next message until it is taken off */
    peek_message(consumer, 3, 23);
    weir_detach(consumer); /* releases what was peeked */
    consumer = attach(scene, WEIR_CONSUMER, 0);
    SEND(producer, 5, 25);
    if (!is_async(scene) || peek_sequence(consumer) == 4) { /* else it may have left with the first consumer */
        RECV(consumer, 4, 24);
    }
    RECV(consumer, 5, 25);
    weir_detach(producer);
    weir_detach(consumer);
}

static void produce_in_place(struct actor *self)
{
    for (uint64_t i = 0; i < STREAMED; i++) {
        size_t length = message_length(i, 512);
        send_in_place(self->endpoint, i, i % 2 == 0 ? length : 512, length);
    }
}

static void consume_in_place(struct actor *self)
{
    for (uint64_t i = 0; i < STREAMED; i++) {
        peek_message(self->endpoint, i, message_length(i, 512));
        EXPECT(weir_release(self->endpoint), WEIR_OK);
    }
}

static void inplace_stream(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, produce_in_place, consume_in_place);
}

/* ---- messages that travel together ------------------------------------------------------------------------- */

static void send_more(struct weir_endpoint *producer, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        EXPECT(send_message(producer, i, 32, WEIR_MORE, WEIR_FOREVER), WEIR_OK);
    }
}

static void recv_more(struct weir_endpoint *consumer, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        RECV(consumer, i, 32);
    }
}

static void more(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    need_depth(scene, 5);
    unsigned char byte;
    void *place = NULL;
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    EXPECT(weir_flush(producer, WEIR_NOW), WEIR_OK); /* nothing to publish */
    send_more(producer, 0, 5);
    EXPECT(weir_flush(producer, WEIR_FOREVER), WEIR_OK);
    recv_more(consumer, 0, 5);

    send_more(producer, 5, 3); /* a send without the flag publishes them */
    SEND(producer, 8, 32);
    recv_more(consumer, 5, 4);

    EXPECT(weir_reserve(producer, 32, &place, WEIR_FOREVER), WEIR_OK);
    message_fill(place, 32, 0, 9);
    EXPECT(weir_commit(producer, 32, WEIR_MORE, WEIR_FOREVER), WEIR_OK);
    send_more(producer, 10, 2); /* so does a goodbye */
    weir_detach(producer);
    recv_more(consumer, 9, 3);
    EXPECT(weir_recv(consumer, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    weir_detach(consumer);
}

static void produce_more(struct actor *self)
{
    send_more(self->endpoint, 0, STREAMED);
    EXPECT(weir_flush(self->endpoint, WEIR_FOREVER), WEIR_OK);
    reach(1);
    await(2);
}

static void consume_more(struct actor *self)
{
    nap(20 * MILLISECOND_NS); /* the sender meets a full channel, with messages kept back */
    recv_more(self->endpoint, 0, STREAMED);
    await(1);
    reach(2);
}

static void more_full(struct scene *scene)
{
    open_channel(scene, &one_to_one);
    start_workers(scene, produce_more, consume_more);
}

const struct conformance_case inplace_cases[] = {
    {"inplace_send", "reserve, commit and abort, in and out of order", SPANS, false, inplace_send},
    {"inplace_recv", "peek and release, in and out of order", SPANS, false, inplace_recv},
    {"inplace_stream", "2000 messages written and read in place arrive whole and in order", PAIRINGS, false,
     inplace_stream},
    {"more", "messages sent with WEIR_MORE arrive after a flush, a plain send or a goodbye", SPANS, false, more},
    {"more_full", "a sender of WEIR_MORE alone that meets a full channel makes progress", PAIRINGS, false, more_full},
    {0},
};

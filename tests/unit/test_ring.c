/* SPDX-License-Identifier: MIT
 *
 * The ring by itself, in one thread: order and contents against a plain model, room exactly as promised, and damage by
 * the other side, which must be found and never followed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../channels/ring.h"

enum { CAPACITY = 4096, LONGEST = 1000 };

/* A line more than may be in flight, for the header to come. */
static const struct weir_ring_geometry geometry = {.capacity = CAPACITY + 64, .limit = CAPACITY, .lag = 0};

struct pair {
    struct weir_ring_words *ring;
    struct weir_ring_producer producer;
    struct weir_ring_consumer consumer;
};

static struct pair make_pair_of(const struct weir_ring_geometry *form)
{
    struct pair pair;
    size_t bytes = (weir_ring_bytes(form) + 4095) / 4096 * 4096;
    pair.ring = aligned_alloc(4096, bytes);
    assert_non_null(pair.ring);
    memset(pair.ring, 0, bytes);
    weir_ring_producer_init(&pair.producer, pair.ring, form);
    weir_ring_consumer_init(&pair.consumer, pair.ring, form, LONGEST);
    return pair;
}

static struct pair make_pair(void)
{
    return make_pair_of(&geometry);
}

static int put(struct pair *pair, unsigned char value, size_t length)
{
    void *body;
    int result = weir_ring_reserve(&pair->producer, length, &body);
    if (result == 0) {
        memset(body, value, length);
        weir_ring_commit(&pair->producer, length);
    }
    return result;
}

static ssize_t take(struct pair *pair, unsigned char *ret_value)
{
    const void *body;
    ssize_t length = weir_ring_peek(&pair->consumer, &body);
    if (length >= 0) {
        const unsigned char *bytes = body;
        *ret_value = length > 0 ? bytes[0] : 0;
        for (ssize_t i = 0; i < length; i++)
            assert_int_equal(bytes[i], *ret_value);
        weir_ring_release(&pair->consumer);
    }
    return length;
}

/* Fills a reservation with what would be a header wherever one may come to lie. */
static void spoil(struct pair *pair, size_t length, size_t sent)
{
    void *body;
    if (weir_ring_reserve(&pair->producer, length, &body) != 0)
        return;
    const uint64_t header = 9;
    for (size_t at = 0; at + sizeof header <= length; at += sizeof header)
        memcpy((unsigned char *)body + at, &header, sizeof header);
    if (sent == 0)
        weir_ring_abort(&pair->producer);
    else
        weir_ring_commit(&pair->producer, sent - 1);
}

/* Random lengths, random turns, now and then a successor: what comes out is what went in, in order, many times round
 * the ring. */
static void agree_with_a_queue(const struct weir_ring_geometry *form, size_t longest)
{
    enum { MOST = 4096 };
    struct pair pair = make_pair_of(form);
    static size_t lengths[MOST];
    static unsigned char values[MOST];
    size_t first = 0, count = 0;
    unsigned char next = 0;
    srand(7);
    for (int step = 0; step < 400000; step++) {
        size_t length = (size_t)rand() % (longest + 1);
        int choice = rand() % 100;
        if (choice < 3)
            spoil(&pair, length, 0);
        else if (choice == 3)
            weir_ring_producer_init(&pair.producer, pair.ring, form);
        else if (choice == 4)
            weir_ring_consumer_init(&pair.consumer, pair.ring, form, LONGEST);
        else if (choice < 55 && put(&pair, ++next, length) == 0) {
            size_t last = (first + count++) % MOST;
            lengths[last] = length;
            values[last] = next;
            assert_true(count <= form->limit / 64);
        } else if (choice >= 55) {
            unsigned char value;
            ssize_t got = take(&pair, &value);
            assert_int_equal(got, count > 0 ? (ssize_t)lengths[first] : WEIR_EAGAIN);
            if (count > 0) {
                assert_true(got == 0 || value == values[first]);
                first = (first + 1) % MOST;
                count--;
            }
        }
    }
    free(pair.ring);
}

static void agrees_with_a_queue(void **state)
{
    (void)state;
    const struct weir_ring_geometry deep = weir_ring_plan(40, LONGEST, 4096, 1),
                                    shallow = weir_ring_plan(1, LONGEST, 4096, 1),
                                    among_many = weir_ring_plan(400, LONGEST, 4096, 16);
    agree_with_a_queue(&geometry, LONGEST);
    agree_with_a_queue(&geometry, 100);
    agree_with_a_queue(&deep, LONGEST);
    agree_with_a_queue(&deep, 200);
    agree_with_a_queue(&shallow, LONGEST);
    agree_with_a_queue(&among_many, LONGEST);
}

/* A ring alone goes round in more than it has in flight; many together need not. */
static void many_rings_take_no_more_than_they_need(void **state)
{
    (void)state;
    const struct weir_ring_geometry alone = weir_ring_plan(300, 64, 4096, 1), many = weir_ring_plan(300, 64, 4096, 16);
    assert_int_equal(alone.capacity, RING_LEAST_BYTES);
    assert_int_equal(alone.limit, many.limit);
    assert_true(many.capacity > many.limit);
    assert_true(many.capacity < alone.capacity / 4);
    assert_int_equal(many.capacity % RING_LINE, 0);
}

/* More was written in place than was sent: what lies behind is no message. */
static void what_was_not_sent_is_no_message(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    unsigned char value;
    for (int round = 0; round < 100; round++) {
        spoil(&pair, LONGEST, 0);
        assert_int_equal(put(&pair, 5, (size_t)round), 0);
        spoil(&pair, LONGEST, 1 + 16);
        const void *body;
        assert_int_equal(take(&pair, &value), round);
        assert_int_equal(weir_ring_peek(&pair.consumer, &body), 16);
        weir_ring_release(&pair.consumer);
        assert_int_equal(take(&pair, &value), WEIR_EAGAIN);
    }
    free(pair.ring);
}

/* Long bodies lie elsewhere in their records than short ones: whoever reserves for a long one and sends a short one is
 * understood all the same, in the place of the first record and of the last, behind which a filler comes. */
static void a_long_reservation_may_become_a_short_message(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    for (size_t round = 0; round < 1000; round++) {
        const size_t length = round * 37 % (LONGEST + 1);
        const void *shown = NULL;
        void *body = NULL;
        assert_int_equal(weir_ring_reserve(&pair.producer, LONGEST, &body), 0);
        assert_int_equal((uintptr_t)body % 64, 0);
        for (size_t i = 0; i < LONGEST; i++)
            ((unsigned char *)body)[i] = (unsigned char)(i * 7 + round);
        weir_ring_commit(&pair.producer, length);
        assert_int_equal(weir_ring_peek(&pair.consumer, &shown), length);
        for (size_t i = 0; i < length; i++)
            assert_int_equal(((const unsigned char *)shown)[i], (unsigned char)(i * 7 + round));
        weir_ring_release(&pair.consumer);
    }
    free(pair.ring);
}

/* Messages of 56 bytes take one line: exactly so many fit, again and again. */
static void holds_what_it_says(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    for (int round = 0; round < 3; round++) {
        unsigned char value;
        for (int i = 0; i < CAPACITY / 64; i++)
            assert_int_equal(put(&pair, 1, 56), 0);
        assert_int_equal(put(&pair, 1, 56), WEIR_EAGAIN);
        assert_int_equal(take(&pair, &value), 56);
        assert_int_equal(put(&pair, 1, 56), 0);
        for (int i = 0; i < CAPACITY / 64; i++)
            assert_int_equal(take(&pair, &value), 56);
        assert_int_equal(take(&pair, &value), WEIR_EAGAIN);
    }
    free(pair.ring);
}

static void an_end_that_takes_over_goes_on(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    unsigned char value;
    put(&pair, 1, 10);
    put(&pair, 2, 20);
    assert_int_equal(take(&pair, &value), 10);
    weir_ring_producer_init(&pair.producer, pair.ring, &geometry);
    weir_ring_consumer_init(&pair.consumer, pair.ring, &geometry, LONGEST);
    put(&pair, 3, 30);
    assert_int_equal(take(&pair, &value), 20);
    assert_int_equal(take(&pair, &value), 30);
    assert_int_equal(value, 3);
    free(pair.ring);
}

/* Whoever dies between the two publications of a message has sent it: its successor goes on behind it. */
static void a_message_published_once_is_sent(void **state)
{
    (void)state;
    for (int fillers = 0; fillers < 2; fillers++) {
        struct pair pair = make_pair();
        unsigned char value;
        for (int i = 0; fillers && i < 4; i++) { /* up to where the next does not fit any more */
            put(&pair, 1, 950);
            assert_int_equal(take(&pair, &value), 950);
        }
        put(&pair, 2, 500);
        uint64_t before = atomic_load(&pair.ring->tail);
        put(&pair, 3, 500);
        atomic_store(&pair.ring->tail, before);
        weir_ring_producer_init(&pair.producer, pair.ring, &geometry);
        put(&pair, 4, 100);
        for (unsigned char expected = 2; expected <= 4; expected++) {
            assert_int_equal(take(&pair, &value), expected == 4 ? 100 : 500);
            assert_int_equal(value, expected);
        }
        assert_int_equal(take(&pair, &value), WEIR_EAGAIN);
        free(pair.ring);
    }
}

/* ---- the other side is hostile --------------------------------------------------------------------------------- */

/* The consumer looks at the tail once two messages have come in a row: here after the first. */
static struct pair make_busy_pair(void)
{
    struct pair pair = make_pair();
    unsigned char value;
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(&pair, 1, 56), 0);
    assert_int_equal(take(&pair, &value), 56);
    return pair;
}

static void a_wild_tail_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {1, 63, CAPACITY + 192, UINT64_MAX, UINT64_MAX - 63 - 2 * CAPACITY, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_busy_pair();
        unsigned char value;
        atomic_store(&pair.ring->tail, wild[i]);
        assert_int_equal(take(&pair, &value), WEIR_ECORRUPT);
        free(pair.ring);
    }
}

/* It may be behind the headers, and is then of no use. */
static void a_tail_that_goes_back_is_not_followed(void **state)
{
    (void)state;
    struct pair pair = make_busy_pair();
    unsigned char value;
    atomic_store(&pair.ring->tail, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(&pair, &value), 56);
    assert_int_equal(take(&pair, &value), WEIR_EAGAIN);
    free(pair.ring);
}

static void a_wild_length_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {LONGEST + 2, CAPACITY, UINT64_MAX - 1, UINT64_MAX, (uint64_t)1 << 32};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        unsigned char value;
        put(&pair, 1, 56);
        memcpy(pair.ring->records, &wild[i], sizeof wild[i]);
        assert_int_equal(take(&pair, &value), WEIR_ECORRUPT);
        free(pair.ring);
    }
}

static void a_length_past_the_tail_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {3 * 64 + 57 + 1, 0, 57 + 1};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_busy_pair();
        unsigned char value;
        assert_int_equal(take(&pair, &value), 56); /* reads the tail: two more are known to be there */
        if (i == 2)
            assert_int_equal(take(&pair, &value), 56); /* one more: 57 bytes already reach past it */
        memcpy(pair.ring->records + (i == 2 ? 3 : 2) * 64, &wild[i], sizeof wild[i]);
        assert_int_equal(take(&pair, &value), WEIR_ECORRUPT);
        free(pair.ring);
    }
}

static void a_wild_head_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {UINT64_MAX, CAPACITY + 1, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        while (put(&pair, 1, 56) == 0)
            ;
        atomic_store(&pair.ring->head, wild[i]);
        assert_int_equal(put(&pair, 1, 56), WEIR_ECORRUPT);
        free(pair.ring);
    }
}

/* Anything at all in the shared words and records: an answer, and no access outside (the sanitizers watch). */
static void noise_is_survived(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 2000; round++) {
        struct pair pair = make_pair();
        unsigned char *bytes = pair.ring->records;
        for (int i = 0; i < CAPACITY; i++)
            bytes[i] = (unsigned char)(rand() % 3 ? 0 : rand());
        atomic_store(&pair.ring->tail, (uint64_t)(rand() % 80) * 64);
        const void *body;
        for (int i = 0; i < 100 && weir_ring_peek(&pair.consumer, &body) >= 0; i++) {
            const unsigned char *at = body;
            assert_true(at >= bytes && at + LONGEST <= bytes + CAPACITY + LONGEST);
            weir_ring_release(&pair.consumer);
        }
        free(pair.ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_queue),
        cmocka_unit_test(many_rings_take_no_more_than_they_need),
        cmocka_unit_test(what_was_not_sent_is_no_message),
        cmocka_unit_test(a_long_reservation_may_become_a_short_message),
        cmocka_unit_test(holds_what_it_says),
        cmocka_unit_test(an_end_that_takes_over_goes_on),
        cmocka_unit_test(a_message_published_once_is_sent),
        cmocka_unit_test(a_wild_tail_is_found),
        cmocka_unit_test(a_tail_that_goes_back_is_not_followed),
        cmocka_unit_test(a_wild_length_is_found),
        cmocka_unit_test(a_length_past_the_tail_is_found),
        cmocka_unit_test(a_wild_head_is_found),
        cmocka_unit_test(noise_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

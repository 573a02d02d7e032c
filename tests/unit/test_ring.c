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

struct pair {
    struct weir_ring_words *ring;
    struct weir_ring_producer producer;
    struct weir_ring_consumer consumer;
};

static struct pair make_pair(void)
{
    struct pair pair;
    size_t bytes = weir_ring_bytes(CAPACITY);
    pair.ring = aligned_alloc(4096, bytes);
    assert_non_null(pair.ring);
    memset(pair.ring, 0, bytes);
    weir_ring_producer_init(&pair.producer, pair.ring, CAPACITY, CAPACITY);
    weir_ring_consumer_init(&pair.consumer, pair.ring, CAPACITY, LONGEST);
    return pair;
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

/* Random lengths, random turns: what comes out is what went in, in order, many times round the ring. */
static void agrees_with_a_queue(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    size_t lengths[CAPACITY / 64], first = 0, count = 0;
    unsigned char values[CAPACITY / 64], next = 0;
    srand(7);
    for (int step = 0; step < 200000; step++) {
        size_t length = (size_t)rand() % (LONGEST + 1);
        if (rand() % 2 && put(&pair, ++next, length) == 0) {
            size_t last = (first + count++) % (CAPACITY / 64);
            lengths[last] = length;
            values[last] = next;
            assert_true(count <= CAPACITY / 64);
        } else if (rand() % 2) {
            unsigned char value;
            ssize_t got = take(&pair, &value);
            assert_int_equal(got, count > 0 ? (ssize_t)lengths[first] : WEIR_EAGAIN);
            if (count > 0) {
                assert_true(got == 0 || value == values[first]);
                first = (first + 1) % (CAPACITY / 64);
                count--;
            }
        }
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
    weir_ring_producer_init(&pair.producer, pair.ring, CAPACITY, CAPACITY);
    weir_ring_consumer_init(&pair.consumer, pair.ring, CAPACITY, LONGEST);
    put(&pair, 3, 30);
    assert_int_equal(take(&pair, &value), 20);
    assert_int_equal(take(&pair, &value), 30);
    assert_int_equal(value, 3);
    free(pair.ring);
}

/* ---- the other side is hostile --------------------------------------------------------------------------------- */

static void a_wild_tail_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {1, 63, CAPACITY + 64, UINT64_MAX, UINT64_MAX - 63, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        unsigned char value;
        atomic_store(&pair.ring->tail, wild[i]);
        assert_int_equal(take(&pair, &value), WEIR_ECORRUPT);
        free(pair.ring);
    }
}

static void a_tail_that_goes_back_is_found(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    unsigned char value;
    put(&pair, 1, 10);
    put(&pair, 2, 10);
    assert_int_equal(take(&pair, &value), 10);
    assert_int_equal(take(&pair, &value), 10);
    atomic_store(&pair.ring->tail, 64);
    assert_int_equal(take(&pair, &value), WEIR_ECORRUPT);
    free(pair.ring);
}

static void a_wild_length_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {LONGEST + 1, 57, CAPACITY, UINT64_MAX - 1, UINT64_MAX, (uint64_t)1 << 32};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        unsigned char value;
        put(&pair, 1, 56); /* one line, so that 57 already reaches past the tail */
        memcpy(pair.ring->records, &wild[i], sizeof wild[i]);
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
        cmocka_unit_test(holds_what_it_says),
        cmocka_unit_test(an_end_that_takes_over_goes_on),
        cmocka_unit_test(a_wild_tail_is_found),
        cmocka_unit_test(a_tail_that_goes_back_is_found),
        cmocka_unit_test(a_wild_length_is_found),
        cmocka_unit_test(a_wild_head_is_found),
        cmocka_unit_test(noise_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

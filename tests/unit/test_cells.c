/* SPDX-License-Identifier: MIT
 *
 * The cells by themselves, in one thread: order, room, what becomes of a cell whose consumer has gone, and words that
 * the other side has damaged, which must be found and never followed for long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../channels/cells.h"

enum { COUNT = 8, LONGEST = 100 };

struct pair {
    struct weir_cells producer, consumer;
};

static struct pair make_pair(void)
{
    struct weir_cells cells = {.count = COUNT, .stride = weir_cell_stride(LONGEST), .max_message_bytes = LONGEST};
    size_t bytes = weir_cells_bytes(COUNT, cells.stride);
    cells.words = aligned_alloc(4096, bytes);
    assert_non_null(cells.words);
    memset(cells.words, 0, bytes);
    weir_cells_format(&cells);
    return (struct pair){cells, cells};
}

static int put(struct pair *pair, size_t length)
{
    void *body;
    int result = weir_cells_reserve(&pair->producer, NULL, &body);
    if (result == 0) {
        memset(body, (int)length, length);
        weir_cells_commit(&pair->producer, length);
    }
    return result;
}

static ssize_t look(struct pair *pair, uint32_t consumer)
{
    const void *body;
    return weir_cells_peek(&pair->consumer, consumer, &body);
}

static ssize_t take(struct pair *pair)
{
    ssize_t length = look(pair, 0);
    if (length >= 0)
        weir_cells_release(&pair->consumer);
    return length;
}

static void holds_what_it_says_in_order(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(put(&pair, i), 0);
        assert_int_equal(put(&pair, 1), WEIR_EAGAIN);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(take(&pair), i);
        assert_int_equal(take(&pair), WEIR_EAGAIN);
    }
    free(pair.producer.words);
}

/* What a consumer had taken dies with it; its heir frees the cell, and the lane goes on. */
static void an_heir_frees_what_the_dead_had_taken(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(put(&pair, i), 0);
    assert_int_equal(look(&pair, 3), 0); /* and never released */
    for (size_t i = 1; i < COUNT; i++)
        assert_int_equal(take(&pair), i);
    weir_cells_resume_consumer(&pair.consumer, 3);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(put(&pair, i), 0);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(take(&pair), i);
    free(pair.producer.words);
}

/* ---- the other side is hostile --------------------------------------------------------------------------------- */

static void a_wild_length_is_found(void **state)
{
    (void)state;
    const uint64_t wild[] = {LONGEST + 1, (uint64_t)1 << 32, UINT64_MAX, UINT64_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        assert_int_equal(put(&pair, 10), 0);
        weir_cell_at(&pair.consumer, 0)->length = wild[i];
        assert_int_equal(take(&pair), WEIR_ECORRUPT);
        free(pair.producer.words);
    }
}

static void a_turn_that_goes_back_is_found(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    for (size_t i = 0; i < 2 * COUNT; i++) {
        assert_int_equal(put(&pair, i), 0);
        assert_int_equal(take(&pair), i);
    }
    atomic_store(&weir_cell_at(&pair.consumer, 0)->turn, CELL_TURN(0, CELL_FULL));
    assert_int_equal(take(&pair), WEIR_ECORRUPT);
    free(pair.producer.words);
}

static void a_turn_out_of_turn_is_found_by_the_producer(void **state)
{
    (void)state;
    const uint64_t wild[] = {CELL_TURN(1, CELL_FREE), CELL_TURN(COUNT, CELL_FREE), UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        atomic_store(&weir_cell_at(&pair.producer, 0)->turn, wild[i]);
        assert_int_equal(put(&pair, 1), WEIR_ECORRUPT);
        free(pair.producer.words);
    }
}

/* Cells that all claim to be far ahead have the consumer leap on and on: it finds that they contradict each other, or
 * gives up after a few rounds, within its own memory. */
static void turns_far_ahead_are_not_chased(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    for (uint64_t i = 0; i < COUNT; i++)
        atomic_store(&weir_cell_at(&pair.consumer, i)->turn, CELL_TURN((uint64_t)1 << 40, CELL_FULL));
    assert_int_equal(take(&pair), WEIR_ECORRUPT);
    for (uint64_t i = 0; i < COUNT; i++)
        atomic_store(&weir_cell_at(&pair.consumer, i)->turn, CELL_TURN(((uint64_t)1 << 51) + i, CELL_FULL));
    pair.consumer.position = pair.consumer.offset = 0;
    ssize_t result = take(&pair);
    assert_true(result == WEIR_EAGAIN || result == WEIR_ECORRUPT || result <= LONGEST);
    free(pair.producer.words);
}

/* The head is a hint that anybody may write: wherever it points, what is looked at is a cell. */
static void a_wild_head_stays_within(void **state)
{
    (void)state;
    const uint64_t wild[] = {1, COUNT, 12345, (uint64_t)1 << 52, UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct pair pair = make_pair();
        assert_int_equal(put(&pair, 10), 0);
        atomic_store(&pair.consumer.words->head, wild[i]);
        weir_cells_resume_consumer(&pair.consumer, 0);
        ssize_t result = take(&pair);
        assert_true(result == WEIR_EAGAIN || result == WEIR_ECORRUPT || result == 10);
        free(pair.producer.words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_it_says_in_order),
        cmocka_unit_test(an_heir_frees_what_the_dead_had_taken),
        cmocka_unit_test(a_wild_length_is_found),
        cmocka_unit_test(a_turn_that_goes_back_is_found),
        cmocka_unit_test(a_turn_out_of_turn_is_found_by_the_producer),
        cmocka_unit_test(turns_far_ahead_are_not_chased),
        cmocka_unit_test(a_wild_head_stays_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

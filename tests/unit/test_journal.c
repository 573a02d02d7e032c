/* SPDX-License-Identifier: MIT
 *
 * What is made of the rounds of a run: balanced orders, regimes, outliers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "measure/order.h"
#include "measure/outliers.h"
#include "measure/random.h"

/* ---- orders -------------------------------------------------------------------------------------------------- */

enum { PLACES = 7 };

static void test_orders_hold_each_cell_once_and_balance_in_pairs(void **state)
{
    (void)state;
    uint64_t random = 42;
    uint32_t order[PLACES];
    for (int pair = 0; pair < 50; pair++) {
        size_t sums[PLACES] = {0}, seen[PLACES] = {0};
        for (uint64_t round = 0; round < 2; round++) {
            order_draw(order, PLACES, round, &random);
            for (size_t place = 0; place < PLACES; place++) {
                assert_in_range(order[place], 0, PLACES - 1);
                sums[order[place]] += place;
                seen[order[place]]++;
            }
        }
        for (size_t cell = 0; cell < PLACES; cell++) {
            assert_int_equal(seen[cell], 2);
            assert_int_equal(sums[cell], PLACES - 1);
        }
    }
}

static void test_orders_are_drawn_anew_and_repeat_with_the_seed(void **state)
{
    (void)state;
    uint64_t random = 1, again = 1;
    uint32_t first[PLACES], second[PLACES], repeated[PLACES];
    order_draw(first, PLACES, 0, &random);
    order_draw(second, PLACES, 2, &random);
    order_draw(repeated, PLACES, 0, &again);
    assert_memory_equal(first, repeated, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
}

/* ---- regimes ------------------------------------------------------------------------------------------------- */

/* A journal of count - 1 rounds, from the yardsticks around them. */
static void make_journal(struct journal *journal, const double *lines_ns, size_t count)
{
    *journal = (struct journal){.places = 1};
    for (size_t i = 0; i + 1 < count; i++) {
        assert_int_equal(journal_reserve(journal), 0);
        journal->rounds[journal->round_count++] = (struct round){0};
    }
    memcpy(journal->lines_ns, lines_ns, count * sizeof *lines_ns);
    journal_find_regimes(journal);
}

static void expect_regimes(const double *lines_ns, size_t count, size_t regimes)
{
    struct journal journal;
    make_journal(&journal, lines_ns, count);
    assert_int_equal(journal.regime_count, regimes);
    journal_free(&journal);
}

static void test_two_groups_of_yardsticks_are_two_regimes(void **state)
{
    (void)state;
    const double lines_ns[] = {92, 90, 88, 95, 400, 410, 390, 405, 91, 89};
    struct journal journal;
    make_journal(&journal, lines_ns, 10);
    assert_int_equal(journal.regime_count, 2);
    assert_string_equal(journal.regimes[0].name, "near");
    assert_true(journal.regimes[0].line_ns > 85 && journal.regimes[0].line_ns < 96);
    assert_true(journal.regimes[1].line_ns > 385 && journal.regimes[1].line_ns < 415);
    assert_int_equal(journal.regimes[0].round_count, 4);
    assert_int_equal(journal.regimes[1].round_count, 3);
    assert_int_equal(journal.rounds[3].regime, REGIME_BETWEEN); /* it began near and ended far */
    assert_int_equal(journal.rounds[7].regime, REGIME_BETWEEN);
    assert_int_equal(journal_main_regime(&journal), 0);
    journal_free(&journal);
}

static void test_noise_is_one_regime(void **state)
{
    (void)state;
    const double steady[] = {90, 91, 92, 90, 93, 89, 90, 95};
    const double one_odd[] = {90, 91, 92, 90, 900, 89, 90, 95};
    const double smear[] = {90, 100, 112, 125, 140, 155, 175, 195};
    const double unknown[] = {NAN, NAN, NAN};
    expect_regimes(steady, 8, 1);
    expect_regimes(one_odd, 8, 1);
    expect_regimes(smear, 8, 1);
    expect_regimes(unknown, 3, 0);
}

static void test_a_cost_belongs_to_its_rounds_regime(void **state)
{
    (void)state;
    const double lines_ns[] = {90, 90, 90, 400, 400, 400};
    struct journal journal;
    make_journal(&journal, lines_ns, 6);
    const struct epoch_cost near = {.round = 0}, between = {.round = 2}, far = {.round = 4}, beyond = {.round = 99};
    assert_true(journal_in_regime(&journal, near.round, 0) && !journal_in_regime(&journal, near.round, 1));
    assert_true(!journal_in_regime(&journal, far.round, 0) && journal_in_regime(&journal, far.round, 1));
    assert_true(!journal_in_regime(&journal, between.round, 0) && !journal_in_regime(&journal, between.round, 1));
    assert_false(journal_in_regime(&journal, beyond.round, 0));
    journal_free(&journal);
}

/* ---- outliers ------------------------------------------------------------------------------------------------ */

enum { ROUNDS = 12 };

static void make_cell(struct cell *cell, double odd_ns, const struct epoch_cost *odd)
{
    *cell = (struct cell){0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct epoch_cost cost = {.round = i, .wall_ns = 100 + i % 3, .epoch_ns = 10e6};
        if (i == 5) {
            cost = *odd;
            cost.round = i;
            cost.wall_ns = odd_ns;
            cost.epoch_ns = 10e6 * odd_ns / 100;
        }
        assert_int_equal(cell_add_round(cell, &cost), 0);
    }
}

static void expect_outlier(double odd_ns, struct epoch_cost odd, unsigned causes)
{
    double lines_ns[ROUNDS + 1];
    struct journal journal;
    struct cell cell;
    struct outlier outlier;
    for (size_t i = 0; i <= ROUNDS; i++)
        lines_ns[i] = 90;
    make_journal(&journal, lines_ns, ROUNDS + 1);
    make_cell(&cell, odd_ns, &odd);
    assert_int_equal(outliers_find(&cell, &journal, &outlier, 1), 1);
    assert_int_equal(outlier.round, 5);
    assert_int_equal(outlier.causes, causes);
    assert_int_equal(cell.round_count, ROUNDS); /* marked, not dropped */
    cell_clear(&cell);
    journal_free(&journal);
}

static void test_outliers_are_told_with_their_cause(void **state)
{
    (void)state;
    expect_outlier(300, (struct epoch_cost){.steal_ns = 15e6}, CAUSE_STEAL);
    expect_outlier(300, (struct epoch_cost){.delayed_ns = 15e6}, CAUSE_PREEMPTED);
    expect_outlier(300, (struct epoch_cost){.involuntary = 0.1}, CAUSE_PREEMPTED);
    expect_outlier(300, (struct epoch_cost){.steal_ns = 1e6}, 0); /* too little to explain 20 ms */
    expect_outlier(50, (struct epoch_cost){0}, 0);                /* too fast counts as well */
}

static void test_no_outliers_among_equals(void **state)
{
    (void)state;
    double lines_ns[ROUNDS + 1] = {0};
    struct journal journal;
    struct cell cell;
    make_journal(&journal, lines_ns, ROUNDS + 1);
    const struct epoch_cost usual = {0};
    make_cell(&cell, 101, &usual);
    assert_int_equal(outliers_find(&cell, &journal, NULL, 0), 0);
    cell_clear(&cell);
    journal_free(&journal);
}

/* ---- twins --------------------------------------------------------------------------------------------------- */

static void test_a_cell_fails_with_its_twin_and_a_twin_with_its_cell(void **state)
{
    (void)state;
    for (int twin_fails = 0; twin_fails < 2; twin_fails++) {
        struct cell items[3] = {0};
        struct twin twins[2] = {{.cell = 1}, {.cell = 2}};
        struct cells cells = {items, 3};
        struct journal journal = {.twins = twins, .twin_count = 2};
        items[1].integrity = (struct integrity){.sent = 10, .received = 10};
        twins[0].copy.integrity = (struct integrity){.sent = 10, .received = 10};
        struct cell *failed = twin_fails ? &twins[0].copy : &items[1];
        cell_set(failed, CELL_FAILED, "lost one");
        failed->integrity = (struct integrity){.sent = 10, .received = 9, .lost = 1};
        for (int times = 0; times < 2; times++) { /* once is enough, and more change nothing */
            journal_share_failures(&journal, &cells);
            assert_int_equal(items[1].status, CELL_FAILED);
            assert_int_equal(twins[0].copy.status, CELL_FAILED);
            assert_string_equal(items[1].reason, "lost one");
            assert_int_equal(items[1].integrity.sent, 20);
            assert_int_equal(items[1].integrity.lost, 1);
        }
        assert_int_equal(items[0].status, CELL_OK);
        assert_int_equal(items[2].status, CELL_OK);
        assert_int_equal(twins[1].copy.status, CELL_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_hold_each_cell_once_and_balance_in_pairs),
        cmocka_unit_test(test_orders_are_drawn_anew_and_repeat_with_the_seed),
        cmocka_unit_test(test_two_groups_of_yardsticks_are_two_regimes),
        cmocka_unit_test(test_noise_is_one_regime),
        cmocka_unit_test(test_a_cost_belongs_to_its_rounds_regime),
        cmocka_unit_test(test_outliers_are_told_with_their_cause),
        cmocka_unit_test(test_no_outliers_among_equals),
        cmocka_unit_test(test_a_cell_fails_with_its_twin_and_a_twin_with_its_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

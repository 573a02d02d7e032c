/* SPDX-License-Identifier: MIT
 *
 * The timetable of a paced cell, how many messages make an epoch, and when a channel counts as saturated.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <cmocka.h>

#include "measure/pace.h"

static struct setup setup_of(double rate, uint32_t producers, size_t size)
{
    return (struct setup){
        .pattern = PATTERN_PACED, .rate = rate, .size = size, .workers = {.producers = producers, .consumers = 1}};
}

static void producers_take_turns(void **state)
{
    (void)state;
    struct setup setup = setup_of(3e6, 3, 64);
    int64_t last = -1;
    for (uint64_t number = 0; number < 1000; number++) {
        for (uint32_t producer = 0; producer < 3; producer++) {
            int64_t due = pace_due_ns(pace_interval_ns(&setup), 3, producer, number);
            assert_true(due > last);
            last = due;
        }
    }
    assert_int_equal(pace_due_ns(pace_interval_ns(&setup), 3, 0, 0), 0);
    assert_int_equal(pace_due_ns(pace_interval_ns(&setup), 3, 0, 3000000), 3000000000);
}

static void a_timetable_does_not_drift(void **state)
{
    (void)state;
    struct setup setup = setup_of(7, 1, 64); /* an interval that no binary fraction meets */
    assert_in_range(pace_due_ns(pace_interval_ns(&setup), 1, 0, 7 * 86400), INT64_C(86400000000000) - 100,
                    INT64_C(86400000000000) + 100);
}

static uint64_t count_of(double rate, uint32_t producers, size_t size)
{
    struct setup setup = setup_of(rate, producers, size);
    return pace_count(&setup);
}

static void epochs_are_neither_long_nor_empty(void **state)
{
    (void)state;
    assert_int_equal(count_of(10000, 1, 64), 500); /* 50 ms */
    assert_int_equal(count_of(10000, 4, 64), 125);
    assert_int_equal(count_of(100, 1, 64), 20); /* 200 ms: the least number */
    assert_int_equal(count_of(10, 1, 64), 10);  /* a second */
    assert_int_equal(count_of(1, 1, 64), 2);    /* two are the least of all */
    assert_int_equal(count_of(2, 2, 64), 1);
    assert_int_equal(count_of(100000000, 1, 64), 100000);
    assert_int_equal(count_of(10000, 1, (size_t)1 << 30), 2); /* long messages take their time */
    assert_int_equal(count_of(10000, 1, (size_t)1 << 20), 256);
}

/* All came at equal intervals, from a start without delay. */
static struct pace pace_of(double rate, uint64_t messages, double took_s)
{
    struct setup setup = setup_of(rate, 1, 64);
    int64_t took_ns = (int64_t)(took_s * 1e9), lag_ns = took_ns - (int64_t)((double)(messages - 1) * 1e9 / rate);
    struct arrivals arrivals = {
        .messages = messages, .start_ns = 1000, .first_ns = 1000, .last_ns = 1000 + took_ns, .median_ns = lag_ns / 2};
    return pace_of_arrivals(&setup, &arrivals);
}

static bool saturates(double rate, uint64_t messages, double took_s)
{
    struct setup setup = setup_of(rate, 1, 64);
    return pace_is_saturated(&setup, pace_of(rate, messages, took_s));
}

static void a_backlog_that_grows_is_saturation(void **state)
{
    (void)state;
    assert_false(saturates(10000, 500, 0.0499));
    assert_false(saturates(10000, 500, 0.0504)); /* 1 % behind */
    assert_true(saturates(10000, 500, 0.0515));  /* 3 % */
    assert_true(saturates(10000, 500, 0.5));
    assert_false(saturates(10000, 500, 0.03)); /* the first one was late */
    assert_false(saturates(10, 10, 1.09));     /* slower by much, but by one message only: chance */
    assert_true(saturates(10, 10, 1.11));
    assert_false(saturates(1, 2, 1.5));
}

static void a_backlog_that_comes_and_goes_is_not(void **state)
{
    (void)state;
    struct setup setup = setup_of(10000, 1, 64);
    struct arrivals arrivals = {.messages = 501, .last_ns = 55000000, .median_ns = 4900000};
    struct pace pace = pace_of_arrivals(&setup, &arrivals);
    assert_true(pace.achieved < 9500 && pace.behind > 40);
    assert_false(pace_is_saturated(&setup, pace));
    arrivals.median_ns = 2500000;
    assert_true(pace_is_saturated(&setup, pace_of_arrivals(&setup, &arrivals)));
    arrivals.first_ns = 5000000; /* all were late alike */
    assert_false(pace_is_saturated(&setup, pace_of_arrivals(&setup, &arrivals)));
    arrivals.first_ns = 0;
    arrivals.median_ns = 45000; /* only the last few were held up */
    assert_false(pace_is_saturated(&setup, pace_of_arrivals(&setup, &arrivals)));
}

static void nothing_is_said_of_no_interval(void **state)
{
    (void)state;
    struct setup setup = setup_of(10, 1, 64);
    struct arrivals arrivals = {.messages = 1, .first_ns = 5, .last_ns = 10};
    assert_true(isnan(pace_of_arrivals(&setup, &arrivals).achieved));
    arrivals = (struct arrivals){.messages = 2, .first_ns = 5, .last_ns = 5};
    assert_true(isnan(pace_of_arrivals(&setup, &arrivals).achieved));
    assert_false(pace_is_saturated(&setup, pace_of_arrivals(&setup, &arrivals)));
    assert_true(pace_of(10, 3, 1).achieved == 2);
    assert_true(pace_of(10, 3, 1).behind == 8);
    assert_true(pace_of(10, 3, 1).growth == 2);
}

static void a_cell_goes_by_most_of_its_rounds(void **state)
{
    (void)state;
    struct epoch_cost rounds[] = {
        {.pace = {9000, 40, 2}}, {.pace = {10000, 0, 1}}, {.pace = {9990, 1, 3}}, {.pace = {9000, 40, 2}}};
    struct cell cell = {.setup = setup_of(10000, 1, 64), .rounds = rounds, .round_count = 4};
    assert_true(pace_of_cell(&cell).achieved == 9495);
    assert_true(pace_of_cell(&cell).growth == 2);
    assert_false(cell_is_saturated(&cell)); /* two bad rounds of four may be chance */
    rounds[1] = rounds[0];
    assert_true(cell_is_saturated(&cell));
    cell.setup.pattern = PATTERN_STREAM;
    assert_false(cell_is_saturated(&cell));
    cell.round_count = 0;
    assert_true(isnan(pace_of_cell(&cell).achieved));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(producers_take_turns),
        cmocka_unit_test(a_timetable_does_not_drift),
        cmocka_unit_test(epochs_are_neither_long_nor_empty),
        cmocka_unit_test(a_backlog_that_grows_is_saturation),
        cmocka_unit_test(a_backlog_that_comes_and_goes_is_not),
        cmocka_unit_test(nothing_is_said_of_no_interval),
        cmocka_unit_test(a_cell_goes_by_most_of_its_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

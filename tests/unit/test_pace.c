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

/* What a channel does to messages: each takes it so long, one after the other, and in a stall it does nothing. */
struct channel {
    double takes_ns;
    double stall_from_ns, stall_to_ns; /* after the start */
};

static struct pace pace_of(double rate, uint64_t messages, struct channel channel)
{
    struct setup setup = setup_of(rate, 1, 64);
    struct arrivals arrivals = {.messages = messages};
    unsigned shift = pace_part_shift(messages);
    double now_ns = 0;
    for (uint64_t i = 0; i < messages; i++) {
        int64_t due_ns = pace_due_ns(pace_interval_ns(&setup), 1, 0, i);
        now_ns = fmax(now_ns, (double)due_ns);
        if (now_ns >= channel.stall_from_ns && now_ns < channel.stall_to_ns)
            now_ns = channel.stall_to_ns;
        now_ns += channel.takes_ns;
        arrivals.last_ns = (int64_t)now_ns;
        arrivals.first_ns = i == 0 ? arrivals.last_ns : arrivals.first_ns;
        assert_true(i >> shift < PACE_PARTS);
        arrivals.late_ns[i >> shift] += arrivals.last_ns - due_ns;
    }
    return pace_of_arrivals(&setup, &arrivals);
}

static bool saturates(double rate, uint64_t messages, struct channel channel)
{
    struct setup setup = setup_of(rate, 1, 64);
    return pace_is_saturated(&setup, pace_of(rate, messages, channel));
}

static void the_timetable_has_few_parts_and_not_too_few(void **state)
{
    (void)state;
    assert_int_equal(pace_part_shift(1), 0);
    assert_int_equal(pace_part_shift(PACE_PARTS), 0);
    assert_int_equal(pace_part_shift(PACE_PARTS + 1), 1);
    for (uint64_t messages = 1; messages < 1000; messages++) {
        uint64_t parts = ((messages - 1) >> pace_part_shift(messages)) + 1;
        assert_true(parts <= PACE_PARTS && (2 * parts > PACE_PARTS || parts == messages));
    }
    assert_in_range((100000 - 1) >> pace_part_shift(100000), PACE_PARTS / 2, PACE_PARTS - 1);
}

static void a_backlog_that_grows_is_saturation(void **state)
{
    (void)state;
    assert_false(saturates(10000, 500, (struct channel){.takes_ns = 99000}));
    assert_false(saturates(10000, 500, (struct channel){.takes_ns = 101000})); /* 1 % behind */
    assert_true(saturates(10000, 500, (struct channel){.takes_ns = 103000}));
    assert_true(saturates(10000, 500, (struct channel){.takes_ns = 1e6}));
    assert_true(saturates(1e8, 100000, (struct channel){.takes_ns = 400}));
    assert_false(saturates(10, 10, (struct channel){.takes_ns = 120e6})); /* by much, but by one message only: chance */
    assert_true(saturates(10, 10, (struct channel){.takes_ns = 130e6}));
    assert_false(saturates(1, 2, (struct channel){.takes_ns = 1.5e9}));
}

static void a_backlog_that_comes_and_goes_is_not(void **state)
{
    (void)state;
    /* Held up for 10 ms of 50: in the beginning, in the middle, and for the last messages of all. */
    for (double from_ns = 0; from_ns < 50e6; from_ns += 5e6)
        assert_false(saturates(10000, 500, (struct channel){1000, from_ns, from_ns + 10e6}));
    struct pace pace = pace_of(10000, 500, (struct channel){1000, 45e6, 55e6});
    assert_true(pace.achieved < 9500 && pace.behind > 40);
    /* Late all alike. */
    assert_false(saturates(10000, 500, (struct channel){100000, 0, 10e6}));
}

/* Workers that are held up do not hide that a channel is too slow, either. */
static void a_backlog_that_grows_does_so_around_a_stall(void **state)
{
    (void)state;
    for (double from_ns = 0; from_ns < 40e6; from_ns += 5e6)
        assert_true(saturates(1e8, 100000, (struct channel){400, from_ns, from_ns + 30e6}));
    for (double from_ns = 0; from_ns < 60e6; from_ns += 5e6)
        assert_true(saturates(10000, 500, (struct channel){120000, from_ns, from_ns + 10e6}));
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
    struct pace pace = pace_of(10, 3, (struct channel){.takes_ns = 500e6});
    assert_true(pace.achieved == 2);
    assert_true(pace.behind == 8);
    assert_true(pace.growth == 4); /* 400 ms later every 100 ms */
}

static void a_cell_goes_by_most_of_its_rounds(void **state)
{
    (void)state;
    struct epoch_cost rounds[] = {
        {.pace = {9000, 40, 0.1}}, {.pace = {10000, 0, 0}}, {.pace = {9990, 1, 0.3}}, {.pace = {9000, 40, 0.1}}};
    struct cell cell = {.setup = setup_of(10000, 1, 64), .rounds = rounds, .round_count = 4};
    assert_true(pace_of_cell(&cell).achieved == 9495);
    assert_true(pace_of_cell(&cell).growth == 0.1);
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
        cmocka_unit_test(the_timetable_has_few_parts_and_not_too_few),
        cmocka_unit_test(a_backlog_that_grows_is_saturation),
        cmocka_unit_test(a_backlog_that_comes_and_goes_is_not),
        cmocka_unit_test(a_backlog_that_grows_does_so_around_a_stall),
        cmocka_unit_test(nothing_is_said_of_no_interval),
        cmocka_unit_test(a_cell_goes_by_most_of_its_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

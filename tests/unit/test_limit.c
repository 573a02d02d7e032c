/* SPDX-License-Identifier: MIT
 *
 * The nearest limit of a cell: which rule, of what it is made, and what it comes to when the yardsticks are known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "measure/limit.h"

#define KERNEL (WEIR_CAP_FD | WEIR_CAP_MORE | WEIR_CAP_KERNEL)

static struct cell make_cell(const char *spec, uint32_t capabilities, enum pattern pattern, size_t size)
{
    struct cell cell = {
        .setup = {.spec = spec, .size = size, .workers = {1, 1}, .pattern = pattern, .batch = 1, .pin = "0:1"},
        .capabilities = capabilities};
    size_t length = strcspn(spec, ",");
    memcpy(cell.channel, spec, length);
    return cell;
}

/* Every gauge shows 100 ns, or 1 GB/s; system calls 10 ns, a wake there and back 300 ns; of processes 400 ns, and their
 * switch 150 ns. */
static void show(struct gauges *gauges)
{
    for (size_t i = 0; i < gauges->count; i++) {
        struct gauge *gauge = &gauges->items[i];
        gauge->values = malloc(sizeof *gauge->values);
        assert_non_null(gauge->values);
        gauge->values[0] = yardstick_facts(gauge->yardstick)->is_rate ? 1e9 : 100;
        if (gauge->yardstick == YARDSTICK_CALL)
            gauge->values[0] = 10;
        if (gauge->yardstick == YARDSTICK_WAKE_ROUND)
            gauge->values[0] = 300;
        if (gauge->yardstick == YARDSTICK_SWITCH_PROCESSES)
            gauge->values[0] = 150;
        if (gauge->yardstick == YARDSTICK_WAKE_PROCESSES)
            gauge->values[0] = 400;
        gauge->count = gauge->capacity = 1;
    }
}

/* What the limit comes to with those figures; `voluntary` switches a message were seen. */
static struct limit settle(struct cell *cell, int cpu_a, int cpu_b, double voluntary)
{
    struct limit_rule rule;
    struct limits limits = {.rules = malloc(sizeof rule)};
    struct cells cells = {cell, 1};
    struct journal journal = {0};
    struct epoch_cost cost = {.voluntary = voluntary};
    assert_non_null(limits.rules);
    assert_int_equal(limit_rule_make(&limits.rules[0], &limits.gauges, cell, cpu_a, cpu_b), 0);
    show(&limits.gauges);
    cell->rounds = &cost;
    cell->round_count = 1;
    limits_settle(&limits, &cells, &journal);
    limits_free(&limits);
    return cell->limit;
}

static void expect(struct limit limit, const char *name, double ns)
{
    assert_non_null(limit.name);
    assert_string_equal(limit.name, name);
    assert_true(fabs(limit.ns - ns) < 1e-6);
}

static void user_space_round_trips(void **state)
{
    (void)state;
    struct cell cell = make_cell("shm", 0, PATTERN_PINGPONG, 64);
    expect(settle(&cell, 0, 1, 0), "line", 100);
    cell.setup.size = 8;
    expect(settle(&cell, 0, 1, 0), "line", 100); /* less than a line is a line */
    cell.setup.size = 192;
    expect(settle(&cell, 0, 1, 0), "line + stream", 100 + 2 * 2 * 100);
    cell.setup.size = 8192;
    expect(settle(&cell, 0, 1, 0), "line + stream", 100 + 2 * 127 * 100);
    expect(settle(&cell, 1, 1, 0), "switch", 200);
}

static void sleepers_in_user_space_are_woken(void **state)
{
    (void)state;
    struct cell cell = make_cell("shm", 0, PATTERN_PINGPONG, 64);
    cell.setup.wait = WEIR_WAIT_BLOCK;

    expect(settle(&cell, 0, 1, 2), "wake", 300);
    expect(settle(&cell, 0, 1, 0), "wake", 100); /* nobody slept: the line */
    expect(settle(&cell, 1, 1, 2), "switch", 200);

    cell.setup.pairing = (struct pairing){WEIR_THREAD, WEIR_PROCESS};
    expect(settle(&cell, 0, 1, 2), "wake", 400);
    expect(settle(&cell, 0, 1, 0), "wake", 100);
    expect(settle(&cell, 1, 1, 2), "switch", 300);
    cell.setup.wait = WEIR_WAIT_SPIN; /* yields are no futex */
    expect(settle(&cell, 1, 1, 2), "switch", 200);
}

static void user_space_streams(void **state)
{
    (void)state;
    struct cell cell = make_cell("shm", 0, PATTERN_STREAM, 64);
    expect(settle(&cell, 0, 1, 0), "stream", 100);
    cell.setup.size = 8;
    expect(settle(&cell, 0, 1, 0), "stream", 100.0 / 8);
    cell.setup.size = 65536;
    expect(settle(&cell, 0, 1, 0), "stream", 1024 * 100);
    cell.setup.workers = (struct workers){4, 2};
    expect(settle(&cell, 0, 1, 0), "stream", 1024 * 100 / 2);
}

/* So a driver that hands on addresses, and no bytes, is found out in place too. */
static void lines_travel_in_place_too(void **state)
{
    (void)state;
    struct cell cell = make_cell("shm", 0, PATTERN_STREAM, 65536);
    cell.setup.access = ACCESS_PLACE;
    expect(settle(&cell, 0, 1, 0), "stream", 1024 * 100);
    assert_true(limit_ratio(&cell, 1024 * 99) < 1);
    cell = make_cell("shm", 0, PATTERN_PINGPONG, 8192);
    cell.setup.access = ACCESS_PLACE;
    expect(settle(&cell, 0, 1, 0), "line + stream", 100 + 2 * 127 * 100);
}

static void kernel_round_trips_count_sleeps(void **state)
{
    (void)state;
    struct cell cell = make_cell("pipe", KERNEL, PATTERN_PINGPONG, 64);
    expect(settle(&cell, 0, 1, 0), "transit + wake", 200);
    expect(settle(&cell, 0, 1, 1), "transit + wake", 200 + 130);
    expect(settle(&cell, 0, 1, 2), "transit + wake", 200 + 260);
    expect(settle(&cell, 0, 1, 8), "transit + wake", 200 + 260); /* more sleeps are the channel's own */
    expect(settle(&cell, 1, 1, 2), "transit + switch", 200 + 160);
    expect(settle(&cell, -1, -1, 2), "transit", 200);
    expect(settle(&cell, 1, 1, 1), "transit + switch", 200 + 80); /* spinning, or yielding, half of the time */

    cell.setup.wait = WEIR_WAIT_BLOCK;
    expect(settle(&cell, 1, 1, 1), "transit + switch", 200 + 160); /* put off before it could sleep */
    cell.setup.pairing = (struct pairing){WEIR_PROCESS, WEIR_PROCESS};
    expect(settle(&cell, 1, 1, 1), "transit + switch", 200 + 260);
    expect(settle(&cell, 0, 1, 2), "transit + wake", 200 + 360);
}

static void kernel_streams(void **state)
{
    (void)state;
    struct cell cell = make_cell("unix", KERNEL, PATTERN_STREAM, 64);
    expect(settle(&cell, 0, 1, 0), "write", 100);
    expect(settle(&cell, -1, -1, 0), "write", 100);
    cell.setup.workers.producers = 4;
    expect(settle(&cell, 0, 1, 0), "write", 25);
    cell.setup.workers.producers = 1;
    cell.setup.batch = 16;
    expect(settle(&cell, 0, 1, 0), "bytes written", 100.0 * 64 / 65536);
    cell = make_cell("zmq", WEIR_CAP_ASYNC | WEIR_CAP_KERNEL, PATTERN_STREAM, 6553600);
    expect(settle(&cell, 0, 1, 0), "bytes written", 10000);
}

static enum yardstick first_yardstick(const char *spec, uint32_t capabilities)
{
    struct cell cell = make_cell(spec, capabilities, PATTERN_PINGPONG, 64);
    struct limit_rule rule;
    struct gauges gauges = {0};
    assert_int_equal(limit_rule_make(&rule, &gauges, &cell, 0, 1), 0);
    enum yardstick yardstick = gauges.items[rule.terms[0].gauge].yardstick;
    gauges_free(&gauges);
    return yardstick;
}

static void the_passage_is_that_of_the_driver(void **state)
{
    (void)state;
    assert_int_equal(first_yardstick("pipe", KERNEL), YARDSTICK_TRANSIT_PIPE);
    assert_int_equal(first_yardstick("fifo", KERNEL), YARDSTICK_TRANSIT_PIPE);
    assert_int_equal(first_yardstick("unix", KERNEL), YARDSTICK_TRANSIT_SEQPACKET);
    assert_int_equal(first_yardstick("unix,type=dgram", KERNEL), YARDSTICK_TRANSIT_SEQPACKET);
    assert_int_equal(first_yardstick("unix,type=stream", KERNEL), YARDSTICK_TRANSIT_STREAM);
    assert_int_equal(first_yardstick("zmq", KERNEL | WEIR_CAP_ASYNC), YARDSTICK_TRANSIT_STREAM);
}

static void some_cells_have_none(void **state)
{
    (void)state;
    struct cell cell = make_cell("shm", 0, PATTERN_STREAM, 64);
    assert_null(settle(&cell, 1, 1, 0).name);
    assert_null(settle(&cell, -1, -1, 0).name);
    assert_true(isnan(limit_ratio(&cell, 100)));
    cell = make_cell("null", WEIR_CAP_SYNTHETIC, PATTERN_STREAM, 64);
    assert_null(settle(&cell, 0, 1, 0).name);
    cell = make_cell("shm", 0, PATTERN_PACED, 64);
    assert_null(settle(&cell, 0, 1, 0).name);
    cell = make_cell("shm", 0, PATTERN_STREAM, 64);
    cell.status = CELL_FAILED;
    assert_null(settle(&cell, 0, 1, 0).name);
}

static void ratios(void **state)
{
    (void)state;
    struct cell cell = make_cell("shm", 0, PATTERN_PINGPONG, 64);
    settle(&cell, 0, 1, 0);
    assert_true(fabs(limit_ratio(&cell, 250) - 2.5) < 1e-9);
}

static uint32_t capabilities_of(const char *spec, enum weir_span span)
{
    const struct weir_channel_config config = {.span = span};
    struct weir_channel *channel;
    struct weir_channel_info info;
    if (weir_channel_create(&channel, spec, &config, NULL) != 0)
        return UINT32_MAX;
    weir_channel_info(channel, &info);
    weir_channel_destroy(channel);
    return info.capabilities;
}

static void channels_say_whether_they_need_the_kernel(void **state)
{
    (void)state;
    assert_false(capabilities_of("shm", WEIR_SPAN_PROCESSES) & WEIR_CAP_KERNEL);
    assert_false(capabilities_of("mutex", WEIR_SPAN_PROCESSES) & WEIR_CAP_KERNEL);
    assert_true(capabilities_of("pipe", WEIR_SPAN_THREADS) & WEIR_CAP_KERNEL);
    assert_true(capabilities_of("unix", WEIR_SPAN_THREADS) & WEIR_CAP_KERNEL);
    if (weir_driver_probe("zmq", NULL) != 0)
        return;
    assert_true(capabilities_of("zmq", WEIR_SPAN_PROCESSES) & WEIR_CAP_KERNEL);
    assert_false(capabilities_of("zmq", WEIR_SPAN_THREADS) & WEIR_CAP_KERNEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_space_round_trips),
        cmocka_unit_test(sleepers_in_user_space_are_woken),
        cmocka_unit_test(user_space_streams),
        cmocka_unit_test(lines_travel_in_place_too),
        cmocka_unit_test(kernel_round_trips_count_sleeps),
        cmocka_unit_test(kernel_streams),
        cmocka_unit_test(the_passage_is_that_of_the_driver),
        cmocka_unit_test(some_cells_have_none),
        cmocka_unit_test(ratios),
        cmocka_unit_test(channels_say_whether_they_need_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

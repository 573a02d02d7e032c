/* SPDX-License-Identifier: MIT
 *
 * Yardsticks: figures where there can be any, none where there cannot, and nothing left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "machine/clock.h"
#include "machine/yardsticks.h"

#define FOR_NS 1000000

static int cpus[2];
static int cpu_count;

static int count_threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* On a busy machine a CPU may be taken away for longer than a yardstick waits. */
static double measure(enum yardstick yardstick)
{
    double value = NAN;
    for (int tries = 0; tries < 5 && isnan(value); tries++)
        value = yardstick_measure(yardstick, cpus[0], cpus[1], 4096, FOR_NS);
    return value;
}

static void all_have_a_figure(void **state)
{
    (void)state;
    for (int i = 0; i < YARDSTICK_COUNT; i++) {
        const struct yardstick_facts *facts = yardstick_facts((enum yardstick)i);
        if (facts->is_pair && cpu_count < 2)
            continue;
        double value = measure((enum yardstick)i);
        print_message("%s %s: %g\n", facts->group, facts->name, value);
#if !defined(__x86_64__)
        if (i == YARDSTICK_CLOCK_COUNTER || i == YARDSTICK_COPY_MEMORY)
            continue;
#endif
        assert_true(i == YARDSTICK_SKEW ? isfinite(value) : value > 0);
    }
}

/* What holds another, and more, takes longer: on every machine, and by so much that noise cannot turn it round. */
static void wholes_cost_more_than_parts(void **state)
{
    (void)state;
    double call = measure(YARDSTICK_CALL);
    assert_true(measure(YARDSTICK_TRANSIT_SEQPACKET) > call);
    assert_true(measure(YARDSTICK_SWITCH) > call);
    assert_true(measure(YARDSTICK_FORK) > call);
}

static void one_cpu_has_no_line_to_pass(void **state)
{
    (void)state;
    assert_true(isnan(yardstick_line_ns(cpus[0], cpus[0], FOR_NS)));
    assert_true(isnan(yardstick_line_ns(-1, cpus[0], FOR_NS)));
}

static void a_cpu_that_is_not_there_gives_nothing(void **state)
{
    (void)state;
    assert_true(isnan(yardstick_line_ns(cpus[0], 8000, FOR_NS)));
    assert_true(isnan(yardstick_line_ns(8000, cpus[0], FOR_NS)));
    assert_true(isnan(yardstick_line_ns(cpus[0], 20000, FOR_NS)));
    assert_true(isnan(yardstick_measure(YARDSTICK_CALL, 8000, -1, 0, FOR_NS)));
}

static void a_size_that_is_missing_gives_nothing(void **state)
{
    (void)state;
    assert_true(isnan(yardstick_measure(YARDSTICK_COPY, -1, -1, 0, FOR_NS)));
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(count_threads(), 1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(weir_cpus_allowed(NULL, 0), cpu_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_have_a_figure),
        cmocka_unit_test(wholes_cost_more_than_parts),
        cmocka_unit_test(one_cpu_has_no_line_to_pass),
        cmocka_unit_test(a_cpu_that_is_not_there_gives_nothing),
        cmocka_unit_test(a_size_that_is_missing_gives_nothing),
        cmocka_unit_test(nothing_is_left),
    };
    clock_calibrate();
    cpu_count = weir_cpus_allowed(cpus, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

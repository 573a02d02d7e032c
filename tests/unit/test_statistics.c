/* SPDX-License-Identifier: MIT
 *
 * The median's interval against the published ranks of the sign test, and by its own definition: how often it holds
 * the true median.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "measure/statistics.h"

static struct estimate estimate_first(size_t count)
{
    double values[1000];
    for (size_t i = 0; i < count; i++)
        values[i] = (double)((i * 7919) % count + 1); /* 1 to count, in some order: 7919 is prime */
    return estimate_median(values, count);
}

/* Conover, Practical Nonparametric Statistics: the 95 % ranks, n = 6 to 50. */
static void the_ranks_are_those_of_the_books(void **state)
{
    (void)state;
    const struct {
        size_t count;
        double low, high;
    } known[] = {{6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {15, 4, 12}, {20, 6, 15}, {25, 8, 18}, {50, 18, 33}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct estimate estimate = estimate_first(known[i].count);
        assert_true(estimate.low == known[i].low);
        assert_true(estimate.high == known[i].high);
    }
}

static void few_values_have_no_interval(void **state)
{
    (void)state;
    assert_true(isnan(estimate_median(NULL, 0).median));
    for (size_t count = 1; count < 6; count++) {
        assert_true(isnan(estimate_first(count).low));
        assert_true(isfinite(estimate_first(count).median));
    }
}

static void medians(void **state)
{
    (void)state;
    assert_true(estimate_first(7).median == 4);
    assert_true(estimate_first(8).median == 4.5);
    assert_true(estimate_first(1).median == 1);
}

/* Draws from a skewed distribution with median 1: the interval holds it in at least 95 % of cases, and not in all. */
static void the_interval_covers(void **state)
{
    (void)state;
    const int trials = 4000;
    int held = 0;
    srand(5);
    for (int trial = 0; trial < trials; trial++) {
        double values[21];
        for (size_t i = 0; i < 21; i++)
            values[i] = -log2((rand() + 1.0) / (RAND_MAX + 2.0)); /* exponential: its median is log2(2) */
        struct estimate estimate = estimate_median(values, 21);
        held += estimate.low <= 1 && 1 <= estimate.high;
    }
    assert_true(held > trials * 94 / 100);
    assert_true(held < trials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ranks_are_those_of_the_books),
        cmocka_unit_test(few_values_have_no_interval),
        cmocka_unit_test(medians),
        cmocka_unit_test(the_interval_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

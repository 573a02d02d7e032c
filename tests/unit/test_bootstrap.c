/* SPDX-License-Identifier: MIT
 *
 * The resampled interval of a ratio of medians: what it must be, and how often it holds the truth.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "measure/bootstrap.h"
#include "measure/random.h"

#define MOST  60
#define DRAWS 800

static uint64_t random_state;

static double uniform(void)
{
    return ((double)(random_draw(&random_state) >> 12) + 0.5) / 0x1p52;
}

static double normal(void) /* Box and Muller 1958 */
{
    return sqrt(-2 * log(uniform())) * cos(2 * acos(-1.0) * uniform());
}

static struct estimate estimate(const double *a, size_t a_count, const double *b, size_t b_count, uint64_t seed)
{
    struct estimate ret;
    assert_int_equal(
        bootstrap_ratio(&ret, (struct rounds_view){a, a_count}, (struct rounds_view){b, b_count}, 1000, seed), 0);
    return ret;
}

static void ratios_of_medians(void **state)
{
    (void)state;
    double a[MOST], b[MOST];
    for (size_t i = 0; i < MOST; i++) {
        a[i] = (double)((i * 7919) % 11 + 1); /* 1 to 11 in some order: 7919 is prime */
        b[i] = 3;
    }
    assert_true(estimate(a, 11, b, 11, 1).median == 0.5);
    assert_true(estimate(b, 11, a, 11, 1).median == 2);
    assert_true(estimate(b, 8, b, 50, 1).low == 1);
    assert_true(estimate(b, 8, b, 50, 1).high == 1);
}

static void few_rounds_have_no_interval(void **state)
{
    (void)state;
    const double values[MOST] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct estimate few = estimate(values, BOOTSTRAP_LEAST_ROUNDS - 1, values, 9, 1);
    assert_true(few.median == 1 && isnan(few.low) && isnan(few.high));
    assert_true(isfinite(estimate(values, BOOTSTRAP_LEAST_ROUNDS, values, 9, 1).low));
    assert_true(isnan(estimate(values, 0, values, 9, 1).median));
}

static void a_seed_repeats_it(void **state)
{
    (void)state;
    double a[MOST], b[MOST];
    for (size_t i = 0; i < MOST; i++) {
        a[i] = 1 + uniform();
        b[i] = 1 + uniform();
    }
    struct estimate first = estimate(a, MOST, b, MOST, 7), again = estimate(a, MOST, b, MOST, 7);
    struct estimate other = estimate(a, MOST, b, MOST, 8);
    assert_true(first.low == again.low && first.high == again.high);
    assert_true(first.low != other.low || first.high != other.high);
    assert_true(first.low < first.median && first.median < first.high);
}

static void time_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(bootstrap_resamples(100), BOOTSTRAP_RESAMPLES);
    assert_true(bootstrap_resamples(1000000) < BOOTSTRAP_RESAMPLES);
    assert_int_equal(bootstrap_resamples(SIZE_MAX - 1), 200);
}

/* ---- how often it holds the truth ----------------------------------------------------------------------------- */

enum kind { INDEPENDENT, HEAVY_TAILED, CORRELATED, KINDS };

/* All have the median 1. Correlated rounds remember the one before: autoregressive, 0.5. */
static void make_rounds(double *values, size_t count, enum kind kind)
{
    double memory = normal();
    for (size_t i = 0; i < count; i++) {
        memory = kind == CORRELATED ? 0.5 * memory + sqrt(0.75) * normal() : normal();
        values[i] = exp(0.05 * memory);
        if (kind == HEAVY_TAILED && values[i] > 1) /* a tail on one side, which leaves the median where it is */
            values[i] += uniform() < 0.2 ? 0.05 / uniform() : 0;
    }
}

static double coverage(size_t count, enum kind kind)
{
    int held = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
        double a[MOST], b[MOST];
        struct estimate ratio;
        make_rounds(a, count, kind);
        make_rounds(b, count, kind);
        assert_int_equal(bootstrap_ratio(&ratio, (struct rounds_view){a, count}, (struct rounds_view){b, count}, 400,
                                         (uint64_t)draw),
                         0);
        held += ratio.low <= 1 && 1 <= ratio.high;
    }
    return (double)held / DRAWS;
}

static void the_interval_covers(void **state)
{
    (void)state;
    random_state = 1;
    const size_t counts[] = {8, 12, 25, 60};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            double share = coverage(counts[i], kind);
            print_message("%zu rounds, noise %d: %.3f\n", counts[i], (int)kind, share);
            assert_true(share >= (kind == CORRELATED ? 0.85 : 0.94));
            assert_true(share < 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratios_of_medians),   cmocka_unit_test(few_rounds_have_no_interval),
        cmocka_unit_test(a_seed_repeats_it),   cmocka_unit_test(time_is_bounded),
        cmocka_unit_test(the_interval_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * What the reports of an epoch's workers add up to, and what stays unknown.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "measure/account.h"
#include "measure/epoch.h"

static struct reports reports; /* large */

static bool is_near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static const struct setup setup = {.size = 64, .workers = {1, 1}, .pattern = PATTERN_STREAM};

/* A producer from 1000 to 3000 ns, and a consumer that has checked the last message at 5000 ns. */
static void make_reports(void)
{
    reports.count = 2;
    histogram_clear(&reports.latency);
    reports.items[0] = (weir_Report){.role = weir_Role_ROLE_PRODUCER,
                                     .first_ns = 1000,
                                     .last_ns = 3000,
                                     .user_ns = 300,
                                     .has_driver_ns = true,
                                     .driver_ns = 50,
                                     .has_delayed_ns = true,
                                     .delayed_ns = 7};
    reports.items[1] = (weir_Report){.role = weir_Role_ROLE_CONSUMER,
                                     .last_ns = 5000,
                                     .system_ns = 200,
                                     .has_driver_ns = true,
                                     .has_delayed_ns = true,
                                     .delayed_ns = 5};
}

static struct epoch_cost cost_of(bool is_synthetic)
{
    struct outcome outcome = {0};
    account_cost(&setup, &reports, 10, is_synthetic, &outcome);
    return outcome.cost;
}

static void test_costs_are_of_a_message_and_of_both_sides(void **state)
{
    (void)state;
    make_reports();
    struct epoch_cost cost = cost_of(false);
    assert_true(is_near(cost.wall_ns, 400));
    assert_true(is_near(cost.epoch_ns, 4000));
    assert_true(is_near(cost.producer_user_ns, 30));
    assert_true(is_near(cost.consumer_system_ns, 20));
    assert_true(is_near(cost.driver_ns, 5));
    assert_true(is_near(cost.delayed_ns, 12));
}

static void test_only_where_nothing_is_carried_a_producer_stops_the_clock(void **state)
{
    (void)state;
    make_reports();
    reports.items[0].last_ns = 6000;
    assert_true(is_near(cost_of(false).epoch_ns, 4000));
    assert_true(is_near(cost_of(true).epoch_ns, 5000));
}

static void test_what_a_worker_cannot_tell_is_not_known(void **state)
{
    (void)state;
    make_reports();
    reports.items[1].has_driver_ns = reports.items[1].has_delayed_ns = false;
    assert_true(isnan(cost_of(false).driver_ns));
    assert_true(isnan(cost_of(false).delayed_ns));
    assert_true(is_near(cost_of(false).wall_ns, 400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs_are_of_a_message_and_of_both_sides),
        cmocka_unit_test(test_only_where_nothing_is_carried_a_producer_stops_the_clock),
        cmocka_unit_test(test_what_a_worker_cannot_tell_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

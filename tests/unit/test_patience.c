/* SPDX-License-Identifier: MIT
 *
 * What wait=adaptive learns: on series of waits that a spin would, or would not, have outlasted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the ones above */
#include <cmocka.h>

#include "../../channels/patience.h"

/* How many of `count` waits are spun, of which every `period`th one is short; 0: none is. */
static int spins_of(struct weir_patience *patience, int count, int period)
{
    int spins = 0;
    for (int i = 0; i < count; i++) {
        if (weir_patience_spins(patience)) {
            spins++;
            weir_patience_learn(patience, period != 0 && i % period == 0);
        }
    }
    return spins;
}

static void short_waits_are_always_spun(void **state)
{
    (void)state;
    struct weir_patience patience = {0};
    assert_int_equal(spins_of(&patience, 1000, 1), 1000);
}

static void long_waits_are_seldom_spun(void **state)
{
    (void)state;
    struct weir_patience patience = {0};
    assert_in_range(spins_of(&patience, 200, 0), 1, 16);
    assert_in_range(spins_of(&patience, 6400, 0), 90, 110); /* one in 64 */
}

static void one_long_wait_has_no_consequence(void **state)
{
    (void)state;
    struct weir_patience patience = {0};
    weir_patience_learn(&patience, false);
    assert_true(weir_patience_spins(&patience));
    weir_patience_learn(&patience, true);
    assert_int_equal(patience.failures, 0);
}

static void half_is_worth_a_spin(void **state)
{
    (void)state;
    struct weir_patience patience = {0};
    assert_in_range(spins_of(&patience, 1000, 2), 900, 1000);
}

static void what_has_become_quick_is_found_out(void **state)
{
    (void)state;
    struct weir_patience patience = {0};
    spins_of(&patience, 1000, 0);
    assert_in_range(spins_of(&patience, 164, 1), 100, 164); /* within 64 waits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_waits_are_always_spun),        cmocka_unit_test(long_waits_are_seldom_spun),
        cmocka_unit_test(one_long_wait_has_no_consequence),   cmocka_unit_test(half_is_worth_a_spin),
        cmocka_unit_test(what_has_become_quick_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

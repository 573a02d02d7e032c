/* SPDX-License-Identifier: MIT
 *
 * The stage's account of how evenly producers came along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../bench/measure/stage.h"

enum { WARM = 10 };

static double share_of(const uint64_t *counts, uint32_t producers)
{
    struct stage *stage = stage_create();
    assert_non_null(stage);
    stage_clear(stage);
    for (uint32_t i = 0; i < producers; i++)
        atomic_store(&stage->slots[i].count, counts[i]);
    stage_note_finish(stage, producers, WARM);
    assert_int_equal(atomic_load(&stage->finished), 1);
    double share = stage->least_share;
    atomic_store(&stage->slots[0].count, 1000); /* later finishers change nothing */
    stage_note_finish(stage, producers, WARM);
    assert_true(stage->least_share == share);
    return share;
}

static void the_least_over_the_mean(void **state)
{
    (void)state;
    assert_true(share_of((uint64_t[]){WARM + 30, WARM + 30, WARM + 30}, 3) == 1);
    assert_true(share_of((uint64_t[]){WARM + 40, WARM + 10, WARM + 40, WARM + 30}, 4) == 10 / 30.0);
    assert_true(share_of((uint64_t[]){WARM + 40, WARM}, 2) == 0);
}

static void who_has_not_begun_counts_as_nothing(void **state)
{
    (void)state;
    assert_true(share_of((uint64_t[]){WARM - 1, WARM + 5}, 2) == 0);
    assert_true(share_of((uint64_t[]){0, 0}, 2) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_over_the_mean),
        cmocka_unit_test(who_has_not_begun_counts_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Saved results side by side: which cells belong together, what may be compared, and regime by regime.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "measure/unpaired.h"

#define CELLS  3
#define ROUNDS 20

struct side {
    struct saved saved;
    struct cell cells[CELLS];
    struct epoch_cost costs[CELLS][ROUNDS];
    struct round rounds[ROUNDS];
};

/* Every cell costs `near_ns` in the first half of its rounds and `far_ns` in the second, give or take 1 %. */
static void make_side(struct side *side, const char *const ids[CELLS], double near_ns, double far_ns)
{
    *side = (struct side){.saved = {.version = "1",
                                    .build_type = "release",
                                    .compiler = "cc",
                                    .cpu = "CPU",
                                    .kernel = "K",
                                    .hypervisor = "",
                                    .cpus = 2,
                                    .noise_floor = 0.01}};
    for (size_t i = 0; i < CELLS; i++) {
        snprintf(side->cells[i].id, sizeof side->cells[i].id, "%s", ids[i]);
        side->cells[i].setup.pin = "auto";
        side->cells[i].rounds = side->costs[i];
        side->cells[i].round_count = ROUNDS;
        for (size_t round = 0; round < ROUNDS; round++) {
            double odd = 1 + 0.01 * ((double)(round * 7 % 5) - 2) / 2;
            side->costs[i][round].round = (uint32_t)round;
            side->costs[i][round].wall_ns = (round < ROUNDS / 2 ? near_ns : far_ns) * odd;
            side->rounds[round].regime = round >= ROUNDS / 2;
        }
    }
    side->saved.cells = (struct cells){side->cells, CELLS};
}

/* The host had moved the CPUs half-way. */
static void set_regimes(struct side *side, double near_line_ns, double far_line_ns)
{
    side->saved.journal = (struct journal){
        .rounds = side->rounds,
        .round_count = ROUNDS,
        .regimes = {{"near", near_line_ns, ROUNDS / 2}, {"far", far_line_ns, ROUNDS / 2}},
        .regime_count = 2,
    };
}

static void set_regime(struct side *side, double line_ns)
{
    set_regimes(side, line_ns, line_ns);
    side->saved.journal.regime_count = 1;
}

static const char *const ids[CELLS] = {"a", "b", "c"};
static struct side a, b;

static struct comparisons compare(void)
{
    struct matches matches;
    struct comparisons comparisons;
    size_t resamples;
    assert_int_equal(matches_make(&matches, &a.saved, &b.saved), 0);
    assert_int_equal(compare_saved(&comparisons, &a.saved, &b.saved, &matches, 1, &resamples), 0);
    assert_int_equal(resamples, 10000);
    matches_free(&matches);
    return comparisons;
}

static void cells_are_matched_by_their_ids(void **state)
{
    (void)state;
    const char *const others[CELLS] = {"c", "d", "b"};
    struct matches matches;
    make_side(&a, ids, 100, 100);
    make_side(&b, others, 100, 100);
    assert_int_equal(matches_make(&matches, &a.saved, &b.saved), 0);
    assert_int_equal(matches.count, 2);
    assert_ptr_equal(matches.items[0].a, &a.cells[1]);
    assert_ptr_equal(matches.items[0].b, &b.cells[2]);
    assert_int_equal(matches.only_a_count, 1);
    assert_ptr_equal(matches.only_a[0].cell, &a.cells[0]);
    assert_int_equal(matches.only_b_count, 1);
    assert_ptr_equal(matches.only_b[0].cell, &b.cells[1]);
    matches_free(&matches);
}

static void refuse(const char *says)
{
    struct matches matches;
    struct weir_error error = {0};
    assert_int_equal(matches_make(&matches, &a.saved, &b.saved), 0);
    assert_int_equal(check_comparable(&a.saved, &b.saved, &matches, &error), says != NULL ? -1 : 0);
    if (says != NULL)
        assert_non_null(strstr(error.text, says));
    matches_free(&matches);
    make_side(&b, ids, 100, 100);
}

static void other_machines_are_not_comparable(void **state)
{
    (void)state;
    make_side(&a, ids, 100, 100);
    make_side(&b, ids, 100, 100);
    refuse(NULL);
    b.saved.version = "2"; /* is what one wants to compare */
    refuse(NULL);
    b.saved.kernel = "L";
    refuse("the kernel differs (A: K, B: L)");
    b.saved.cpu = "other";
    refuse("the CPU differs");
    b.saved.cpus = 4;
    refuse("the number of CPUs differs (A: 2, B: 4)");
    b.saved.hypervisor = "KVM";
    refuse("the hypervisor differs (A: none, B: KVM)");
    b.saved.compiler = "dd";
    refuse("the compiler differs");
    b.saved.build_type = "debug";
    refuse("the build type differs");
    b.cells[2].setup.pin = "none";
    refuse("the placement differs");
}

static void verdicts(void **state)
{
    (void)state;
    const struct {
        double factor;
        enum verdict verdict;
    } expected[] = {{1, VERDICT_SAME}, {1.1, VERDICT_SLOWER}, {0.9, VERDICT_FASTER}, {1.02, VERDICT_INCONCLUSIVE}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        make_side(&a, ids, 100, 100);
        make_side(&b, ids, 100 * expected[i].factor, 100 * expected[i].factor);
        struct comparisons comparisons = compare();
        assert_int_equal(comparisons.count, CELLS);
        assert_int_equal(comparisons.items[0].verdict, expected[i].verdict);
        assert_int_equal(comparisons.items[0].pairs, 0);
        assert_null(comparisons.items[0].regime);
        assert_true(fabs(comparisons.items[0].ratio - expected[i].factor) < 0.001);
        comparisons_free(&comparisons);
    }
}

static void delta_is_the_larger_noise_floor(void **state)
{
    (void)state;
    make_side(&a, ids, 100, 100);
    make_side(&b, ids, 110, 110);
    a.saved.noise_floor = NAN;
    b.saved.noise_floor = 0.2;
    struct comparisons comparisons = compare();
    assert_true(comparisons.items[0].delta == 0.2);
    assert_int_equal(comparisons.items[0].verdict, VERDICT_INCONCLUSIVE);
    comparisons_free(&comparisons);
}

/* B is slower where the CPUs are near and faster where they are far. */
static void regimes_are_compared_each(void **state)
{
    (void)state;
    make_side(&a, ids, 100, 400);
    make_side(&b, ids, 120, 300);
    set_regimes(&a, 190, 800);
    set_regimes(&b, 210, 700);
    struct comparisons comparisons = compare();
    assert_int_equal(comparisons.count, 2 * CELLS);
    assert_string_equal(comparisons.items[0].regime, "near");
    assert_int_equal(comparisons.items[0].verdict, VERDICT_SLOWER);
    assert_string_equal(comparisons.items[1].regime, "far");
    assert_int_equal(comparisons.items[1].verdict, VERDICT_FASTER);
    assert_true(fabs(comparisons.items[1].a_ns - 400) < 4 && fabs(comparisons.items[1].b_ns - 300) < 3);
    comparisons_free(&comparisons);
}

static void one_regime_finds_its_like(void **state)
{
    (void)state;
    make_side(&a, ids, 400, 400);
    make_side(&b, ids, 100, 400);
    set_regime(&a, 800);
    set_regimes(&b, 190, 700);
    struct comparisons comparisons = compare();
    assert_int_equal(comparisons.count, CELLS);
    assert_string_equal(comparisons.items[0].regime, "far");
    assert_int_equal(comparisons.items[0].verdict, VERDICT_SAME);
    comparisons_free(&comparisons);
}

static void unlike_regimes_prove_nothing(void **state)
{
    (void)state;
    make_side(&a, ids, 100, 100);
    make_side(&b, ids, 400, 400);
    set_regime(&a, 190);
    set_regime(&b, 800);
    struct comparisons comparisons = compare();
    assert_int_equal(comparisons.count, CELLS);
    assert_string_equal(comparisons.items[0].regime, "unlike");
    assert_int_equal(comparisons.items[0].verdict, VERDICT_INCONCLUSIVE);
    comparisons_free(&comparisons);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_matched_by_their_ids),
        cmocka_unit_test(other_machines_are_not_comparable),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(delta_is_the_larger_noise_floor),
        cmocka_unit_test(regimes_are_compared_each),
        cmocka_unit_test(one_regime_finds_its_like),
        cmocka_unit_test(unlike_regimes_prove_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

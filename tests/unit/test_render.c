/* SPDX-License-Identifier: MIT
 *
 * What a person gets to read: sentences of the right width, and one row for each regime of the machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "render/render.h"

static char *text;
static size_t length;

static FILE *open_text(void)
{
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    return file;
}

static void expect_has(const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text);
}

static void expect_lacks(const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in: %s", part, text);
}

/* ---- sentences ----------------------------------------------------------------------------------------------- */

static void test_sentences_are_broken_between_words(void **state)
{
    (void)state;
    FILE *file = open_text();
    say(file, "  indented words that go on and on and on until the line is full and goes on in the next %s",
        "one\nshort\n");
    fclose(file);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= COLUMNS);
        assert_true(strncmp(line, "  ", 2) == 0 || strcmp(line, "short") == 0);
    }
    free(text);
}

static void test_a_word_may_be_wider_than_the_line(void **state)
{
    (void)state;
    char word[200] = "";
    memset(word, 'x', sizeof word - 1);
    FILE *file = open_text();
    say(file, "a %s b\n", word);
    fclose(file);
    assert_int_equal(strlen(text), strlen(word) + 5);
    free(text);
}

/* ---- regimes ------------------------------------------------------------------------------------------------- */

enum { ROUNDS = 16 };

/* A run of one cell that costs 100 ns in the first half of its rounds and 400 in the second, while the yardstick says
 * `near_ns` and `far_ns`. */
static void make_run(struct result *result, struct cells *cells, struct axes *axes, double near_ns, double far_ns)
{
    static const char *specs[] = {"shm"}, *pins[] = {"auto"};
    static struct pairing pairings[] = {{WEIR_PROCESS, WEIR_PROCESS}};
    static size_t sizes[] = {64}, depths[] = {512};
    static struct workers workers[] = {{1, 1}};
    static enum pattern patterns[] = {PATTERN_STREAM};
    static enum codec codecs[] = {CODEC_RAW};
    static enum weir_wait waits[] = {WEIR_WAIT_DEFAULT};
    static uint32_t batches[] = {1};
    static enum access accesses[] = {ACCESS_COPY};
    *axes =
        (struct axes){specs, pairings, sizes, workers, patterns, codecs, waits, depths, batches, accesses, pins, NULL,
                      1,     1,        1,     1,       1,        1,      1,     1,      1,       1,        1,    0};
    assert_int_equal(cells_make(cells, axes), 0);
    *result = (struct result){.cells = cells, .axes = axes, .verbose = true};
    result->journal.places = 1;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        bool far = i >= ROUNDS / 2;
        struct epoch_cost cost = {.round = i, .wall_ns = (far ? 400 : 100) + i % 3, .epoch_ns = 10e6};
        assert_int_equal(cell_add_round(&cells->items[0], &cost), 0);
        assert_int_equal(journal_reserve(&result->journal), 0);
        result->journal.lines_ns[i] = far ? far_ns : near_ns;
        result->journal.lines_ns[i + 1] = far_ns;
        result->journal.round_count++;
    }
    journal_find_regimes(&result->journal);
}

static void render(double near_ns, double far_ns)
{
    struct result result;
    struct cells cells;
    struct axes axes;
    make_run(&result, &cells, &axes, near_ns, far_ns);
    FILE *file = open_text();
    render_table(file, &result);
    fclose(file);
    journal_free(&result.journal);
    cells_free(&cells);
}

static void test_two_regimes_have_a_row_each(void **state)
{
    (void)state;
    render(90, 400);
    expect_has("two regimes");
    expect_has("90.0 ns) 7 rounds, far (400 ns) 8 rounds, 1 between");
    expect_has("near 101 ns");
    expect_has("far  401 ns");
    expect_has("near 101 ns [100 ns, 102 ns],");
    expect_has("[400 ns, 402 ns]");
    free(text);
}

/* As where the budget ended before the far rounds had come to the cell. */
static void test_a_regime_without_rounds_has_no_figures(void **state)
{
    (void)state;
    struct result result;
    struct cells cells;
    struct axes axes;
    make_run(&result, &cells, &axes, 90, 400);
    cells.items[0].round_count = ROUNDS / 4;
    FILE *file = open_text();
    render_table(file, &result);
    fclose(file);
    expect_has("far     n/a n/a     n/a  n/a");
    expect_lacks("nan");
    free(text);
    journal_free(&result.journal);
    cells_free(&cells);
}

static void test_one_regime_has_one_row(void **state)
{
    (void)state;
    render(90, 91);
    expect_lacks("regimes");
    expect_lacks("near");
    free(text);
}

/* ---- layouts ------------------------------------------------------------------------------------------------- */

static bool has_head(const struct grid *grid, const char *head)
{
    for (size_t i = 0; i < grid->columns; i++)
        if (strcmp(grid->heads[i], head) == 0)
            return true;
    return false;
}

/* Two patterns, so that there is something to lay out. */
static void lay_out(struct grid *grid, size_t width)
{
    static enum pattern patterns[] = {PATTERN_STREAM, PATTERN_PINGPONG};
    struct result result;
    struct cells cells;
    struct axes axes;
    make_run(&result, &cells, &axes, 90, 91);
    cells_free(&cells);
    axes.patterns = patterns;
    axes.pattern_count = 2;
    result.verbose = false;
    assert_int_equal(cells_make(&cells, &axes), 0);
    assert_int_equal(costs_grid_make(grid, &result, width), 0);
    journal_free(&result.journal);
    cells_free(&cells);
}

static void test_the_table_grows_with_the_terminal(void **state)
{
    (void)state;
    size_t columns_before = 0;
    for (size_t width = 20; width < 120; width++) {
        struct grid grid;
        lay_out(&grid, width);
        bool beside = has_head(&grid, "STREAM") && has_head(&grid, "ROUND TRIP");
        assert_true(beside != has_head(&grid, "PATTERN"));
        assert_int_equal(grid.rows, beside ? 1 : 2);
        if (width >= 40)
            assert_true(grid_width(&grid) <= width);
        if (beside)
            assert_true(grid.columns >= columns_before);
        columns_before = beside ? grid.columns : 0;
        grid_free(&grid);
    }
    assert_true(columns_before > 8); /* all there is */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences_are_broken_between_words),
        cmocka_unit_test(test_a_word_may_be_wider_than_the_line),
        cmocka_unit_test(test_two_regimes_have_a_row_each),
        cmocka_unit_test(test_a_regime_without_rounds_has_no_figures),
        cmocka_unit_test(test_one_regime_has_one_row),
        cmocka_unit_test(test_the_table_grows_with_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

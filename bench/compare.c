/* SPDX-License-Identifier: MIT
 *
 * `weir compare`: two channels side by side, or two saved results.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lists.h"
#include "cli/session.h"
#include "cli/sides.h"
#include "cli/words.h"
#include "commands.h"
#include "compare.h"
#include "render/verdicts.h"

enum { KEY_FAIL_ON = KEY_OWN, KEY_STRICT, KEY_RERUN, KEY_DRY_RUN };

static const struct argp_option table[] = {
    {0, 0, 0, 0, "What the exit status says:", 0},
    {"fail-on", KEY_FAIL_ON, "VERDICT", 0, "slower: exit with 3 if B is slower than A in any comparison", 0},
    {"strict", KEY_STRICT, 0, 0, "exit with 4 if any comparison is inconclusive", 0},
    {0, 0, 0, 0, "Further:", 0},
    {"rerun", KEY_RERUN, 0, 0, "measure what is in two saved results again, side by side", 0},
    {"dry-run", KEY_DRY_RUN, 0, 0, "list the pairs of cells and stop", 0},
    {0, 0, 0, 0, 0, 0},
};

static const char *const failing[] = {"slower", NULL};

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct compare_options *options = values;
    switch (key) {
    case KEY_FAIL_ON:
        options->fail_on_slower = true;
        return find_word("verdict", text, failing, error) < 0 ? -1 : TAKEN;
    case KEY_STRICT:
        options->strict = true;
        return TAKEN;
    case KEY_RERUN:
        options->rerun = true;
        return TAKEN;
    case KEY_DRY_RUN:
        options->dry_run = true;
        return TAKEN;
    default:
        return NOT_MINE;
    }
}

static const char *const *words(int key)
{
    return key == KEY_FAIL_ON ? failing : NULL;
}

static const struct option_group own_group = {table, take, words};

const struct syntax compare_syntax = {
    "A B",
    "Tell whether B is faster or slower than A, or the same. Each is a channel, perhaps with options of its own in one "
    "word (\"shm -w 4x1\"); options that stand outside hold for both, and all is measured in the same rounds. Or each "
    "is "
    "a file that --json has written.\v"
    "Both sides must make the same number of cells, which are compared in their order. Default: stream and pingpong, "
    "between processes. The cells of files are compared by their ids; those of another machine, kernel or build are "
    "not "
    "comparable.\n\n"
    "Exit status: 0 ok, 1 a cell failed or nothing could be compared, 2 bad usage, 3 slower (--fail-on slower), 4 "
    "inconclusive (--strict), 130 interrupted.",
    {&sides_group, &axes_group, &schedule_group, &output_group, &own_group},
};

/* ---- live ---------------------------------------------------------------------------------------------------- */

void compare_no_memory(void)
{
    fprintf(stderr, "weir: no memory for the cells\n");
    exit(1);
}

/* Where B is the very thing that A is, its cells still need names of their own. */
static void name_second_half(struct cells *cells)
{
    size_t half = cells->count / 2;
    cells_name(cells);
    for (size_t i = 0; i < half; i++) {
        struct cell *b = &cells->items[half + i];
        size_t length = strlen(b->id);
        if (strcmp(cells->items[i].id, b->id) == 0)
            snprintf(b->id + length, sizeof b->id - length, "/again");
    }
}

void compare_join(struct cells *ret, struct cells *a, struct cells *b)
{
    size_t half = a->count;
    struct cell *items = realloc(a->items, 2 * half * sizeof *items);
    if (items == NULL)
        compare_no_memory();
    memcpy(items + half, b->items, half * sizeof *items);
    free(b->items);
    for (size_t i = 0; i < half; i++)
        items[i].is_baseline = true;
    *ret = (struct cells){items, 2 * half};
    *a = *b = (struct cells){0};
    name_second_half(ret);
}

static void refuse_paced(const struct axes *axes)
{
    for (size_t i = 0; i < axes->pattern_count; i++)
        if (axes->patterns[i] == PATTERN_PACED)
            usage_error("paced messages take the time that their rate gives them, whatever the channel: compare "
                        "pingpong, or see the latencies of weir run -m paced");
}

static void make_cells(struct cells *ret, const struct compare_options *options, const struct axes axes[2])
{
    struct cells sides[2];
    const char *const *words = options->sides.words;
    for (size_t i = 0; i < 2; i++) {
        refuse_paced(&axes[i]);
        if (cells_make(&sides[i], &axes[i]) != 0)
            compare_no_memory();
        session_check_twice(&sides[i], "");
    }
    size_t count = sides[0].count;
    if (count != sides[1].count)
        usage_error("'%s' makes %zu cell%s and '%s' makes %zu: they are compared one to one", words[0], count,
                    count == 1 ? "" : "s", words[1], sides[1].count);
    compare_join(ret, &sides[0], &sides[1]);
}

static int list_pairs(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count / 2; i++)
        printf("%s  %s\n", cells->items[i].id, cells->items[cells->count / 2 + i].id);
    return 0;
}

static void print_table(FILE *file, void *argument)
{
    const struct result *result = argument;
    render_rounds(file, "", result);
    render_verdicts(file, result->verdicts, result->color);
    render_notes(file, result->cells);
}

static void print_csv(FILE *file, void *result)
{
    render_verdicts_csv(file, ((const struct result *)result)->verdicts);
}

static void print_markdown(FILE *file, void *result)
{
    render_verdicts_markdown(file, ((const struct result *)result)->verdicts);
}

int compare_judge(const struct compare_options *options, const struct comparisons *comparisons)
{
    bool any = false, slower = false, inconclusive = false;
    for (size_t i = 0; i < comparisons->count; i++) {
        any |= comparisons->items[i].ratio > 0;
        slower |= comparisons->items[i].verdict == VERDICT_SLOWER;
        inconclusive |= comparisons->items[i].verdict == VERDICT_INCONCLUSIVE;
    }
    if (!any)
        return 1;
    return slower && options->fail_on_slower ? 3 : inconclusive && options->strict ? 4 : 0;
}

static int measure(const struct compare_options *options, struct cells *cells)
{
    static const struct output_formats formats = {render_json, print_csv, print_markdown, print_table};
    struct session session;
    struct verdicts verdicts = {.names = {options->sides.words[0], options->sides.words[1]}};
    int status = session_measure(&session, cells, &options->axes, &options->schedule, &options->output);
    if (status == 0 && compare_halves(&verdicts.comparisons, cells, &session.result.journal) != 0)
        compare_no_memory();
    session.result.verdicts = &verdicts;
    if (status == 0)
        status = session_write(&session, &options->output, &formats);
    if (status == 0)
        status = compare_judge(options, &verdicts.comparisons);
    comparisons_free(&verdicts.comparisons);
    session_end(&session);
    return status;
}

int compare_measure(const struct compare_options *options, struct cells *cells)
{
    return options->dry_run ? list_pairs(cells) : measure(options, cells);
}

static int compare_live(const struct compare_options *options)
{
    struct axes axes[2];
    struct cells cells;
    for (size_t i = 0; i < 2; i++)
        side_parse(&axes[i], options->sides.words[i], &options->axes);
    make_cells(&cells, options, axes);
    int status = compare_measure(options, &cells);
    cells_free(&cells);
    for (size_t i = 0; i < 2; i++)
        axes_free(&axes[i]);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

int command_compare(int argc, char **argv)
{
    struct compare_options options = {0};
    struct weir_error error;
    void *const values[] = {&options.sides, &options.axes, &options.schedule, &options.output, &options};
    syntax_parse(&compare_syntax, values, NULL, argc, argv);
    if (schedule_check(&options.schedule, &error) != 0 || output_check(&options.output, &error) != 0)
        usage_error("%s", error.text);
    bool files = sides_are_files(&options.sides);
    if (options.rerun && !files)
        usage_error("--rerun is for saved results; channels are measured anyway");
    int status = files ? compare_files(&options) : compare_live(&options);
    axes_free(&options.axes);
    return status;
}

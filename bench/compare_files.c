/* SPDX-License-Identifier: MIT
 *
 * `weir compare` of two saved results; with --rerun what they hold is measured again.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"
#include "compare.h"
#include "measure/unpaired.h"
#include "render/json.h"
#include "render/render.h"
#include "render/verdicts.h"

#define MOST_TOLD 5 /* cells that only one side has */

struct files {
    struct saved sides[2];
    struct matches matches;
    struct verdicts verdicts;
    char names[2][400];
    size_t resamples;
    uint64_t seed;
    bool color;
};

/* ---- output -------------------------------------------------------------------------------------------------- */

static json_t *origin_json(const struct saved *saved)
{
    return json_pack("{s:s, s:s, s:s}", "file", saved->path, "started", saved->started, "version", saved->version);
}

/* The result is that of B, with the comparisons to A. */
static void print_json(FILE *file, void *argument)
{
    const struct files *files = argument;
    json_t *root = json_copy(files->sides[1].document);
    json_object_set_new(root, "comparisons", verdicts_json(&files->verdicts));
    json_object_set_new(root, "compared",
                        json_pack("{s:o, s:o, s:I, s:I}", "a", origin_json(&files->sides[0]), "b",
                                  origin_json(&files->sides[1]), "resamples", (json_int_t)files->resamples, "seed",
                                  (json_int_t)files->seed));
    json_print(file, root);
}

static void print_csv(FILE *file, void *files)
{
    render_verdicts_csv(file, &((const struct files *)files)->verdicts);
}

static void print_markdown(FILE *file, void *files)
{
    render_verdicts_markdown(file, &((const struct files *)files)->verdicts);
}

static void print_lonely(FILE *file, const char *side, const struct reference *cells, size_t count)
{
    for (size_t i = 0; i < count && i < MOST_TOLD; i++)
        say(file, "only in %s: %s\n", side, cells[i].cell->id);
    if (count > MOST_TOLD)
        say(file, "only in %s: %zu more\n", side, count - MOST_TOLD);
}

static void print_unlike(FILE *file, const struct files *files)
{
    char a[32], b[32];
    const struct comparisons *comparisons = &files->verdicts.comparisons;
    if (comparisons->items[0].regime == NULL || strcmp(comparisons->items[0].regime, "unlike") != 0)
        return;
    format_ns(a, sizeof a, files->sides[0].journal.regimes[0].line_ns);
    format_ns(b, sizeof b, files->sides[1].journal.regimes[0].line_ns);
    say(file,
        "the CPUs were not as far apart in both (a cache line there and back: A %s, B %s), so that nothing can be "
        "concluded; --rerun measures both side by side\n",
        a, b);
}

/* Some costs are others in the long run: sleepers, for one, wake more slowly after a tenth of a second. */
static void print_epochs(FILE *file, const struct files *files)
{
    char a[32], b[32];
    const struct match *match = matches_of_other_epochs(&files->matches);
    if (match == NULL)
        return;
    format_ns(a, sizeof a, match->a->rounds[0].epoch_ns);
    format_ns(b, sizeof b, match->b->rounds[0].epoch_ns);
    say(file,
        "the epochs were not as long in both (%s: A %s, B %s), and some costs are others in the long run: measure both "
        "with the same --epoch, or --rerun\n",
        match->a->id, a, b);
}

static void print_table(FILE *file, void *argument)
{
    const struct files *files = argument;
    render_verdicts(file, &files->verdicts, files->color);
    print_unlike(file, files);
    print_epochs(file, files);
    if (files->matches.paced_count > 0)
        say(file, "not compared: %zu paced cell%s, whose time follows from the rate\n", files->matches.paced_count,
            files->matches.paced_count == 1 ? "" : "s");
    print_lonely(file, "A", files->matches.only_a, files->matches.only_a_count);
    print_lonely(file, "B", files->matches.only_b, files->matches.only_b_count);
    say(file, "Not measured side by side: what changed on the machine in between counts as a difference.\n");
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

static void refuse_options(const struct compare_options *options)
{
    const struct axes *axes = &options->axes;
    const struct schedule_options *schedule = &options->schedule;
    if (axes->pairing_count + axes->size_count + axes->workers_count + axes->pattern_count + axes->depth_count +
            axes->codec_count + axes->wait_count + axes->batch_count + axes->access_count + axes->pin_count +
            axes->rate_count >
        0)
        usage_error("options that say what to measure do not go with saved results, which say it");
    if (!options->rerun &&
        (schedule->rounds != 0 || schedule->budget_ns != 0 || schedule->precision > 0 || schedule->epoch_ns != 0))
        usage_error(
            "nothing is measured for saved results, so that --rounds, --budget, --precision and --epoch mean nothing "
            "(without --rerun)");
    if (!options->rerun && options->dry_run)
        usage_error("nothing is measured for saved results, so that there is nothing to list (without --rerun)");
    for (size_t i = 0; i < 2; i++)
        if (output_over(&options->output, options->sides.words[i]) != NULL)
            usage_error("'%s' would be written over, and is one of the results to compare", options->sides.words[i]);
}

static int compare(const struct compare_options *options, struct files *files)
{
    static const struct output_formats formats = {print_json, print_csv, print_markdown, print_table};
    const struct saved *a = &files->sides[0], *b = &files->sides[1];
    struct weir_error error;
    if (matches_make(&files->matches, a, b) != 0)
        compare_no_memory();
    if (check_comparable(a, b, &files->matches, &error) != 0)
        usage_error("%s; --rerun measures both again, side by side, on this machine", error.text);
    if (files->matches.count == 0 && files->matches.paced_count > 0)
        usage_error("'%s' and '%s' have only paced cells in common, whose time follows from their rate", a->path,
                    b->path);
    if (files->matches.count == 0)
        usage_error("'%s' and '%s' have no cell in common (A has %s, B has %s)", a->path, b->path, a->cells.items[0].id,
                    b->cells.items[0].id);
    if (strcmp(a->version, b->version) != 0 && !options->output.quiet)
        fprintf(stderr, "warning: A was measured by weir %s, B by weir %s: what differs may be weir itself\n",
                a->version, b->version);
    if (compare_saved(&files->verdicts.comparisons, a, b, &files->matches, files->seed, &files->resamples) != 0)
        compare_no_memory();
    int status = output_write(&options->output, &formats, files);
    if (status == 0)
        status = compare_judge(options, &files->verdicts.comparisons);
    comparisons_free(&files->verdicts.comparisons);
    matches_free(&files->matches);
    return status;
}

/* ---- again --------------------------------------------------------------------------------------------------- */

/* What a stranger's file says is not loaded as a module. */
static void check_setup(const struct saved *saved, const struct setup *setup)
{
    struct weir_error error;
    int cpus[2];
    if (strchr(setup->spec, '/') != NULL)
        usage_error("'%s' names the module '%s', which --rerun does not load", saved->path, setup->spec);
    if (spec_check(setup->spec, &error) != 0 || weir_placement(cpus, setup->pin, 1, 1, &error) != 0)
        usage_error("'%s': %s", saved->path, error.text);
}

/* The setups of the cells that have a cost. */
static void take_setups(struct cells *ret, const struct saved *saved)
{
    ret->items = calloc(saved->cells.count, sizeof *ret->items);
    if (ret->items == NULL)
        compare_no_memory();
    for (size_t i = 0; i < saved->cells.count; i++) {
        const struct cell *cell = &saved->cells.items[i];
        if (!cell_has_cost(cell))
            continue;
        check_setup(saved, &cell->setup);
        cell_start(&ret->items[ret->count++], &cell->setup);
    }
    if (ret->count == 0)
        usage_error("'%s' has no cell with a cost", saved->path);
}

static bool are_alike(struct cells *a, struct cells *b)
{
    cells_name(a);
    cells_name(b);
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i].id, b->items[i].id) != 0)
            return false;
    return true;
}

static int rerun(const struct compare_options *options, const struct files *files)
{
    struct cells sides[2] = {0}, cells;
    for (size_t i = 0; i < 2; i++)
        take_setups(&sides[i], &files->sides[i]);
    if (sides[0].count != sides[1].count)
        usage_error("'%s' has %zu measured cells and '%s' has %zu: they are compared one to one", files->sides[0].path,
                    sides[0].count, files->sides[1].path, sides[1].count);
    bool alike = are_alike(&sides[0], &sides[1]);
    compare_join(&cells, &sides[0], &sides[1]);
    if (alike && !options->output.quiet)
        fprintf(stderr, "note: both files have the same cells, so that what differs here is noise\n");
    int status = compare_measure(options, &cells);
    cells_free(&cells);
    return status;
}

static void load(struct files *files, size_t side, const char *path)
{
    struct weir_error error;
    struct saved *saved = &files->sides[side];
    if (saved_read(saved, path, &error) != 0)
        usage_error("%s", error.text);
    snprintf(files->names[side], sizeof files->names[side], "%s (%s%s)", path, saved->started,
             saved->interrupted ? ", interrupted" : "");
}

int compare_files(const struct compare_options *options)
{
    const char *const *words = options->sides.words;
    struct files files = {
        .verdicts = {.names = {files.names[0], files.names[1]}, .files = true},
        .seed = schedule_seed(&options->schedule),
        .color = output_wants_color(&options->output),
    };
    refuse_options(options);
    for (size_t i = 0; i < 2; i++)
        load(&files, i, words[i]);
    int status = options->rerun ? rerun(options, &files) : compare(options, &files);
    for (size_t i = 0; i < 2; i++)
        saved_free(&files.sides[i]);
    return status;
}

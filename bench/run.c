/* SPDX-License-Identifier: MIT
 *
 * `weir run`: from the command line to the results.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "render/render.h"
#include "machine/clock.h"
#include "measure/rounds.h"
#include "cli/words.h"

#define BUDGET_NS          INT64_C(10000000000)
#define BUDGET_PER_CELL_NS INT64_C(250000000)

/* ---- before -------------------------------------------------------------------------------------------------- */

static void check_output(const char *path)
{
    struct weir_error error;
    if (path != NULL && output_check(path, &error) != 0)
        usage_error("%s", error.text);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A value that stands twice in a list makes the same cell twice. */
static void check_twins(const struct cells *cells)
{
    const char **ids = calloc(cells->count, sizeof *ids);
    for (size_t i = 0; ids != NULL && i < cells->count; i++)
        ids[i] = cells->items[i].id;
    if (ids != NULL)
        qsort(ids, cells->count, sizeof *ids, compare_ids);
    for (size_t i = 1; ids != NULL && i < cells->count; i++)
        if (strcmp(ids[i], ids[i - 1]) == 0)
            usage_error("a value is given twice: the cell %s would be measured twice", ids[i]);
    free(ids);
}

static uint64_t draw_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint64_t)weir_now_ns();
    return seed >> 16; /* short enough to type, and exact in every JSON reader */
}

static bool wants_progress(const struct options *options)
{
    const char *term = getenv("TERM");
    if (options->progress != TOGGLE_AUTO)
        return options->progress == TOGGLE_ALWAYS;
    return !options->quiet && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

static bool wants_color(const struct options *options)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR"); /* https://no-color.org */
    if (options->color != TOGGLE_AUTO)
        return options->color == TOGGLE_ALWAYS;
    return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

static int list_cells(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        printf("%s%s%s\n", cells->items[i].id, cells->items[i].reason[0] ? ": skipped: " : "", cells->items[i].reason);
    return 0;
}

static void start_result(struct result *result, const struct options *options, struct environment *environment)
{
    time_t now = time(NULL);
    struct tm utc;
    clock_calibrate();
    environment_read(environment);
    result->axes = &options->axes;
    result->environment = environment;
    result->seed = options->seed_given ? options->seed : draw_seed();
    result->verbose = options->verbose;
    result->color = wants_color(options);
    if (gmtime_r(&now, &utc) == NULL || strftime(result->started, sizeof result->started, "%FT%TZ", &utc) == 0)
        strcpy(result->started, "1970-01-01T00:00:00Z");
}

/* ---- after --------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, void (*print)(FILE *, void *), struct result *result)
{
    struct weir_error error;
    if (path == NULL || output_write(path, print, result, &error) == 0)
        return 0;
    fprintf(stderr, "weir: %s\n", error.text);
    return 1;
}

static bool takes_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int write_results(const struct options *options, struct result *result)
{
    int failed = write_file(options->json, render_json, result);
    failed |= write_file(options->csv, render_csv, result);
    failed |= write_file(options->markdown, render_markdown, result);
    if (!takes_stdout(options->json) && !takes_stdout(options->csv) && !takes_stdout(options->markdown))
        render_table(stdout, result);
    return failed;
}

/* Without a table on stdout, what failed or is missing must still be told. */
static void tell_failures(const struct options *options, const struct cells *cells)
{
    if (!takes_stdout(options->json) && !takes_stdout(options->csv) && !takes_stdout(options->markdown))
        return;
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_FAILED)
            fprintf(stderr, "weir: %s failed: %s\n", cells->items[i].id, cells->items[i].reason);
}

static int exit_status(const struct cells *cells, int interrupted, int write_failed)
{
    if (interrupted != 0)
        return 128 + interrupted;
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_FAILED)
            return 1;
    return write_failed;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static enum rounds_end measure(const struct options *options, struct cells *cells, struct result *result,
                               int interrupt_fd)
{
    struct progress progress = {.on = wants_progress(options)};
    int64_t scaled_ns = (int64_t)cells->count * BUDGET_PER_CELL_NS;
    struct schedule schedule = {
        .rounds = options->rounds,
        .budget_ns = options->budget_ns != 0 ? options->budget_ns
                     : scaled_ns > BUDGET_NS ? scaled_ns
                                             : BUDGET_NS,
        .seed = result->seed,
        .interrupt_fd = interrupt_fd,
    };
    if (schedule.rounds == 0 && schedule.budget_ns == 0)
        schedule.budget_ns = scaled_ns > BUDGET_NS ? scaled_ns : BUDGET_NS;
    int64_t begin_ns = weir_now_ns();
    enum rounds_end end = rounds_run(cells, &schedule, &progress, &result->rounds);
    result->wall_s = (double)(weir_now_ns() - begin_ns) / 1e9;
    result->steal_percent = environment_steal_percent(result->environment);
    if (end == ROUNDS_INTERRUPTED) {
        result->interrupted = interrupt_read(interrupt_fd);
        if (result->interrupted == 0)
            result->interrupted = SIGINT;
    }
    return end;
}

int command_run(int argc, char **argv)
{
    struct options options;
    struct cells cells = {0};
    struct environment environment;
    struct result result = {.cells = &cells};
    int status = 1;
    options_parse(&options, argc, argv);
    check_output(options.json);
    check_output(options.csv);
    check_output(options.markdown);
    if (cells_make(&cells, &options.axes) != 0) {
        fprintf(stderr, "weir: no memory for the cells\n");
        goto done;
    }
    check_twins(&cells);
    if (options.dry_run) {
        status = list_cells(&cells);
        goto done;
    }
    start_result(&result, &options, &environment);
    int interrupt_fd = interrupt_open();
    /* Workers whose runner is killed become ours, so that none outlives the run. */
    if (interrupt_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        perror("weir: signals");
        goto done;
    }
    weir_sweep();
    if (!options.quiet)
        render_machine(stderr, &environment);
    enum rounds_end end = measure(&options, &cells, &result, interrupt_fd);
    if (end == ROUNDS_NO_MEMORY) {
        fprintf(stderr, "weir: no memory for the results\n");
        goto done;
    }
    int write_failed = write_results(&options, &result);
    tell_failures(&options, &cells);
    status = exit_status(&cells, result.interrupted, write_failed);
done:
    cells_free(&cells);
    options_free(&options);
    return status;
}

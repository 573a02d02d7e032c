/* SPDX-License-Identifier: MIT
 *
 * `weir run`: from the command line to the results.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "render/machine.h"
#include "render/render.h"
#include "machine/clock.h"
#include "measure/rounds.h"
#include "cli/words.h"

/* ---- before -------------------------------------------------------------------------------------------------- */

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

static int list_cells(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        printf("%s%s%s\n", cells->items[i].id, cells->items[i].reason[0] ? ": skipped: " : "", cells->items[i].reason);
    return 0;
}

static void look_round(struct environment *environment, struct checks *checks, const struct axes *axes)
{
    clock_calibrate();
    environment_read(environment, "");
    for (size_t pin = 0; pin < axes->pin_count; pin++)
        for (size_t i = 0; i < axes->workers_count; i++)
            environment_seat(environment, axes->pins[pin], axes->workers[i].producers, axes->workers[i].consumers);
    checks_make(checks, environment);
}

/* What the run itself has shown of its machine; warnings that were given at the start are not repeated. */
static void look_back(struct environment *environment, struct checks *checks, bool quiet)
{
    const struct checks said = *checks;
    environment_sample(environment);
    checks_make(checks, environment);
    if (!quiet)
        render_warnings(stderr, checks, &said);
}

static void start_result(struct result *result, const struct options *options)
{
    time_t now = time(NULL);
    struct tm utc;
    result->axes = &options->axes;
    result->seed = schedule_seed(&options->schedule);
    result->precision = options->schedule.precision;
    result->verbose = options->output.verbose;
    result->color = output_wants_color(&options->output);
    if (gmtime_r(&now, &utc) == NULL || strftime(result->started, sizeof result->started, "%FT%TZ", &utc) == 0)
        strcpy(result->started, "1970-01-01T00:00:00Z");
}

/* ---- after --------------------------------------------------------------------------------------------------- */

static void print_table(FILE *file, void *result)
{
    render_table(file, result);
}

/* Without a table on stdout, what failed or is missing must still be told. */
static void tell_failures(const struct options *options, const struct cells *cells)
{
    if (!output_takes_stdout(&options->output))
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

static void tell_small_budget(int64_t budget_ns, int64_t needed_ns)
{
    fprintf(stderr,
            "weir: a budget of %.3g s is too small to calibrate and to measure one round: give %.1f s or more\n",
            (double)budget_ns / 1e9, ceil(1.2 * (double)needed_ns / 1e8) / 10);
}

static enum rounds_end measure(const struct options *options, struct cells *cells, struct result *result,
                               int interrupt_fd)
{
    struct progress progress = {.on = output_wants_progress(&options->output)};
    struct schedule schedule = {
        .rounds = options->schedule.rounds,
        .budget_ns = schedule_budget_ns(&options->schedule, cells->count),
        .budget_is_firm = options->schedule.budget_ns != 0,
        .precision = options->schedule.precision,
        .seed = result->seed,
        .interrupt_fd = interrupt_fd,
    };
    int64_t begin_ns = weir_now_ns();
    int64_t needed_ns = 0;
    enum rounds_end end = rounds_run(cells, &schedule, &progress, &result->journal, &needed_ns);
    if (end == ROUNDS_BUDGET_TOO_SMALL)
        tell_small_budget(schedule.budget_ns, needed_ns);
    result->wall_s = (double)(weir_now_ns() - begin_ns) / 1e9;
    if (end == ROUNDS_INTERRUPTED) {
        result->interrupted = interrupt_read(interrupt_fd);
        if (result->interrupted == 0)
            result->interrupted = SIGINT;
    }
    return end;
}

int command_run(int argc, char **argv)
{
    static const struct output_formats formats = {render_json, render_csv, render_markdown, print_table};
    struct options options;
    struct cells cells = {0};
    struct environment environment;
    struct checks checks;
    struct result result = {.cells = &cells, .environment = &environment, .checks = &checks};
    int status = 1;
    options_parse(&options, command_names(), argc, argv);
    if (cells_make(&cells, &options.axes) != 0) {
        fprintf(stderr, "weir: no memory for the cells\n");
        goto done;
    }
    check_twins(&cells);
    if (options.dry_run) {
        status = list_cells(&cells);
        goto done;
    }
    look_round(&environment, &checks, &options.axes);
    start_result(&result, &options);
    int interrupt_fd = interrupt_open();
    /* Workers whose runner is killed become ours, so that none outlives the run. */
    if (interrupt_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        perror("weir: signals");
        goto done;
    }
    weir_sweep();
    if (!options.output.quiet) {
        render_machine(stderr, &environment);
        render_warnings(stderr, &checks, NULL);
        fputc('\n', stderr);
    }
    enum rounds_end end = measure(&options, &cells, &result, interrupt_fd);
    look_back(&environment, &checks, options.output.quiet);
    if (end == ROUNDS_NO_MEMORY) {
        fprintf(stderr, "weir: no memory for the results\n");
        goto done;
    }
    if (end == ROUNDS_BUDGET_TOO_SMALL) {
        status = 2;
        goto done;
    }
    int write_failed = output_write(&options.output, &formats, &result);
    tell_failures(&options, &cells);
    status = exit_status(&cells, result.interrupted, write_failed);
done:
    journal_free(&result.journal);
    cells_free(&cells);
    options_free(&options);
    return status;
}

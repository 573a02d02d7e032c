/* SPDX-License-Identifier: MIT
 *
 * Before, during and after the rounds.
 */
#include "session.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "machine/clock.h"
#include "machine/yardsticks.h"
#include "measure/rounds.h"
#include "render/machine.h"
#include "words.h"

#define SKEW_NS INT64_C(2000000) /* is enough to compare clocks for */

/* ---- before -------------------------------------------------------------------------------------------------- */

/* A value that stands twice in a list makes the same cell twice. */
void session_check_twice(const struct cells *cells, const char *where)
{
    const char *id = cells_find_twice(cells);
    if (id != NULL)
        usage_error("%sa value is given twice: the cell %s would be measured twice", where, id);
}

/* Cells that follow each other mostly sit alike. */
static void look_round(struct environment *environment, struct checks *checks, const struct cells *cells)
{
    clock_calibrate();
    environment_read(environment, "");
    const struct setup *last = NULL;
    for (size_t i = 0; i < cells->count; i++) {
        const struct setup *setup = &cells->items[i].setup;
        if (last == NULL || strcmp(setup->pin, last->pin) != 0 || setup->workers.producers != last->workers.producers ||
            setup->workers.consumers != last->workers.consumers)
            environment_seat(environment, setup->pin, setup->workers.producers, setup->workers.consumers);
        last = setup;
    }
    checks_make(checks, environment);
}

/* The machine, and what there is to warn of, unless an earlier session of this program has said so. */
static void tell_machine(const struct session *session)
{
    static struct checks said;
    static bool begun;
    if (!begun)
        render_machine(stderr, &session->environment);
    render_warnings(stderr, &session->checks, begun ? &said : NULL);
    if (!begun)
        fputc('\n', stderr);
    said = session->checks;
    begun = true;
}

void session_stamp(char *ret, size_t capacity)
{
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) == NULL || strftime(ret, capacity, "%FT%TZ", &utc) == 0)
        snprintf(ret, capacity, "1970-01-01T00:00:00Z");
}

static void start_result(struct session *session, struct cells *cells, const struct axes *axes,
                         const struct schedule_options *schedule, const struct output_options *output)
{
    session->result = (struct result){
        .cells = cells,
        .axes = axes,
        .environment = &session->environment,
        .checks = &session->checks,
        .seed = schedule_seed(schedule),
        .precision = schedule->precision,
        .verbose = output->verbose,
        .color = output_wants_color(output),
    };
    session_stamp(session->result.started, sizeof session->result.started);
}

/* ---- the rounds ---------------------------------------------------------------------------------------------- */

static void tell_small_budget(int64_t budget_ns, int64_t needed_ns)
{
    fprintf(stderr,
            "weir: a budget of %.3g s is too small to calibrate and to measure one round: give %.1f s or more\n",
            (double)budget_ns / 1e9, ceil(1.2 * (double)needed_ns / 1e8) / 10);
}

static enum rounds_end keep_schedule(struct result *result, struct cells *cells, const struct schedule_options *options,
                                     bool progress_on, int interrupt_fd)
{
    struct progress progress = {.on = progress_on};
    struct schedule schedule = {
        .rounds = options->rounds,
        .budget_ns = schedule_budget_ns(options, cells->count),
        .budget_is_firm = options->budget_ns != 0,
        .precision = options->precision,
        .epoch_ns = options->epoch_ns,
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

/* Between the CPUs of the first cell that takes one end's time from the other's. */
static double measure_skew(const struct cells *cells)
{
    int cpus[2];
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].setup.pattern == PATTERN_PACED && cells->items[i].status == CELL_OK &&
            weir_placement(cpus, cells->items[i].setup.pin, 1, 1, NULL) == 0 && cpus[0] >= 0 && cpus[0] != cpus[1])
            return yardstick_measure(YARDSTICK_SKEW_BOUND, cpus[0], cpus[1], 0, SKEW_NS);
    return NAN;
}

int session_measure(struct session *session, struct cells *cells, const struct axes *axes,
                    const struct schedule_options *schedule, const struct output_options *output)
{
    start_result(session, cells, axes, schedule, output);
    look_round(&session->environment, &session->checks, cells);
    int interrupt_fd = interrupt_open();
    /* Workers whose runner is killed become ours, so that none outlives the run. */
    if (interrupt_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        perror("weir: signals");
        return 1;
    }
    weir_sweep();
    if (!output->quiet)
        tell_machine(session);
    session->result.skew_ns = measure_skew(cells);
    enum rounds_end end = keep_schedule(&session->result, cells, schedule, output_wants_progress(output), interrupt_fd);
    close(interrupt_fd);
    environment_sample(&session->environment); /* what the run itself has shown of its machine */
    checks_make(&session->checks, &session->environment);
    if (!output->quiet)
        tell_machine(session);
    if (end == ROUNDS_NO_MEMORY)
        fprintf(stderr, "weir: no memory for the results\n");
    return end == ROUNDS_NO_MEMORY ? 1 : end == ROUNDS_BUDGET_TOO_SMALL ? 2 : 0;
}

void session_end(struct session *session)
{
    journal_free(&session->result.journal);
}

/* ---- after --------------------------------------------------------------------------------------------------- */

/* Without a table on stdout, what failed must still be told. */
static void tell_failures(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_FAILED)
            fprintf(stderr, "weir: %s failed: %s\n", cells->items[i].id, cells->items[i].reason);
}

static bool all_skipped(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status != CELL_SKIPPED)
            return false;
    return true;
}

int session_write(struct session *session, const struct output_options *output, const struct output_formats *formats)
{
    const struct cells *cells = session->result.cells;
    int status = output_write(output, formats, &session->result);
    if (output_takes_stdout(output))
        tell_failures(cells);
    if (session->result.interrupted != 0)
        return 128 + session->result.interrupted;
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_FAILED)
            return 1;
    if (!all_skipped(cells))
        return status;
    fprintf(stderr, "weir: nothing was measured: %s skipped\n", cells->count == 1 ? "the cell was" : "all cells were");
    return 1;
}

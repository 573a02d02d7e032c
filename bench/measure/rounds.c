/* SPDX-License-Identifier: MIT
 *
 * Interleaving.
 */
#include "rounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "calibration.h"
#include "limit.h"
#include "machine/yardsticks.h"
#include "order.h"
#include "random.h"
#include "statistics.h"

#define LINE_NS      INT64_C(1000000)
#define MOST_LINE_NS 20000 /* nothing is so far apart: the yardstick was put off its CPU */
#define LEAST_ROUNDS 3     /* without a firm budget */

struct run {
    struct cells *cells;
    const struct schedule *schedule;
    struct progress *progress;
    struct journal *journal;
    struct measurer measurer;
    struct limits limits;
    uint64_t random;   /* of the order */
    uint32_t *order;   /* of the round */
    int64_t *took_ns;  /* by each place's last epoch, with all that belongs to it */
    size_t calibrated; /* so many cells */
    int64_t yards_ns;  /* by the yardsticks after the last round */
    int line_cpus[2];  /* whose distance is measured; -1: none */
    int64_t begin_ns;
};

/* ---- places -------------------------------------------------------------------------------------------------- */

/* The cells, then the twins. */
static struct cell *cell_at(const struct run *run, size_t place)
{
    return place < run->cells->count ? &run->cells->items[place] : &run->journal->twins[place - run->cells->count].copy;
}

static int64_t left_ns(const struct run *run)
{
    return run->schedule->budget_ns == 0 ? INT64_MAX : run->begin_ns + run->schedule->budget_ns - weir_now_ns();
}

static int64_t round_takes_ns(const struct run *run)
{
    int64_t sum = 0;
    for (size_t i = 0; i < run->journal->places; i++)
        sum += cell_at(run, i)->status == CELL_OK ? run->took_ns[i] : 0;
    return sum;
}

static bool any_left(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_OK)
            return true;
    return false;
}

/* ---- before -------------------------------------------------------------------------------------------------- */

static int add_twin(struct run *run, size_t cell)
{
    struct journal *journal = run->journal;
    struct twin *twins = realloc(journal->twins, (journal->twin_count + 1) * sizeof *twins);
    if (twins == NULL)
        return -1;
    journal->twins = twins;
    struct twin *twin = &twins[journal->twin_count++];
    *twin = (struct twin){.cell = cell, .copy = run->cells->items[cell]};
    twin->copy.integrity = (struct integrity){0};
    return 0;
}

static int add_twins(struct run *run)
{
    const struct cells *cells = run->cells;
    size_t first = cells->count;
    for (size_t i = cells->count; i-- > 0;) {
        if (cells->items[i].status != CELL_OK)
            continue;
        first = i;
        if (cells->items[i].is_baseline && add_twin(run, i) != 0)
            return -1;
    }
    if (run->journal->twin_count == 0 && first < cells->count && add_twin(run, first) != 0)
        return -1;
    run->journal->places = cells->count + run->journal->twin_count;
    return 0;
}

static enum rounds_end calibrate_all(struct run *run)
{
    for (size_t i = 0; i < run->cells->count; i++) {
        struct cell *cell = &run->cells->items[i];
        progress_show(run->progress, "calibrating", i, run->cells->count);
        if (cell->status != CELL_OK)
            continue;
        if (calibrate(&run->measurer, cell) != 0)
            return ROUNDS_INTERRUPTED;
        run->took_ns[i] = run->measurer.took_ns;
        if (run->schedule->budget_is_firm && left_ns(run) < 0) {
            run->calibrated = i + 1;
            return ROUNDS_BUDGET_TOO_SMALL;
        }
    }
    run->calibrated = run->cells->count;
    return ROUNDS_DONE;
}

/* What calibration and one round would have taken, from as many cells as were calibrated. */
static int64_t needed_ns(const struct run *run)
{
    int64_t spent_ns = run->journal->calibration_ns;
    for (size_t i = 0; i < run->calibrated + run->journal->twin_count; i++)
        spent_ns += run->took_ns[i];
    int64_t calibrated = run->calibrated > 0 ? (int64_t)run->calibrated : 1;
    return spent_ns * (int64_t)run->cells->count / calibrated;
}

/* The CPUs of the first cell whose ends have one each. */
static void choose_line(struct run *run)
{
    run->line_cpus[0] = run->line_cpus[1] = -1;
    for (size_t i = 0; i < run->cells->count && run->line_cpus[0] < 0; i++) {
        int cpus[2];
        if (weir_placement(cpus, run->cells->items[i].setup.pin, 1, 1, NULL) == 0 && cpus[0] >= 0 && cpus[0] != cpus[1])
            memcpy(run->line_cpus, cpus, sizeof cpus);
    }
}

static double measure_line(const struct run *run)
{
    if (run->line_cpus[0] < 0)
        return NAN;
    double line_ns = yardstick_line_ns(run->line_cpus[0], run->line_cpus[1], LINE_NS);
    return line_ns < MOST_LINE_NS ? line_ns : NAN;
}

/* ---- the rounds ---------------------------------------------------------------------------------------------- */

/* With the budget as the end, a round may be the last in mid-way: which cells it reaches is drawn. */
static bool is_over(const struct run *run, size_t place)
{
    uint64_t least = run->schedule->budget_is_firm ? 1 : LEAST_ROUNDS;
    return run->journal->round_count >= least && left_ns(run) < run->took_ns[place] + run->yards_ns;
}

static void show_progress(const struct run *run, size_t done)
{
    const struct schedule *schedule = run->schedule;
    uint64_t places = run->journal->places;
    if (schedule->budget_ns != 0 && schedule->rounds == 0)
        progress_show(run->progress, "measuring", (uint64_t)(weir_now_ns() - run->begin_ns),
                      (uint64_t)schedule->budget_ns);
    else
        progress_show(run->progress, "measuring", run->journal->round_count * places + done, schedule->rounds * places);
}

/* Measures the round that journal_reserve made room for. */
static enum rounds_end go_round(struct run *run, struct round *round)
{
    struct journal *journal = run->journal;
    struct outcome outcome;
    round->steal_ns = 0;
    for (size_t i = 0; i < journal->places; i++) {
        size_t place = run->order[i];
        struct cell *cell = cell_at(run, place);
        if (cell->status != CELL_OK)
            continue;
        if (is_over(run, place)) {
            journal->last_round_is_partial = true;
            return ROUNDS_DONE;
        }
        show_progress(run, i);
        if (measure(&run->measurer, cell, false, &outcome) != 0)
            return ROUNDS_INTERRUPTED;
        run->took_ns[place] = run->measurer.took_ns;
        outcome.cost.round = (uint32_t)journal->round_count;
        round->steal_ns += outcome.cost.steal_ns;
        if (cell->status != CELL_OK) {
            journal_share_failures(journal, run->cells);
            continue;
        }
        if (cell_add_round(cell, &outcome.cost) != 0 ||
            cell_add_latency(cell, outcome.latency, outcome.uncorrected) != 0)
            return ROUNDS_NO_MEMORY;
        recalibrate(&run->measurer, cell, outcome.wall_ns);
    }
    return ROUNDS_DONE;
}

static bool is_narrow(const struct cell *cell, const struct journal *journal, double precision)
{
    struct estimate wall = estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice_main(journal));
    return isfinite(wall.low) && wall.high - wall.low <= 2 * precision * wall.median;
}

bool rounds_are_precise(const struct cells *cells, const struct journal *journal, double precision)
{
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_OK && !is_narrow(&cells->items[i], journal, precision))
            return false;
    return true;
}

static bool wants_more(struct run *run)
{
    const struct schedule *schedule = run->schedule;
    uint64_t done = run->journal->round_count;
    if (!any_left(run->cells) || (schedule->rounds != 0 && done >= schedule->rounds) ||
        run->journal->last_round_is_partial)
        return false;
    uint64_t least = schedule->rounds != 0 || schedule->budget_is_firm ? 1 : LEAST_ROUNDS;
    if (done >= least && left_ns(run) <= 0)
        return false;
    if (schedule->precision <= 0)
        return true;
    journal_find_regimes(run->journal);
    return !rounds_are_precise(run->cells, run->journal, schedule->precision);
}

static enum rounds_end go_on(struct run *run)
{
    struct journal *journal = run->journal;
    enum rounds_end end = ROUNDS_DONE;
    while (end == ROUNDS_DONE && wants_more(run)) {
        if (journal_reserve(journal) != 0)
            return ROUNDS_NO_MEMORY;
        size_t number = journal->round_count;
        if (number == 0)
            journal->lines_ns[0] = measure_line(run);
        order_draw(run->order, journal->places, number, &run->random);
        memcpy(&journal->orders[number * journal->places], run->order, journal->places * sizeof *run->order);
        end = go_round(run, &journal->rounds[number]);
        int64_t yards_begin_ns = weir_now_ns();
        if (end == ROUNDS_DONE && limits_measure_round(&run->limits) != 0)
            end = ROUNDS_NO_MEMORY;
        journal->lines_ns[number + 1] = measure_line(run);
        run->yards_ns = weir_now_ns() - yards_begin_ns;
        journal->last_round_is_partial |= end != ROUNDS_DONE;
        journal->round_count++;
    }
    journal_find_regimes(journal);
    limits_settle(&run->limits, run->cells, journal);
    return end;
}

static enum rounds_end run_all(struct run *run, int64_t *ret_needed_ns)
{
    enum rounds_end end = calibrate_all(run);
    run->journal->calibration_ns = weir_now_ns() - run->begin_ns;
    if (end == ROUNDS_DONE && (add_twins(run) != 0 || limits_plan(&run->limits, run->cells) != 0))
        end = ROUNDS_NO_MEMORY;
    for (size_t i = 0; end == ROUNDS_DONE && i < run->journal->twin_count; i++)
        run->took_ns[run->cells->count + i] = run->took_ns[run->journal->twins[i].cell];
    if (end == ROUNDS_DONE && run->schedule->budget_is_firm && left_ns(run) < round_takes_ns(run))
        end = ROUNDS_BUDGET_TOO_SMALL;
    if (end == ROUNDS_BUDGET_TOO_SMALL)
        *ret_needed_ns = needed_ns(run);
    return end == ROUNDS_DONE ? go_on(run) : end;
}

enum rounds_end rounds_run(struct cells *cells, const struct schedule *schedule, struct progress *progress,
                           struct journal *journal, int64_t *ret_needed_ns)
{
    struct run run = {
        .cells = cells,
        .schedule = schedule,
        .progress = progress,
        .journal = journal,
        .measurer = {.stage = stage_create(),
                     .random = schedule->seed,
                     .interrupt_fd = schedule->interrupt_fd,
                     .epoch_ns = schedule->epoch_ns > 0 ? schedule->epoch_ns : EPOCH_NS},
        .random = schedule->seed + 1,
        .order = calloc(2 * cells->count + 1, sizeof *run.order),
        .took_ns = calloc(2 * cells->count + 1, sizeof *run.took_ns),
        .begin_ns = weir_now_ns(),
    };
    enum rounds_end end = ROUNDS_NO_MEMORY;
    choose_line(&run);
    if (run.measurer.stage != NULL && run.order != NULL && run.took_ns != NULL)
        end = run_all(&run, ret_needed_ns);
    progress_clear(progress);
    limits_free(&run.limits);
    free(run.order);
    free(run.took_ns);
    if (run.measurer.stage != NULL)
        munmap(run.measurer.stage, sizeof *run.measurer.stage);
    return end;
}

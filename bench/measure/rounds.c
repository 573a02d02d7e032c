/* SPDX-License-Identifier: MIT
 *
 * Calibration and interleaving.
 */
#include "rounds.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "epoch.h"
#include "stage.h"

/* Long enough that two clock reads, a first wake and the last few microseconds do not matter. */
#define EPOCH_NS INT64_C(10000000)

#define FIRST_COUNT  64 /* messages, but of no more than this many bytes in all, and at least 2 */
#define FIRST_BYTES  ((size_t)4 << 20)
#define LEAST_COUNT  2
#define MOST_COUNT   (UINT64_C(1) << 24)
#define LEAST_ROUNDS 3

struct run {
    struct cells *cells;
    const struct schedule *schedule;
    struct progress *progress;
    struct stage *stage;
    size_t *order;
    uint64_t random;
};

/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 1: interrupted. */
static int measure(struct run *run, struct cell *cell, uint64_t count, struct outcome *outcome)
{
    uint64_t warm = count / 10 + 1;
    uint32_t number = (uint32_t)draw(&run->random);
    if (epoch_run(cell, run->stage, number, warm, count, run->schedule->interrupt_fd, outcome) != 0)
        return 1;
    integrity_add(&cell->integrity, &outcome->integrity);
    if (outcome->status != CELL_OK)
        cell_set(cell, outcome->status, "%s", outcome->reason);
    return 0;
}

/* The count with which the epoch would have been as long as wanted; a hundred times as many at most. */
static uint64_t scale_count(uint64_t count, int64_t wall_ns)
{
    double factor = (double)EPOCH_NS / (double)(wall_ns > 1000 ? wall_ns : 1000);
    double next = (double)count * (factor < 100 ? factor : 100);
    return next < LEAST_COUNT ? LEAST_COUNT : next > (double)MOST_COUNT ? MOST_COUNT : (uint64_t)next;
}

/* Grows the count until an epoch of it really was about as long as wanted: one that was long because the machine was
 * busy with something else is not believed. These epochs warm up code and pages; they are checked as all others, and
 * not counted among the rounds. */
static int calibrate(struct run *run, struct cell *cell)
{
    struct outcome outcome;
    uint64_t fit = FIRST_BYTES / cell->setup.size;
    cell->count = fit > FIRST_COUNT ? FIRST_COUNT : fit < LEAST_COUNT ? LEAST_COUNT : fit;
    for (int steps = 0; steps < 6 && cell->status == CELL_OK; steps++) {
        uint64_t count = cell->count;
        if (measure(run, cell, count, &outcome) != 0)
            return 1;
        if (cell->status == CELL_OK)
            cell->count = scale_count(count, outcome.wall_ns);
        if (cell->count < 2 * count)
            break;
    }
    return 0;
}

static void shuffle(struct run *run)
{
    size_t *order = run->order;
    for (size_t i = run->cells->count; i > 1; i--) {
        size_t other = (size_t)(draw(&run->random) % i); /* the bias of % is below 2^-40 here */
        size_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static enum rounds_end calibrate_all(struct run *run)
{
    for (size_t i = 0; i < run->cells->count; i++) {
        progress_show(run->progress, "calibrating", i, run->cells->count);
        if (run->cells->items[i].status == CELL_OK && calibrate(run, &run->cells->items[i]) != 0)
            return ROUNDS_INTERRUPTED;
    }
    return ROUNDS_DONE;
}

static enum rounds_end go_round(struct run *run, uint64_t done, uint64_t expected)
{
    struct outcome outcome;
    shuffle(run);
    for (size_t i = 0; i < run->cells->count; i++) {
        struct cell *cell = &run->cells->items[run->order[i]];
        progress_show(run->progress, "measuring", done * run->cells->count + i, expected * run->cells->count);
        if (cell->status != CELL_OK)
            continue;
        if (measure(run, cell, cell->count, &outcome) != 0)
            return ROUNDS_INTERRUPTED;
        if (cell->status == CELL_OK && cell_add_round(cell, &outcome.cost) != 0)
            return ROUNDS_NO_MEMORY;
        if (cell->status == CELL_OK && cell_add_latency(cell, outcome.latency, outcome.uncorrected) != 0)
            return ROUNDS_NO_MEMORY;
        if (cell->status == CELL_OK && outcome.wall_ns < EPOCH_NS / 2) /* calibrated on a slower machine, as it seems */
            cell->count = scale_count(cell->count, outcome.wall_ns);
    }
    return ROUNDS_DONE;
}

static bool any_left(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        if (cells->items[i].status == CELL_OK)
            return true;
    return false;
}

/* How many rounds there will be, as far as can be told after `done` of them. */
static uint64_t expected_rounds(const struct schedule *schedule, uint64_t done, int64_t spent_ns, int64_t left_ns)
{
    uint64_t most = schedule->rounds != 0 ? schedule->rounds : UINT64_MAX;
    uint64_t least = schedule->rounds != 0 ? 1 : LEAST_ROUNDS;
    if (schedule->budget_ns == 0)
        return most;
    if (done == 0)
        return least;
    int64_t per_round_ns = spent_ns / (int64_t)done + 1;
    uint64_t expected = done + (left_ns > 0 ? (uint64_t)(left_ns / per_round_ns) : 0);
    expected = expected > least ? expected : least;
    return expected < most ? expected : most;
}

static enum rounds_end go_on(struct run *run, int64_t begin_ns, uint64_t *rounds)
{
    const struct schedule *schedule = run->schedule;
    int64_t calibrated_ns = weir_now_ns();
    for (*rounds = 0; any_left(run->cells); ++*rounds) {
        int64_t now = weir_now_ns();
        uint64_t expected =
            expected_rounds(schedule, *rounds, now - calibrated_ns, begin_ns + schedule->budget_ns - now);
        if (*rounds >= expected)
            return ROUNDS_DONE;
        enum rounds_end end = go_round(run, *rounds, expected);
        if (end != ROUNDS_DONE)
            return end;
    }
    return ROUNDS_DONE;
}

enum rounds_end rounds_run(struct cells *cells, const struct schedule *schedule, struct progress *progress,
                           uint64_t *ret_rounds)
{
    int64_t begin_ns = weir_now_ns();
    struct run run = {.cells = cells, .schedule = schedule, .progress = progress, .random = schedule->seed};
    *ret_rounds = 0;
    run.stage = stage_create();
    run.order = calloc(cells->count, sizeof *run.order);
    if (run.stage == NULL || run.order == NULL) {
        free(run.order);
        return ROUNDS_NO_MEMORY;
    }
    for (size_t i = 0; i < cells->count; i++)
        run.order[i] = i;
    enum rounds_end end = calibrate_all(&run);
    if (end == ROUNDS_DONE)
        end = go_on(&run, begin_ns, ret_rounds);
    progress_clear(progress);
    free(run.order);
    munmap(run.stage, sizeof *run.stage);
    return end;
}

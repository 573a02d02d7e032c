/* SPDX-License-Identifier: MIT
 *
 * Growing an epoch to its length.
 */
#include "calibration.h"

#include <math.h>

#include "machine/environment.h"
#include "pace.h"
#include "random.h"

/* Workers that share a CPU take turns of some milliseconds. An epoch in which not all have had theirs shows how they
 * start: 4 to 4 processes on one CPU cost four times as much a message in 12 ms as in 50 ms or more. */
#define MOST_TURNS 8

#define FIRST_COUNT 64 /* messages, but of no more than this many bytes in all, and at least 2 */
#define FIRST_BYTES ((size_t)4 << 20)
#define LEAST_COUNT 2
#define MOST_COUNT  (UINT64_C(1) << 24)

int measure(struct measurer *measurer, struct cell *cell, bool exploring, struct outcome *outcome)
{
    struct epoch_plan plan = {
        .run = (uint32_t)random_draw(&measurer->random),
        .warm = cell->count / 10 + 1,
        .count = cell->count,
        .exploring = exploring,
    };
    int64_t begin_ns = weir_now_ns(), begin_steal_ns = environment_steal_ns();
    if (epoch_run(cell, measurer->stage, &plan, measurer->interrupt_fd, outcome) != 0)
        return 1;
    int64_t end_steal_ns = environment_steal_ns();
    outcome->cost.steal_ns = begin_steal_ns < 0 || end_steal_ns < 0 ? NAN : (double)(end_steal_ns - begin_steal_ns);
    measurer->took_ns = weir_now_ns() - begin_ns;
    integrity_add(&cell->integrity, &outcome->integrity);
    if (outcome->status != CELL_OK)
        cell_set(cell, outcome->status, "%s", outcome->reason);
    return 0;
}

static int64_t epoch_ns(const struct measurer *measurer, const struct setup *setup)
{
    int cpus = weir_cpus_allowed(NULL, 0);
    int workers = (int)(setup->workers.producers + setup->workers.consumers);
    int turns = cpus > 0 ? (workers + cpus - 1) / cpus : 1;
    return measurer->epoch_ns * (turns < MOST_TURNS ? turns : MOST_TURNS);
}

/* The count with which the epoch would have been as long as wanted; a hundred times as many at most. */
static uint64_t scale_count(const struct measurer *measurer, const struct cell *cell, uint64_t count, int64_t wall_ns)
{
    double factor = (double)epoch_ns(measurer, &cell->setup) / (double)(wall_ns > 1000 ? wall_ns : 1000);
    double next = (double)count * (factor < 100 ? factor : 100);
    return next < LEAST_COUNT ? LEAST_COUNT : next > (double)MOST_COUNT ? MOST_COUNT : (uint64_t)next;
}

/* The rate says how many messages there are. */
static int explore_paced(struct measurer *measurer, struct cell *cell)
{
    struct outcome outcome;
    cell->count = pace_count(&cell->setup);
    if (measure(measurer, cell, true, &outcome) != 0)
        return 1;
    cell->memory = outcome.memory;
    return 0;
}

/* An epoch that was long because the machine was busy with something else is not believed: only a second one of about
 * the same count ends this. */
int calibrate(struct measurer *measurer, struct cell *cell)
{
    struct outcome outcome;
    if (cell->setup.pattern == PATTERN_PACED)
        return explore_paced(measurer, cell);
    uint64_t fit = FIRST_BYTES / cell->setup.size;
    cell->count = fit > FIRST_COUNT ? FIRST_COUNT : fit < LEAST_COUNT ? LEAST_COUNT : fit;
    for (int steps = 0; steps < 6 && cell->status == CELL_OK; steps++) {
        uint64_t count = cell->count;
        if (measure(measurer, cell, true, &outcome) != 0)
            return 1;
        if (cell->status != CELL_OK)
            break;
        cell->memory = outcome.memory;
        cell->fixed_ns = outcome.fixed_ns;
        cell->count = scale_count(measurer, cell, count, outcome.wall_ns);
        if (cell->count < 2 * count)
            break;
    }
    return 0;
}

void recalibrate(const struct measurer *measurer, struct cell *cell, int64_t wall_ns)
{
    if (wall_ns < epoch_ns(measurer, &cell->setup) / 2 && cell->setup.pattern != PATTERN_PACED)
        cell->count = scale_count(measurer, cell, cell->count, wall_ns);
}

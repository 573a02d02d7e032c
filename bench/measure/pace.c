/* SPDX-License-Identifier: MIT
 *
 * How many messages, and whether they kept up.
 */
#include "pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "statistics.h"

#define EPOCH_S      0.05
#define LONGEST_S    1.0 /* of an epoch that is stretched for the sake of LEAST_COUNT */
#define LEAST_COUNT  20
#define MOST_COUNT   100000
#define MOST_BYTES   (256.0 * 1024 * 1024)
#define LEAST_BEHIND 2 /* messages: one may be late by chance */

uint64_t pace_count(const struct setup *setup)
{
    double fit = floor(MOST_BYTES / (double)setup->size);
    double count = ceil(EPOCH_S * setup->rate);
    count = fmax(count, fmin(LEAST_COUNT, LONGEST_S * setup->rate));
    count = fmin(fmin(count, MOST_COUNT), fmax(fit, 2));
    count = ceil(fmax(count, 2) / setup->workers.producers);
    return (uint64_t)count;
}

unsigned pace_part_shift(uint64_t messages)
{
    unsigned shift = 0;
    while ((messages - 1) >> shift >= PACE_PARTS)
        shift++;
    return shift;
}

/* The median slope of lateness over time, of all pairs of parts. */
static double growth_of(const struct setup *setup, const struct arrivals *arrivals)
{
    const uint64_t each = UINT64_C(1) << pace_part_shift(arrivals->messages);
    double due_ns[PACE_PARTS], late_ns[PACE_PARTS], slopes[PACE_PARTS * (PACE_PARTS - 1) / 2];
    size_t parts = 0, count = 0;
    for (uint64_t from = 0; from < arrivals->messages; from += each, parts++) {
        double messages = fmin((double)each, (double)(arrivals->messages - from));
        due_ns[parts] = ((double)from + (messages - 1) / 2) * pace_interval_ns(setup);
        late_ns[parts] = (double)arrivals->late_ns[parts] / messages;
        for (size_t before = 0; before < parts; before++)
            slopes[count++] = (late_ns[parts] - late_ns[before]) / (due_ns[parts] - due_ns[before]);
    }
    return estimate_median(slopes, count).median;
}

struct pace pace_of_arrivals(const struct setup *setup, const struct arrivals *arrivals)
{
    if (arrivals->messages < 2 || arrivals->last_ns <= arrivals->first_ns)
        return (struct pace){NAN, NAN, NAN};
    double between = (double)(arrivals->messages - 1);
    double took_s = (double)(arrivals->last_ns - arrivals->first_ns) / 1e9;
    return (struct pace){
        .achieved = between / took_s,
        .behind = took_s * setup->rate - between,
        .growth = growth_of(setup, arrivals),
    };
}

static double median_of(const struct cell *cell, size_t offset, double *values)
{
    for (size_t i = 0; i < cell->round_count; i++)
        memcpy(&values[i], (const char *)&cell->rounds[i].pace + offset, sizeof *values);
    return estimate_median(values, cell->round_count).median;
}

struct pace pace_of_cell(const struct cell *cell)
{
    struct pace pace = {NAN, NAN, NAN};
    double *values = calloc(cell->round_count + 1, sizeof *values);
    if (values != NULL) {
        pace.achieved = median_of(cell, offsetof(struct pace, achieved), values);
        pace.behind = median_of(cell, offsetof(struct pace, behind), values);
        pace.growth = median_of(cell, offsetof(struct pace, growth), values);
    }
    free(values);
    return pace;
}

bool pace_is_saturated(const struct setup *setup, struct pace pace)
{
    return pace.achieved < PACE_KEPT * setup->rate && pace.behind >= LEAST_BEHIND && pace.growth > 1 / PACE_KEPT - 1;
}

bool cell_is_saturated(const struct cell *cell)
{
    size_t saturated = 0;
    for (size_t i = 0; i < cell->round_count; i++)
        saturated += pace_is_saturated(&cell->setup, cell->rounds[i].pace);
    return cell->setup.pattern == PATTERN_PACED && cell->status == CELL_OK && saturated > 0 &&
           4 * saturated >= 3 * cell->round_count;
}

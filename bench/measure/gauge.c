/* SPDX-License-Identifier: MIT
 *
 * The list of gauges.
 */
#include "gauge.h"

#include <math.h>
#include <stdlib.h>

#include "grow.h"

static bool is_same(const struct gauge *a, const struct gauge *b)
{
    return a->yardstick == b->yardstick && a->cpu_a == b->cpu_a && a->cpu_b == b->cpu_b && a->size == b->size;
}

int gauges_add(struct gauges *gauges, enum yardstick yardstick, int cpu_a, int cpu_b, size_t size)
{
    const struct yardstick_facts *facts = yardstick_facts(yardstick);
    const struct gauge gauge = {.yardstick = yardstick,
                                .cpu_a = cpu_a,
                                .cpu_b = facts->is_pair ? cpu_b : -1,
                                .size = facts->is_sized ? size : 0};
    for (size_t i = 0; i < gauges->count; i++)
        if (is_same(&gauges->items[i], &gauge))
            return (int)i;
    struct gauge *items = grow(gauges->items, gauges->count, &gauges->capacity, sizeof *items);
    if (items == NULL)
        return -1;
    gauges->items = items;
    gauges->items[gauges->count] = gauge;
    return (int)gauges->count++;
}

int gauge_measure(struct gauge *gauge, int64_t for_ns)
{
    double *values = grow(gauge->values, gauge->count, &gauge->capacity, sizeof *values);
    if (values == NULL)
        return -1;
    gauge->values = values;
    gauge->values[gauge->count++] =
        yardstick_measure(gauge->yardstick, gauge->cpu_a, gauge->cpu_b, gauge->size, for_ns);
    return 0;
}

struct estimate gauge_estimate(const struct gauge *gauge, struct slice slice)
{
    double *known = calloc(gauge->count + 1, sizeof *known);
    size_t count = 0;
    if (known == NULL)
        return (struct estimate){NAN, NAN, NAN};
    for (size_t i = 0; i < gauge->count; i++)
        if (isfinite(gauge->values[i]) && slice_holds(slice, i))
            known[count++] = gauge->values[i];
    struct estimate estimate = estimate_median(known, count);
    free(known);
    return estimate;
}

size_t gauge_known(const struct gauge *gauge)
{
    size_t count = 0;
    for (size_t i = 0; i < gauge->count; i++)
        count += isfinite(gauge->values[i]) != 0;
    return count;
}

void gauges_free(struct gauges *gauges)
{
    for (size_t i = 0; i < gauges->count; i++)
        free(gauges->items[i].values);
    free(gauges->items);
    *gauges = (struct gauges){0};
}

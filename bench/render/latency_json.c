/* SPDX-License-Identifier: MIT
 *
 * Histograms are written whole, so that other programs can merge them and take other percentiles.
 */
#include "latency_json.h"

#include <math.h>

#include "measure/histogram.h"
#include "measure/pace.h"

static json_t *percentile_json(const struct histogram *histogram, unsigned per_mille)
{
    int64_t ns;
    return histogram_percentile(histogram, per_mille, &ns) ? json_integer(ns) : json_null();
}

/* The lowest time of each bucket that holds any, and how many it holds. */
static json_t *counts_json(const struct histogram *histogram)
{
    json_t *counts = json_array();
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        if (histogram->counts[bucket] > 0)
            json_array_append_new(counts, json_pack("[I, I]", (json_int_t)histogram_lowest(bucket),
                                                    (json_int_t)histogram->counts[bucket]));
    return counts;
}

static json_t *histogram_json(const struct histogram *histogram)
{
    return json_pack("{s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:I, s:{s:s, s:i, s:o}}", "n", (json_int_t)histogram->n,
                     "below_zero", (json_int_t)histogram->negatives, "min", (json_int_t)histogram->min, "mean",
                     histogram_mean(histogram), "p50", percentile_json(histogram, 500), "p90",
                     percentile_json(histogram, 900), "p99", percentile_json(histogram, 990), "p999",
                     percentile_json(histogram, 999), "max", (json_int_t)histogram->max, "histogram", "unit", "ns",
                     "bits", HISTOGRAM_BITS, "counts", counts_json(histogram));
}

json_t *latency_json(const struct cell *cell)
{
    if (cell->latency == NULL || cell->latency->n == 0)
        return json_null();
    bool one_way = cell->setup.pattern == PATTERN_PACED;
    bool has_uncorrected = cell->uncorrected != NULL && cell->uncorrected->n > 0;
    json_t *object = histogram_json(cell->latency);
    json_object_set_new(object, "kind", json_string(one_way ? "one_way" : "round_trip"));
    json_object_set_new(object, "uncorrected", has_uncorrected ? histogram_json(cell->uncorrected) : json_null());
    return object;
}

json_t *rate_json(const struct cell *cell)
{
    if (cell->setup.pattern != PATTERN_PACED)
        return json_null();
    double achieved = cell->status == CELL_OK ? pace_of_cell(cell).achieved : NAN;
    bool known = isfinite(achieved);
    return json_pack("{s:f, s:o, s:o}", "asked", cell->setup.rate, "achieved",
                     known ? json_real(achieved) : json_null(), "saturated",
                     known ? json_boolean(cell_is_saturated(cell)) : json_null());
}

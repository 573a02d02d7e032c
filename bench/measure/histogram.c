/* SPDX-License-Identifier: MIT
 *
 * What is asked of a histogram once it is filled.
 */
#include "histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BEYOND 10

_Static_assert(HISTOGRAM_BUCKETS < 1 << 16, "a bucket's number stays small");

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->min = INT64_MAX;
    histogram->max = INT64_MIN;
}

struct histogram *histogram_create(void)
{
    struct histogram *histogram = malloc(sizeof *histogram);
    if (histogram != NULL)
        histogram_clear(histogram);
    return histogram;
}

int64_t histogram_lowest(size_t bucket)
{
    size_t power = bucket >> HISTOGRAM_BITS;
    if (power == 0)
        return (int64_t)bucket;
    size_t within = bucket & ((1u << HISTOGRAM_BITS) - 1);
    return (int64_t)(((1u << HISTOGRAM_BITS) + within) << (power - 1));
}

int64_t histogram_highest(size_t bucket)
{
    return bucket + 1 < HISTOGRAM_BUCKETS ? histogram_lowest(bucket + 1) - 1 : INT64_MAX;
}

void histogram_merge(struct histogram *histogram, const struct histogram *part)
{
    histogram->n += part->n;
    histogram->negatives += part->negatives;
    histogram->sum += part->sum;
    histogram->min = part->min < histogram->min ? part->min : histogram->min;
    histogram->max = part->max > histogram->max ? part->max : histogram->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->counts[i] += part->counts[i];
}

/* How many of them are not beyond the quantile. */
static uint64_t rank_of(const struct histogram *histogram, unsigned per_mille)
{
    uint64_t rank = (histogram->n * per_mille + 999) / 1000;
    return rank > 0 ? rank : 1;
}

int64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille)
{
    if (histogram->n == 0)
        return 0;
    uint64_t rank = rank_of(histogram, per_mille), seen = 0;
    size_t bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS && (seen += histogram->counts[bucket]) < rank)
        bucket++;
    int64_t highest = bucket < HISTOGRAM_BUCKETS ? histogram_highest(bucket) : INT64_MAX;
    int64_t most = histogram->max > 0 ? histogram->max : 0;
    return highest < most ? highest : most;
}

bool histogram_percentile(const struct histogram *histogram, unsigned per_mille, int64_t *ret_ns)
{
    if (histogram->n < rank_of(histogram, per_mille) + LEAST_BEYOND)
        return false;
    *ret_ns = histogram_quantile(histogram, per_mille);
    return true;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->n > 0 ? (double)histogram->sum / (double)histogram->n : NAN;
}

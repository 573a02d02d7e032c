/* SPDX-License-Identifier: MIT
 *
 * Cutting histograms up and putting them together.
 */
#include "chunk.h"

/* The next bucket from `bucket` that holds anything. */
static size_t next_filled(const struct histogram *histogram, size_t bucket)
{
    while (bucket < HISTOGRAM_BUCKETS && histogram->counts[bucket] == 0)
        bucket++;
    return bucket;
}

int chunk_write_all(int fd, const struct histogram *histogram, bool corrected)
{
    weir_Latency chunk = {.corrected = corrected,
                          .negatives = histogram->negatives,
                          .sum_ns = histogram->sum,
                          .min_ns = histogram->min,
                          .max_ns = histogram->max};
    size_t bucket = next_filled(histogram, 0);
    while (bucket < HISTOGRAM_BUCKETS) {
        chunk.first_bucket = (uint32_t)bucket;
        chunk.counts_count = 0;
        while (bucket < HISTOGRAM_BUCKETS && chunk.counts_count < REPORT_LATENCY_COUNTS)
            chunk.counts[chunk.counts_count++] = histogram->counts[bucket++];
        if (report_write_latency(fd, &chunk) != 0)
            return -1;
        chunk.negatives = chunk.sum_ns = 0;
        bucket = next_filled(histogram, bucket);
    }
    return 0;
}

int chunk_add(struct histogram *histogram, const weir_Latency *chunk)
{
    if (chunk->first_bucket >= HISTOGRAM_BUCKETS || chunk->counts_count > HISTOGRAM_BUCKETS - chunk->first_bucket)
        return -1;
    for (size_t i = 0; i < chunk->counts_count; i++) {
        histogram->counts[chunk->first_bucket + i] += chunk->counts[i];
        histogram->n += chunk->counts[i];
    }
    histogram->negatives += chunk->negatives;
    histogram->sum += chunk->sum_ns;
    histogram->min = chunk->min_ns < histogram->min ? chunk->min_ns : histogram->min;
    histogram->max = chunk->max_ns > histogram->max ? chunk->max_ns : histogram->max;
    return 0;
}

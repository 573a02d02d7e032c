/* SPDX-License-Identifier: MIT
 *
 * Histograms of times in nanoseconds, from 0 to INT64_MAX. Log-linear, as HdrHistogram is (Tene, 2012): each power of
 * two is cut into 128 buckets of equal width. Below 256 a bucket is one nanosecond wide and exact; above, its width is
 * less than 1/128 of its lowest value. Recording is a few instructions without a branch on the value, histograms add
 * up, and nothing is thrown away but the place within a bucket.
 *
 * A bucket stands for its highest value, so a percentile never says less than what was measured, and at most 0.79 %
 * more.
 */
#ifndef WEIR_BENCH_HISTOGRAM_H
#define WEIR_BENCH_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BITS    7 /* of a value, below its highest */
#define HISTOGRAM_BUCKETS ((size_t)(64 - HISTOGRAM_BITS) << HISTOGRAM_BITS)

struct histogram {
    uint64_t n;
    uint64_t negatives; /* of the n: times below 0 (two clocks that disagree), which count as 0 */
    uint64_t sum;       /* of all, exact below 2^64 ns, 584 years */
    int64_t min, max;   /* exact; min may be negative; they mean nothing while n is 0 */
    uint64_t counts[HISTOGRAM_BUCKETS];
};

/* Empty; NULL if memory ran out. To be freed with free. */
struct histogram *histogram_create(void);
void histogram_clear(struct histogram *histogram);

/* The bucket of a value that is not negative; and the lowest and the highest value of a bucket. */
static inline size_t histogram_bucket(int64_t value)
{
    unsigned shift = 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll((uint64_t)value | 1u << HISTOGRAM_BITS);
    return ((size_t)shift << HISTOGRAM_BITS) + ((uint64_t)value >> shift);
}

int64_t histogram_lowest(size_t bucket);
int64_t histogram_highest(size_t bucket);

/* One thread at a time. */
static inline void histogram_record(struct histogram *histogram, int64_t ns)
{
    int64_t value = ns > 0 ? ns : 0;
    histogram->n++;
    histogram->negatives += ns < 0;
    histogram->sum += (uint64_t)value;
    histogram->min = ns < histogram->min ? ns : histogram->min;
    histogram->max = ns > histogram->max ? ns : histogram->max;
    histogram->counts[histogram_bucket(value)]++;
}

/* As if all that `part` recorded had been recorded here. */
void histogram_merge(struct histogram *histogram, const struct histogram *part);

/* The least value that at least per_mille thousandths of all (at least one) do not exceed, up to the width of its
 * bucket; 0 of none. Whether so few say anything is another question: */
int64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille);

/* The same, but false, and nothing written, if fewer than 10 were beyond it: then a handful of chances decides. */
bool histogram_percentile(const struct histogram *histogram, unsigned per_mille, int64_t *ret_ns);

/* NaN of none. */
double histogram_mean(const struct histogram *histogram);

#endif

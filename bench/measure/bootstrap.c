/* SPDX-License-Identifier: MIT
 *
 * Drawing again and again.
 */
#include "bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

#define MOST_DRAWS      400000000.0 /* seconds */
#define LEAST_RESAMPLES 200

size_t bootstrap_resamples(size_t rounds)
{
    double most = MOST_DRAWS / (double)(rounds + 1);
    return most > BOOTSTRAP_RESAMPLES ? BOOTSTRAP_RESAMPLES : most < LEAST_RESAMPLES ? LEAST_RESAMPLES : (size_t)most;
}

static void swap(double *a, double *b)
{
    double kept = *a;
    *a = *b;
    *b = kept;
}

/* Puts the value of rank `wanted` in its place, smaller ones before it: Hoare, "Algorithm 65: find", 1961. */
static double select_rank(double *values, size_t count, size_t wanted)
{
    size_t first = 0, last = count - 1;
    while (first < last) {
        double pivot = values[first + (last - first) / 2];
        size_t i = first, j = last;
        for (;; i++, j--) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&values[i], &values[j]);
        }
        if (wanted <= j)
            last = j;
        else
            first = j + 1;
    }
    return values[wanted];
}

static double median_of(double *values, size_t count)
{
    double upper = select_rank(values, count, count / 2);
    return count % 2 ? upper : (upper + select_rank(values, count, count / 2 - 1)) / 2;
}

/* One resample into `drawn`, and its median. Blocks are as long as there are blocks, about: a compromise between many
 * blocks and blocks long enough to hold what belongs together. */
static double draw_median(struct rounds_view rounds, double *drawn, uint64_t *random)
{
    size_t blocks = (size_t)lround(sqrt((double)rounds.count)), count = 0;
    for (size_t i = 0; i < blocks; i++) {
        size_t block = random_below(random, blocks);
        size_t begin = block * rounds.count / blocks, length = (block + 1) * rounds.count / blocks - begin;
        for (size_t j = 0; j < length; j++)
            drawn[count++] = rounds.values[begin + random_below(random, length)];
    }
    return median_of(drawn, count);
}

static double middle(struct rounds_view rounds, double *scratch)
{
    memcpy(scratch, rounds.values, rounds.count * sizeof *scratch);
    return median_of(scratch, rounds.count);
}

int bootstrap_ratio(struct estimate *ret, struct rounds_view a, struct rounds_view b, size_t resamples, uint64_t seed)
{
    struct estimate estimate = {NAN, NAN, NAN};
    uint64_t random = seed;
    size_t most = a.count > b.count ? a.count : b.count;
    /* Blocks differ in length by one round at most, so a resample can be longer than the original by one a block. */
    double *drawn = calloc(2 * most + 2, sizeof *drawn), *ratios = calloc(resamples + 1, sizeof *ratios);
    if (drawn == NULL || ratios == NULL) {
        free(drawn);
        free(ratios);
        return -1;
    }
    if (a.count > 0 && b.count > 0)
        estimate.median = middle(b, drawn) / middle(a, drawn);
    if (a.count >= BOOTSTRAP_LEAST_ROUNDS && b.count >= BOOTSTRAP_LEAST_ROUNDS && resamples > 0) {
        for (size_t i = 0; i < resamples; i++) {
            double of_a = draw_median(a, drawn, &random);
            ratios[i] = draw_median(b, drawn, &random) / of_a;
        }
        size_t tail = resamples / 40;
        estimate.low = select_rank(ratios, resamples, tail);
        estimate.high = select_rank(ratios, resamples, resamples - 1 - tail);
    }
    free(drawn);
    free(ratios);
    *ret = estimate;
    return 0;
}

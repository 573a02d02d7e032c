/* SPDX-License-Identifier: MIT
 *
 * What `weir limits` measures: which yardsticks, between which CPUs, at which sizes.
 */
#ifndef WEIR_BENCH_SURVEY_H
#define WEIR_BENCH_SURVEY_H

#include "gauge.h"
#include "machine/distance.h"

struct survey {
    struct gauges gauges;
    struct spot *spots; /* of the CPUs */
    size_t spot_count;
};

/* With so many CPUs or fewer each pair has a row; with more, one pair for each distance. */
#define SURVEY_FEW_CPUS 8
/* And with so many or fewer each pair is measured if `whole` is asked for. */
#define SURVEY_MOST_CPUS 32

/* Sets up the gauges of the groups that `wants` says. The line's round trip is measured for every pair of few CPUs, or
 * of more if the whole is asked for; all else between the first pair of each distance. `root`: see distance.h.
 * 0 or -1 (memory). */
int survey_make(struct survey *ret, const char *root, const int *cpus, size_t cpu_count,
                const bool wants[YARDSTICK_COUNT], bool whole);

/* The distance between the CPUs of a gauge that has two. */
enum distance survey_distance(const struct survey *survey, const struct gauge *gauge);

void survey_free(struct survey *survey);

#endif

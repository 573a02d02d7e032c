/* SPDX-License-Identifier: MIT
 *
 * How histograms come home from workers: as chunks of their buckets, each of which fits a report pipe's atomic write.
 */
#ifndef WEIR_BENCH_CHUNK_H
#define WEIR_BENCH_CHUNK_H

#include "histogram.h"
#include "proto/report.h"

/* Writes a histogram (an empty one is nothing) to a report pipe. 0 or -1. */
int chunk_write_all(int fd, const struct histogram *histogram, bool corrected);

/* Adds a chunk; once all of a histogram have been added it is as histogram_merge. 0, or -1 for a chunk that is none:
 * then nothing is added. */
int chunk_add(struct histogram *histogram, const weir_Latency *chunk);

#endif

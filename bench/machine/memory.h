/* SPDX-License-Identifier: MIT
 *
 * How much memory there is to be had.
 */
#ifndef WEIR_BENCH_MEMORY_H
#define WEIR_BENCH_MEMORY_H

#include <stddef.h>

/* Bytes: MemAvailable of /proc/meminfo, or what the container has left if that is less (memory.max of cgroup v2).
 * SIZE_MAX: not known. */
size_t memory_available(void);

#endif

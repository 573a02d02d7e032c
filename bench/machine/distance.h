/* SPDX-License-Identifier: MIT
 *
 * How far apart two CPUs are, and how large their caches, as the kernel says (sysfs; Documentation/ABI/stable/
 * sysfs-devices-system-cpu). `root` is a folder that tests put in the place of "/".
 */
#ifndef WEIR_BENCH_DISTANCE_H
#define WEIR_BENCH_DISTANCE_H

#include <stddef.h>

enum distance {
    DISTANCE_CORE,    /* two threads of one core */
    DISTANCE_CACHE,   /* they share a last-level cache */
    DISTANCE_PACKAGE, /* only the package */
    DISTANCE_FAR,     /* not even that */
    DISTANCE_COUNT
};

/* Where a CPU sits: groups are named by their first CPU. */
struct spot {
    int cpu;
    int core;    /* itself where unknown */
    int cache;   /* of its last level; -1 where unknown */
    int package; /* -1 where unknown */
};

struct spot spot_read(const char *root, int cpu);

/* The nearest thing that both share. Where nothing is known they count as of one package. */
enum distance distance_between(const struct spot *a, const struct spot *b);

/* "share a core" */
const char *distance_text(enum distance distance);

/* The bytes of a CPU's cache of that level (data, or for all), and 0 where there is none or it is not known. */
size_t cache_bytes(const char *root, int cpu, int level);

#endif

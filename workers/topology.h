/* SPDX-License-Identifier: MIT
 *
 * How near CPUs are to each other: which share a core, a last-level cache, a package. Depends on libc alone, and takes
 * the folder to read as an argument, so that a test can show it any machine.
 */
#ifndef WEIR_WORKERS_TOPOLOGY_H
#define WEIR_WORKERS_TOPOLOGY_H

#include <stddef.h>

#define WEIR_TOPOLOGY_ROOT "/sys/devices/system/cpu"

/* Where a CPU sits. CPUs with the same core (cache, package) share it. */
struct weir_cpu_place {
    int cpu;
    int core;            /* the first CPU of its core; itself where unknown */
    int cache;           /* the first CPU that shares its last-level cache; -1 where unknown */
    int package;         /* -1 where unknown */
    size_t sibling_rank; /* how many CPUs of its core come before it in the table */
    size_t cache_cores;  /* how many cores of the table share its last-level cache */
};

/* Describes each of `cpus` as the folder `root` does. A file that is missing or unreadable makes an unknown. */
void weir_topology_read(struct weir_cpu_place *ret_places, const int *cpus, size_t count, const char *root);

/* Gives each worker a CPU of its own, producers first in `ret_cpus`; there must be enough. Uses every core once before
 * any core twice, and within that CPUs that share a last-level cache, the largest such group first; producers and
 * consumers alternate, so that each has the other side near. Sorts `places` on the way. */
void weir_topology_assign(int *ret_cpus, size_t producers, size_t consumers, struct weir_cpu_place *places,
                          size_t count);

#endif

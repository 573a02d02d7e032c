/* SPDX-License-Identifier: MIT
 *
 * Reads the CPU topology that Linux shows in sysfs (Documentation/ABI/stable/sysfs-devices-system-cpu), and places
 * workers by it. Groups are named by their first CPU, because core ids repeat from package to package.
 */
#include "topology.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* The first number in the file `root`/cpu`cpu`/`leaf`, a number or a list such as "0-3,8"; -1 if there is none. */
static int read_number(const char *root, int cpu, const char *leaf)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/cpu%d/%s", root, cpu, leaf);
    if (length < 0 || (size_t)length >= sizeof path)
        return -1;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    int number = -1;
    if (fscanf(file, "%d", &number) != 1)
        number = -1;
    fclose(file);
    return number;
}

static int read_last_level_cache(const char *root, int cpu)
{
    int highest = 0;
    int cache = -1;
    for (int index = 0;; index++) {
        char leaf[64];
        snprintf(leaf, sizeof leaf, "cache/index%d/level", index);
        int level = read_number(root, cpu, leaf);
        if (level < 0)
            return cache;
        snprintf(leaf, sizeof leaf, "cache/index%d/shared_cpu_list", index);
        if (level > highest) {
            highest = level;
            cache = read_number(root, cpu, leaf);
        }
    }
}

static void count_neighbours(struct weir_cpu_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        places[i].sibling_rank = 0;
        for (size_t j = 0; j < i; j++)
            places[i].sibling_rank += places[j].core == places[i].core;
    }
    for (size_t i = 0; i < count; i++) {
        places[i].cache_cores = 0;
        for (size_t j = 0; j < count; j++)
            places[i].cache_cores += places[j].cache == places[i].cache && places[j].sibling_rank == 0;
    }
}

void weir_topology_read(struct weir_cpu_place *ret_places, const int *cpus, size_t count, const char *root)
{
    for (size_t i = 0; i < count; i++) {
        int core = read_number(root, cpus[i], "topology/thread_siblings_list");
        ret_places[i] = (struct weir_cpu_place){
            .cpu = cpus[i],
            .core = core < 0 ? cpus[i] : core,
            .cache = read_last_level_cache(root, cpus[i]),
            .package = read_number(root, cpus[i], "topology/physical_package_id"),
        };
    }
    count_neighbours(ret_places, count);
}

static int order(size_t left, size_t right)
{
    return (left > right) - (left < right);
}

/* By sibling rank, then size of the cache group, package, cache group, number. */
static int compare(const void *left, const void *right)
{
    const struct weir_cpu_place *a = left;
    const struct weir_cpu_place *b = right;
    if (a->sibling_rank != b->sibling_rank)
        return order(a->sibling_rank, b->sibling_rank);
    if (a->cache_cores != b->cache_cores)
        return order(b->cache_cores, a->cache_cores);
    if (a->package != b->package)
        return a->package < b->package ? -1 : 1;
    if (a->cache != b->cache)
        return a->cache < b->cache ? -1 : 1;
    return a->cpu < b->cpu ? -1 : 1;
}

void weir_topology_assign(int *ret_cpus, size_t producers, size_t consumers, struct weir_cpu_place *places,
                          size_t count)
{
    qsort(places, count, sizeof *places, compare);
    size_t producer = 0;
    size_t consumer = 0;
    for (size_t next = 0; next < producers + consumers; next++) {
        bool producers_turn = consumer == consumers || (producer < producers && producer <= consumer);
        size_t worker = producers_turn ? producer++ : producers + consumer++;
        ret_cpus[worker] = places[next].cpu;
    }
}

/* SPDX-License-Identifier: MIT
 *
 * Reading the topology.
 */
#include "distance.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define CPU         "/sys/devices/system/cpu/cpu%d/"
#define MOST_CACHES 10

static int read_number(const char *root, const char *format, int cpu, int fallback)
{
    char line[256];
    return read_line_below(line, sizeof line, root, format, cpu) ? atoi(line) : fallback;
}

static bool read_cache(char *ret, size_t capacity, const char *root, int cpu, int index, const char *leaf)
{
    return read_line_below(ret, capacity, root, CPU "cache/index%d/%s", cpu, index, leaf);
}

static int last_cache(const char *root, int cpu)
{
    char level[32], list[256];
    int highest = 0, first = -1;
    for (int i = 0; i < MOST_CACHES && read_cache(level, sizeof level, root, cpu, i, "level"); i++)
        if (atoi(level) > highest && read_cache(list, sizeof list, root, cpu, i, "shared_cpu_list")) {
            highest = atoi(level);
            first = atoi(list);
        }
    return first;
}

struct spot spot_read(const char *root, int cpu)
{
    return (struct spot){
        .cpu = cpu,
        .core = read_number(root, CPU "topology/thread_siblings_list", cpu, cpu),
        .cache = last_cache(root, cpu),
        .package = read_number(root, CPU "topology/physical_package_id", cpu, -1),
    };
}

enum distance distance_between(const struct spot *a, const struct spot *b)
{
    if (a->core == b->core)
        return DISTANCE_CORE;
    if (a->cache >= 0 && a->cache == b->cache)
        return DISTANCE_CACHE;
    return a->package == b->package ? DISTANCE_PACKAGE : DISTANCE_FAR;
}

const char *distance_text(enum distance distance)
{
    static const char *const texts[DISTANCE_COUNT] = {"share a core", "share a last-level cache", "share a package",
                                                      "are in different packages"};
    return texts[distance];
}

size_t cache_bytes(const char *root, int cpu, int level)
{
    char text[32];
    for (int i = 0; i < MOST_CACHES && read_cache(text, sizeof text, root, cpu, i, "level"); i++) {
        if (atoi(text) != level || !read_cache(text, sizeof text, root, cpu, i, "type") ||
            strcmp(text, "Instruction") == 0 || !read_cache(text, sizeof text, root, cpu, i, "size"))
            continue;
        char *unit;
        size_t size = strtoul(text, &unit, 10);
        return *unit == 'M' ? size << 20 : *unit == 'K' ? size << 10 : size;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Memory, as the kernel tells.
 */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The figure behind the word in a file of the kernel's, "word 123 kB" or a bare number; SIZE_MAX: there is none. */
static size_t read_figure(const char *path, const char *word)
{
    char line[128];
    size_t figure = SIZE_MAX;
    FILE *file = fopen(path, "re");
    while (file != NULL && figure == SIZE_MAX && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, word, strlen(word)) == 0 && strpbrk(line, "0123456789") != NULL)
            figure = strtoull(line + strlen(word), NULL, 10);
    if (file != NULL)
        fclose(file);
    return figure;
}

size_t memory_available(void)
{
    size_t machine = read_figure("/proc/meminfo", "MemAvailable:");
    size_t limit = read_figure("/sys/fs/cgroup/memory.max", ""),
           used = read_figure("/sys/fs/cgroup/memory.current", "");
    size_t available = machine < SIZE_MAX / 1024 ? machine * 1024 : SIZE_MAX;
    size_t left = limit == SIZE_MAX || used == SIZE_MAX ? SIZE_MAX : limit > used ? limit - used : 0;
    return left < available ? left : available;
}

/* SPDX-License-Identifier: MIT
 *
 * How the workers sit on the CPUs: which share one, which share a core.
 */
#include "environment.h"

#include <stdlib.h>

#include <weir/weir.h>

#include "files.h"

/* The first CPU of its core; itself where the kernel does not say. */
static int core_of(const struct environment *environment, int cpu)
{
    char line[64];
    if (!read_line_below(line, sizeof line, environment->root,
                         "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
        return cpu;
    return atoi(line);
}

struct seat {
    int cpu, core;
};

static int compare_seats(const void *a, const void *b)
{
    const struct seat *left = a, *right = b;
    if (left->core != right->core)
        return (left->core > right->core) - (left->core < right->core);
    return (left->cpu > right->cpu) - (left->cpu < right->cpu);
}

void environment_seat_on(struct environment *environment, const char *pin, const int *cpus, uint32_t workers)
{
    struct seating *seating = &environment->seating;
    struct seat *seats = calloc(workers, sizeof *seats);
    uint32_t used = 0;
    bool unpinned = false;
    for (uint32_t i = 0; seats != NULL && i < workers; i++) {
        unpinned |= cpus[i] < 0;
        seats[i] = (struct seat){cpus[i], cpus[i] < 0 ? -1 : core_of(environment, cpus[i])};
    }
    if (seats != NULL)
        qsort(seats, workers, sizeof *seats, compare_seats);
    for (uint32_t i = 0; seats != NULL && i < workers; i++) {
        used += i == 0 || seats[i].cpu != seats[i - 1].cpu;
        if (i > 0 && seats[i].cpu != seats[i - 1].cpu && seats[i].core == seats[i - 1].core) {
            seating->siblings[0] = seats[i - 1].cpu;
            seating->siblings[1] = seats[i].cpu;
            seating->siblings_pin = pin;
        }
    }
    free(seats);
    if (unpinned)
        used = (uint32_t)environment->cpus;
    seating->unpinned |= unpinned;
    if (workers > seating->most_workers)
        seating->most_workers = workers;
    if (used == 1 && environment->cpus > 1) /* as asked for */
        return;
    if (seating->crowded_cpus == 0 ||
        (uint64_t)workers * seating->crowded_cpus > (uint64_t)seating->crowded_workers * used) {
        seating->crowded_workers = workers;
        seating->crowded_cpus = used;
    }
}

int environment_seat(struct environment *environment, const char *pin, uint32_t producers, uint32_t consumers)
{
    int *cpus = calloc((size_t)producers + consumers, sizeof *cpus);
    int result = -1;
    if (cpus != NULL && weir_placement(cpus, pin, producers, consumers, NULL) == 0) {
        environment_seat_on(environment, pin, cpus, producers + consumers);
        result = 0;
    }
    free(cpus);
    return result;
}

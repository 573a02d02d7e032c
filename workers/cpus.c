/* SPDX-License-Identifier: MIT
 *
 * The CPUs that the calling thread may run on, as the kernel says at the moment of the call (taskset, cpusets and
 * CPUs taken off line all count). Nothing is cached.
 */
#include "cpus.h"

#include <stdbool.h>
#include <stdio.h>

#include <weir/driver.h>
#include <weir/worker.h>

static int read_allowed(struct weir_cpu_mask *ret_mask)
{
    CPU_ZERO_S(sizeof *ret_mask, ret_mask->parts);
    return sched_getaffinity(0, sizeof *ret_mask, ret_mask->parts) == 0 ? 0 : WEIR_ESYSTEM;
}

static bool mask_holds(const struct weir_cpu_mask *mask, int cpu)
{
    return cpu >= 0 && cpu < WEIR_CPUS_MAX && CPU_ISSET_S((size_t)cpu, sizeof *mask, mask->parts);
}

void weir_cpu_mask_one(struct weir_cpu_mask *ret_mask, int cpu)
{
    CPU_ZERO_S(sizeof *ret_mask, ret_mask->parts);
    CPU_SET_S((size_t)cpu, sizeof *ret_mask, ret_mask->parts);
}

int weir_cpus_allowed(int *ret_cpus, size_t capacity)
{
    struct weir_cpu_mask mask;
    int result = read_allowed(&mask);
    if (result != 0)
        return result;
    int count = 0;
    for (int cpu = 0; cpu < WEIR_CPUS_MAX; cpu++) {
        if (!mask_holds(&mask, cpu))
            continue;
        if ((size_t)count < capacity)
            ret_cpus[count] = cpu;
        count++;
    }
    return count;
}

/* "0-3,8,10-11"; cut short where the buffer ends. */
static void mask_text(const struct weir_cpu_mask *mask, char *buffer, size_t capacity)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (int first = 0; first < WEIR_CPUS_MAX; first++) {
        if (!mask_holds(mask, first))
            continue;
        int last = first;
        while (mask_holds(mask, last + 1))
            last++;
        const char *comma = used > 0 ? "," : "";
        int length = first == last ? snprintf(buffer + used, capacity - used, "%s%d", comma, first)
                                   : snprintf(buffer + used, capacity - used, "%s%d-%d", comma, first, last);
        if (length < 0 || (size_t)length >= capacity - used)
            return;
        used += (size_t)length;
        first = last;
    }
}

int weir_cpu_check(int cpu, struct weir_error *ret_error)
{
    struct weir_cpu_mask mask;
    if (read_allowed(&mask) != 0)
        return weir_error_errno(ret_error, "cannot read which CPUs are allowed");
    if (mask_holds(&mask, cpu))
        return 0;
    char allowed[256];
    mask_text(&mask, allowed, sizeof allowed);
    return weir_error_set(ret_error, WEIR_EINVAL, "CPU %d is not allowed here; allowed: %s", cpu, allowed);
}

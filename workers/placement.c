/* SPDX-License-Identifier: MIT
 *
 * Placement policies: which CPU each producer and each consumer is to run on. Decides only; the workers' own start
 * carries it out.
 */
#include <weir/worker.h>

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <weir/driver.h>

#include "cpus.h"
#include "topology.h"

/* Leaves `cpus` as it is, which is as "none", where there are not enough. */
static int place_auto(int *cpus, size_t producers, size_t consumers, struct weir_error *error)
{
    int result = 0;
    int *allowed = calloc(WEIR_CPUS_MAX, sizeof *allowed);
    struct weir_cpu_place *places = calloc(WEIR_CPUS_MAX, sizeof *places);
    if (allowed == NULL || places == NULL) {
        result = weir_error_errno(error, "cannot place workers");
        goto free_lists;
    }
    int count = weir_cpus_allowed(allowed, WEIR_CPUS_MAX);
    if (count < 0) {
        result = weir_error_errno(error, "cannot read which CPUs are allowed");
        goto free_lists;
    }
    if (producers + consumers <= (size_t)count) {
        weir_topology_read(places, allowed, (size_t)count, WEIR_TOPOLOGY_ROOT);
        weir_topology_assign(cpus, producers, consumers, places, (size_t)count);
    }
free_lists:
    free(places);
    free(allowed);
    return result;
}

static int place_same(int *cpus, size_t count, struct weir_error *error)
{
    int first;
    if (weir_cpus_allowed(&first, 1) < 1)
        return weir_error_errno(error, "cannot read which CPUs are allowed");
    for (size_t i = 0; i < count; i++)
        cpus[i] = first;
    return 0;
}

/* A cursor over an explicit policy. */
struct list {
    const char *policy; /* whole, for messages */
    const char *rest;
};

static int malformed(const struct list *list, struct weir_error *error)
{
    return weir_error_set(error, WEIR_EINVAL, "pin '%s' is not one of auto, none, same, or P:C such as 0:1",
                          list->policy);
}

static bool parse_cpu(struct list *list, int *ret_cpu)
{
    if (!isdigit((unsigned char)*list->rest))
        return false;
    char *end;
    long number = strtol(list->rest, &end, 10); /* saturates, so the next line catches what does not fit */
    if (number > INT_MAX)
        return false;
    list->rest = end;
    *ret_cpu = (int)number;
    return true;
}

/* "3" or "3-5". */
static bool parse_range(struct list *list, int *ret_first, int *ret_last)
{
    if (!parse_cpu(list, ret_first))
        return false;
    *ret_last = *ret_first;
    if (*list->rest != '-')
        return true;
    list->rest++;
    return parse_cpu(list, ret_last) && *ret_first <= *ret_last;
}

/* Deals the ranges up to the character `end` out to `count` workers, from the start again when they are used up. */
static int deal(int *cpus, size_t count, struct list *list, char end, struct weir_error *error)
{
    size_t dealt = 0;
    for (;; list->rest++) {
        int first, last;
        if (!parse_range(list, &first, &last))
            return malformed(list, error);
        for (int cpu = first; cpu <= last; cpu++) { /* the check ends this long before a large range does */
            int result = weir_cpu_check(cpu, error);
            if (result != 0)
                return result;
            if (dealt < count)
                cpus[dealt++] = cpu;
        }
        if (*list->rest == end)
            break;
        if (*list->rest != ',')
            return malformed(list, error);
    }
    for (size_t i = dealt; i < count; i++)
        cpus[i] = cpus[i - dealt];
    return 0;
}

static int place_explicitly(int *cpus, size_t producers, size_t consumers, const char *policy, struct weir_error *error)
{
    struct list list = {.policy = policy, .rest = policy};
    int result = deal(cpus, producers, &list, ':', error);
    if (result != 0)
        return result;
    list.rest++;
    return deal(cpus + producers, consumers, &list, '\0', error);
}

static int place(int *cpus, const char *policy, size_t producers, size_t consumers, struct weir_error *error)
{
    if (strcmp(policy, "none") == 0)
        return 0;
    if (strcmp(policy, "auto") == 0)
        return place_auto(cpus, producers, consumers, error);
    if (strcmp(policy, "same") == 0)
        return place_same(cpus, producers + consumers, error);
    return place_explicitly(cpus, producers, consumers, policy, error);
}

int weir_placement(int *ret_cpus, const char *policy, uint32_t producers, uint32_t consumers,
                   struct weir_error *ret_error)
{
    size_t count = (size_t)producers + consumers;
    int *cpus = calloc(count + 1, sizeof *cpus); /* + 1: calloc of nothing may return NULL */
    if (cpus == NULL)
        return weir_error_errno(ret_error, "cannot place workers");
    for (size_t i = 0; i < count; i++)
        cpus[i] = -1;
    int result = place(cpus, policy, producers, consumers, ret_error);
    if (result == 0)
        memcpy(ret_cpus, cpus, count * sizeof *cpus);
    free(cpus);
    return result;
}

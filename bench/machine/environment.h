/* SPDX-License-Identifier: MIT
 *
 * The machine that a run took place on, and what about it makes figures less certain.
 */
#ifndef WEIR_BENCH_ENVIRONMENT_H
#define WEIR_BENCH_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct warning {
    const char *id;
    const char *text;
    const char *fix;
};

struct environment {
    char cpu[128];
    int cpus; /* that this process may run on */
    char kernel[128];
    char hypervisor[32];             /* "" if none is known */
    uint64_t steal_ticks, all_ticks; /* at the start */
    struct warning warnings[8];
    size_t warning_count;
};

void environment_read(struct environment *ret);

/* The share of CPU time that the hypervisor has taken since environment_read, in per cent; negative: unknown. */
double environment_steal_percent(const struct environment *environment);

extern const char build_type[];
extern const char build_compiler[];

#endif

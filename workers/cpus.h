/* SPDX-License-Identifier: MIT
 *
 * Sets of CPUs: which ones the calling thread may run on, and a set of one. No placement policy here.
 */
#ifndef WEIR_WORKERS_CPUS_H
#define WEIR_WORKERS_CPUS_H

#include <sched.h>

#include <weir/channel.h>

/* Twice the most that Linux can be built for, so that no call ever has to grow a set. */
#define WEIR_CPUS_MAX 16384

/* Pass sizeof with it. */
struct weir_cpu_mask {
    cpu_set_t parts[WEIR_CPUS_MAX / CPU_SETSIZE];
};

/* The set that holds `cpu` alone, which weir_cpu_check has accepted. */
void weir_cpu_mask_one(struct weir_cpu_mask *ret_mask, int cpu);

/* 0 if this thread may run on `cpu`; else WEIR_EINVAL naming the allowed ones, or WEIR_ESYSTEM. */
int weir_cpu_check(int cpu, struct weir_error *ret_error);

#endif

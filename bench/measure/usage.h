/* SPDX-License-Identifier: MIT
 *
 * What a worker has used of the machine: CPU time, context switches, time spent waiting for a CPU, memory. From the
 * kernel's accounts of its thread or process; read outside of what is timed.
 */
#ifndef WEIR_BENCH_USAGE_H
#define WEIR_BENCH_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "stage.h"

/* The kernel counts CPU time exactly as a whole (a clock), but splits it into user and system by ticks of milliseconds
 * (getrusage): so the split of a short epoch is rough. */
struct usage {
    int64_t cpu_ns;     /* of the thread; of a process all its threads: a driver may have threads of its own */
    int64_t driver_ns;  /* of threads that belong to no worker, where the meter counts them; else 0; -1: not known */
    int64_t delayed_ns; /* ready to run, and did not; -1: the kernel does not tell */
    struct rusage rusage;
    uint64_t clock_reads; /* of this thread, for timing */
};

/* One worker's. */
struct usage_meter {
    bool is_thread;
    const struct stage *stage; /* whose threads are workers; NULL: do not count the driver's threads */
    int delay_fd;
};

/* `drivers_of` is given by one of the thread workers of a process: the driver's threads there are then counted with it.
 * A process counts them as its own. */
void usage_meter_open(struct usage_meter *meter, bool is_thread, const struct stage *drivers_of);
void usage_meter_close(struct usage_meter *meter);

void usage_read(const struct usage_meter *meter, struct usage *ret);

/* The proportional share of memory (PSS) of this process in bytes, or -1: the kernel does not tell. */
int64_t usage_memory_bytes(void);

#endif

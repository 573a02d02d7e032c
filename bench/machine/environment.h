/* SPDX-License-Identifier: MIT
 *
 * The machine that a run takes place on, as facts; what they mean for figures is checks.h. A fact that the machine
 * does not give is NaN, "" or -1, as said at each.
 */
#ifndef WEIR_BENCH_ENVIRONMENT_H
#define WEIR_BENCH_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "quota.h"

/* CPU time of all CPUs since boot. */
struct cpu_times {
    double busy_s;   /* used by processes */
    double wanted_s; /* not idle: used, or taken by the hypervisor */
    double steal_s;  /* that the hypervisor took */
    double all_s;    /* 0: none of these is known */
    double own_s;    /* of busy_s, by this process and its children */
    int64_t now_ns;
};

/* How the workers of a run sit on its CPUs; of all placements the worst. */
struct seating {
    uint32_t most_workers;                  /* of one cell */
    uint32_t crowded_workers, crowded_cpus; /* the most workers for each CPU that they may use;
                                               0 CPUs: all on one, as asked for */
    int siblings[2];                        /* CPUs of one core that have a worker each; -1: none */
    const char *siblings_pin;               /* the policy that put them there */
    bool unpinned;                          /* some workers run where the scheduler likes */
};

struct environment {
    const char *root; /* the folder that /proc and /sys were read below */
    char cpu[128];
    int cpus; /* that this process may run on */
    char kernel[128];
    char hypervisor[32];  /* "": none, or not known */
    bool hypervisor_told; /* whether this CPU tells if there is one */
    const char *build;    /* "release", "debug" or "sanitized" */
    struct clock_facts clock;
    char clocksource[32];       /* the kernel's; "": not known */
    double pressure_percent;    /* how much of the last 10 s some task waited for a CPU; NaN */
    int others_running;         /* tasks that run at this moment, without this one; -1 */
    char governor[32];          /* of the first CPU whose governor is not "performance", else "performance"; "" */
    int governed_cpus;          /* that have this governor */
    int turbo;                  /* 1 on, 0 off, -1 not known */
    const char *turbo_file;     /* its switch */
    struct quota quota;         /* of CPU time */
    double shared_memory_bytes; /* free in /dev/shm; NaN */
    double descriptors;         /* that a process may have; INFINITY: any number */
    double processes;           /* that the user may have */
    struct cpu_times begin;
    double steal_percent; /* of the time wanted from environment_read to environment_sample; NaN until then */
    double others_cpus;   /* how many CPUs' time other processes used meanwhile; NaN until then */
    double sampled_s;     /* how long that was */
    struct seating seating;
};

/* Reads /proc and /sys below `root`, which must live as long; "" is this machine. The clock must be calibrated. */
void environment_read(struct environment *ret, const char *root);

/* Says that `producers` and `consumers` will be placed by the policy `pin` (weir_placement). 0 or -1 (memory, or no
 * such policy). */
int environment_seat(struct environment *environment, const char *pin, uint32_t producers, uint32_t consumers);

/* The same for CPUs that are known; -1: where the scheduler likes. `pin` must live as long. */
void environment_seat_on(struct environment *environment, const char *pin, const int *cpus, uint32_t workers);

/* Looks at the CPU times again. All children must have been waited for, or their time counts as that of others. */
void environment_sample(struct environment *environment);

/* CPU time that the hypervisor has taken since the start of the machine, of all CPUs, in steps of clock ticks; -1: not
 * known. */
int64_t environment_steal_ns(void);

extern const char build_type[];
extern const char build_compiler[];

#endif

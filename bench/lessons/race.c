/* SPDX-License-Identifier: MIT
 *
 * The lesson `race`: workers add to one variable in different ways, and what is missing in the end is counted.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "lessons.h"
#include "teach/crew.h"
#include "teach/page.h"

#define INCREMENTS 1000000u /* of each worker */

/* ---- ways to add ---------------------------------------------------------------------------------------------- */

struct counters {
    _Alignas(128) unsigned plain;
    _Alignas(128) volatile unsigned volatile_one;
    _Alignas(128) atomic_uint atomic;
    _Alignas(128) pthread_mutex_t lock;
    unsigned locked;
};

/* Racing is what this is for, so the race detector is kept out of it. */
#define RACES __attribute__((no_sanitize("thread")))

/* The empty asm keeps the compiler from making one addition of the loop, as anything else that a program does between
 * two increments would. */
RACES static int add_plain(void *shared, uint32_t index)
{
    struct counters *counters = shared;
    (void)index;
    for (unsigned i = 0; i < INCREMENTS; i++) {
        counters->plain++;
        __asm__ volatile("" : : : "memory");
    }
    return 0;
}

RACES static int add_volatile(void *shared, uint32_t index)
{
    struct counters *counters = shared;
    (void)index;
    for (unsigned i = 0; i < INCREMENTS; i++)
        counters->volatile_one = counters->volatile_one + 1;
    return 0;
}

static int add_atomic(void *shared, uint32_t index)
{
    struct counters *counters = shared;
    (void)index;
    for (unsigned i = 0; i < INCREMENTS; i++)
        atomic_fetch_add_explicit(&counters->atomic, 1, memory_order_relaxed);
    return 0;
}

static int add_locked(void *shared, uint32_t index)
{
    struct counters *counters = shared;
    (void)index;
    for (unsigned i = 0; i < INCREMENTS; i++) {
        pthread_mutex_lock(&counters->lock);
        counters->locked++;
        pthread_mutex_unlock(&counters->lock);
    }
    return 0;
}

/* Counts in a variable of its own, and adds the sum once. */
static int add_merged(void *shared, uint32_t index)
{
    struct counters *counters = shared;
    unsigned own = 0;
    (void)index;
    for (unsigned i = 0; i < INCREMENTS; i++) {
        own++;
        __asm__ volatile("" : "+r"(own));
    }
    atomic_fetch_add_explicit(&counters->atomic, own, memory_order_relaxed);
    return 0;
}

static unsigned sum_plain(const struct counters *counters)
{
    return counters->plain;
}

static unsigned sum_volatile(const struct counters *counters)
{
    return counters->volatile_one;
}

static unsigned sum_atomic(const struct counters *counters)
{
    return atomic_load(&counters->atomic);
}

static unsigned sum_locked(const struct counters *counters)
{
    return counters->locked;
}

/* ---- the rows ------------------------------------------------------------------------------------------------- */

static const struct way {
    const char *key, *label;
    enum weir_worker_kind kind;
    bool is_private; /* the memory is copied for each process, as all of a program's is unless it asks */
    int (*work)(void *shared, uint32_t index);
    unsigned (*sum)(const struct counters *counters);
} ways[] = {
    {"plain", "n++, threads", WEIR_THREAD, false, add_plain, sum_plain},
    {"volatile", "volatile n++, threads", WEIR_THREAD, false, add_volatile, sum_volatile},
    {"atomic", "atomic add, threads", WEIR_THREAD, false, add_atomic, sum_atomic},
    {"mutex", "under a mutex, threads", WEIR_THREAD, false, add_locked, sum_locked},
    {"merge", "own n, merged, threads", WEIR_THREAD, false, add_merged, sum_atomic},
    {"process_private", "n++, processes", WEIR_PROCESS, true, add_plain, sum_plain},
    {"process_plain", "n++, shared memory", WEIR_PROCESS, false, add_plain, sum_plain},
    {"process_atomic", "atomic, shared memory", WEIR_PROCESS, false, add_atomic, sum_atomic},
};

#define WAYS (sizeof ways / sizeof ways[0])

static uint32_t workers(const struct experiment *experiment)
{
    return experiment->knobs.workers != 0 ? experiment->knobs.workers : 2;
}

static int prepare(struct experiment *experiment)
{
    int result = 0;
    for (size_t i = 0; i < WAYS && result == 0; i++)
        result = experiment_row(experiment, ways[i].key, "%s", ways[i].label);
    return result;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    const struct way *way = &ways[row];
    /* The crew's process must see the sum even where its workers do not share the memory, to tell that it is 0. */
    struct counters *counters = crew_memory(sizeof *counters);
    struct crew_result result;
    if (counters == NULL || pthread_mutex_init(&counters->lock, NULL) != 0)
        return experiment_failed(experiment, "there is no memory for the counters");
    if (way->is_private && mmap(counters, sizeof *counters, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return experiment_failed(experiment, "there is no memory for the counters");
    struct crew crew = {.kind = way->kind,
                        .count = workers(experiment),
                        .pin = experiment->knobs.pin,
                        .work = way->work,
                        .shared = counters};
    int end = crew_run(experiment, &crew, &result);
    double all = (double)INCREMENTS * crew.count;
    ret[0] = 1 - (double)way->sum(counters) / all;
    ret[1] = result.wall_ns * crew.count / all;
    munmap(counters, sizeof *counters);
    return end;
}

static void judge(struct experiment *experiment)
{
    double plain = experiment_figure(experiment, "plain", "lost"),
           atomic = experiment_figure(experiment, "atomic", "ns");
    double merge = experiment_figure(experiment, "merge", "ns");
    const char *answer = !(plain > 0) ? "none" : plain < 0.01 ? "few" : "many";
    if (!(plain > 0))
        experiment_conclude(experiment, VERDICT_DEPENDS, answer,
                            "With %u worker%s placed like this no increment was lost this time. Nothing promises that.",
                            workers(experiment), workers(experiment) == 1 ? "" : "s");
    else
        experiment_conclude(
            experiment, VERDICT_REFUTED, answer,
            "%s of all n++ were lost, %s of the atomic ones. An atomic increment cost %s; counting alone and "
            "merging once cost %s.",
            told(UNIT_SHARE, plain), told(UNIT_SHARE, experiment_figure(experiment, "atomic", "lost")),
            told(UNIT_NS, atomic), told(UNIT_NS, merge));
}

static const struct lesson_column columns[] = {{"lost", "LOST", UNIT_SHARE}, {"ns", "COST OF ONE", UNIT_NS}, {0}};

static const struct lesson_choice choices[] = {
    {"none", "all increments arrive"},
    {"few", "less than 1 in 100 is lost"},
    {"many", "1 in 100 or more are lost"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson race --workers 1", "alone nobody loses anything: a test with one worker finds no race"},
    {"weir lesson race --pin same", "on one CPU losses are rare or none: they wait for your customers"},
    {0},
};

const struct lesson lesson_race = {
    .name = "race",
    .question = "How many n++ get lost?",
    .claim = "n++ is one step, and two threads may write the same variable if one is careful.",
    .ask = "Two threads add 1 to the same variable, 1,000,000 times each. How many of the additions are lost?",
    .choices = choices,
    .seconds = 4,
    .heeds = KNOB_WORKERS | KNOB_PIN,
    .columns = columns,
    .pictured = 0,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "n++ is three steps: read n, add 1, write n. If two threads read the same value, both write the same sum, and "
        "one addition is gone. It does not help that the machine may have a single instruction for it: the CPU still "
        "takes the three steps, and another CPU can come between. (Nobody on the same CPU can, so a machine with one "
        "CPU may hide the fault.) COST OF ONE is the time from the first to the last, divided by the additions of one "
        "worker.\n"
        "volatile tells the compiler to read and write each time. It does not tell the CPU to do so in one step, so as "
        "much is lost.\n"
        "An atomic addition keeps the variable's cache line (the 64 bytes around it, on most machines) on one CPU "
        "until the three steps are done. A mutex lets one thread at a time into the three steps. Both lose nothing, "
        "and both cost: the line has to travel from CPU to CPU for each addition. A worker that counts in a variable "
        "of its own and adds the sum once in the end pays that once, and is right as well.\n"
        "Processes have memory of their own: after fork each adds to its own copy, and the parent sees nothing of it. "
        "Once they share memory on purpose (mmap, shm_open) they race exactly as threads do.",
    .see = "pthreads(7), mmap(2), fork(2)",
    .twists = twists,
};

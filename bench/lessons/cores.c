/* SPDX-License-Identifier: MIT
 *
 * The lesson `cores`: more and more workers, that compute or that block half of their time; how much gets done.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/crew.h"

#define WINDOW_NS        INT64_C(60000000) /* in which jobs are counted */
#define JOB_NS           INT64_C(500000)   /* of computing in one job */
#define STEPS_IN_A_SLICE 5000

struct shift {
    bool blocks;              /* each job sleeps as long as it computes */
    uint64_t slices;          /* of computing in a job */
    _Atomic int64_t end_ns;   /* of the window, which the first one opens */
    uint64_t done[CREW_MOST]; /* slices in the window, of each */
};

/* One slice. */
static uint64_t compute(void)
{
    uint64_t state = 1;
    for (unsigned i = 0; i < STEPS_IN_A_SLICE; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u; /* Knuth's MMIX generator */
        __asm__ volatile("" : "+r"(state));
    }
    return state;
}

/* All count in the same window. */
static int work(void *shared, uint32_t index)
{
    struct shift *shift = shared;
    int64_t unset = 0, end_ns = clock_now_ns() + WINDOW_NS;
    prctl(PR_SET_TIMERSLACK, 1UL); /* ns: a sleep is as long as it should be */
    if (!atomic_compare_exchange_strong(&shift->end_ns, &unset, end_ns))
        end_ns = unset;
    while (clock_now_ns() < end_ns) {
        for (uint64_t i = 0; i < shift->slices && clock_now_ns() < end_ns; i++, shift->done[index]++)
            compute();
        if (shift->blocks)
            nanosleep(&(struct timespec){.tv_nsec = JOB_NS}, NULL);
    }
    return 0;
}

/* What a slice takes when nobody disturbs it: in the best of some windows, each long enough for the CPU to come up to
 * its speed. */
static double calibrate_slice(void)
{
    double best_ns = INFINITY;
    for (int i = 0; i < 2; i++) {
        int64_t begin_ns = clock_now_ns(), now_ns;
        unsigned slices = 0;
        do {
            compute();
            slices++;
        } while ((now_ns = clock_now_ns()) < begin_ns + WINDOW_NS / 6);
        best_ns = fmin(best_ns, (double)(now_ns - begin_ns) / slices);
    }
    return best_ns;
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

struct plan {
    double slice_ns; /* when nobody disturbs it */
    uint32_t cpus;
    uint32_t counts[8];
    size_t rows;
};

static void add_count(struct plan *plan, uint32_t count)
{
    if (count >= 1 && count <= CREW_MOST && (plan->rows == 0 || count > plan->counts[plan->rows - 1]))
        plan->counts[plan->rows++] = count;
}

static const char *pin(const struct experiment *experiment)
{
    return experiment->knobs.pin != NULL ? experiment->knobs.pin : "none";
}

static int prepare(struct experiment *experiment)
{
    static struct plan plan;
    uint32_t asked = experiment->knobs.workers;
    plan = (struct plan){.cpus = crew_cpus(pin(experiment), CREW_MOST)};
    if (plan.cpus >= CREW_MOST)
        plan.cpus = CREW_MOST - 1;
    experiment->state = &plan;
    if (asked == 0) {
        add_count(&plan, 1);
        add_count(&plan, plan.cpus / 2);
    }
    if (asked != 0 && asked < plan.cpus)
        add_count(&plan, asked);
    add_count(&plan, plan.cpus);
    add_count(&plan, plan.cpus + 1);
    add_count(&plan, asked != 0 ? asked : 2 * plan.cpus);
    add_count(&plan, asked != 0 ? asked : 4 * plan.cpus);
    for (size_t i = 0; i < plan.rows; i++) {
        char key[32];
        snprintf(key, sizeof key, "%u", plan.counts[i]);
        if (experiment_row(experiment, key, "%u worker%s", plan.counts[i], plan.counts[i] == 1 ? "" : "s") != 0)
            return -1;
    }
    return 0;
}

/* The work done, in CPUs that were kept busy with it all the time. */
static int measure_one(struct experiment *experiment, uint32_t count, enum weir_worker_kind kind, bool blocks,
                       double *ret)
{
    const struct plan *plan = experiment->state;
    struct shift *shift = crew_memory(sizeof *shift);
    struct crew_result result;
    uint64_t done = 0;
    if (shift == NULL)
        return experiment_failed(experiment, "there is no memory for the workers");
    shift->blocks = blocks;
    shift->slices = (uint64_t)fmax(1, round((double)JOB_NS / plan->slice_ns));
    struct crew crew = {.kind = kind, .count = count, .pin = pin(experiment), .work = work, .shared = shift};
    int end = crew_run(experiment, &crew, &result);
    for (uint32_t i = 0; i < count; i++)
        done += shift->done[i];
    *ret = (double)done * plan->slice_ns / (double)WINDOW_NS;
    munmap(shift, sizeof *shift);
    return end;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    struct plan *plan = experiment->state;
    int end = 0;
    plan->slice_ns = calibrate_slice(); /* each time: CPUs have more than one speed */
    for (int k = 0; k < 4 && end == 0; k++) {
        int i = experiment->rounds % 2 == 0 ? k : 3 - k; /* no column is always the first */
        end = measure_one(experiment, plan->counts[row], i % 2 == 0 ? WEIR_THREAD : WEIR_PROCESS, i >= 2, &ret[i]);
    }
    return end;
}

static double figure(const struct experiment *experiment, uint32_t count, const char *column)
{
    char key[32];
    snprintf(key, sizeof key, "%u", count);
    return experiment_figure(experiment, key, column);
}

static void judge(struct experiment *experiment)
{
    const struct plan *plan = experiment->state;
    uint32_t most = plan->counts[plan->rows - 1];
    double at = figure(experiment, plan->cpus, "thread"), beyond = figure(experiment, plan->cpus + 1, "thread");
    double blocking = figure(experiment, plan->cpus + 1, "thread_blocking"),
           many = figure(experiment, most, "thread_blocking");
    double gain = (beyond - at) / (at / plan->cpus); /* of one worker, in what one brings where there is a CPU for it */
    const char *answer = gain > 0.5 ? "more" : gain < -0.5 ? "less" : "same";
    experiment_conclude(
        experiment, gain > 0.5 ? VERDICT_HOLDS : VERDICT_DEPENDS, answer,
        "On %u CPU%s as many computing workers did the work of %.2f, and one more made it %.2f. Workers "
        "that sleep half of their time did the work of %.2f CPUs when they were %u, and of %.2f when "
        "they were %u.",
        plan->cpus, plan->cpus == 1 ? "" : "s", at, beyond, blocking, plan->cpus + 1, many, most);
}

static const struct lesson_column columns[] = {{"thread", "THREADS", UNIT_TIMES},
                                               {"process", "PROCESSES", UNIT_TIMES},
                                               {"thread_blocking", "T. BLOCKING", UNIT_TIMES},
                                               {"process_blocking", "P. BLOCKING", UNIT_TIMES},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"more", "more gets done, nearly as with one more CPU"},
    {"same", "about as much gets done as before"},
    {"less", "less gets done"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson cores --pin same", "all on one CPU: the knee moves to one"},
    {"weir lesson cores --workers 64", "many: what is lost to taking turns shows, if anything is"},
    {0},
};

const struct lesson lesson_cores = {
    .name = "cores",
    .question = "How many workers should there be?",
    .claim = "Run as many workers as there are cores, plus one.",
    .ask = "Workers compute without a pause, one on each CPU. What does one more of them bring?",
    .choices = choices,
    .seconds = 8,
    .heeds = KNOB_WORKERS | KNOB_PIN,
    .columns = columns,
    .pictured = 0,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "A CPU does one thing at a time. Workers that compute fill one each; once all are full, one more only takes "
        "turns with the others, and what gets done stays the same. What it costs is small (a switch each few "
        "milliseconds), but each job takes longer.\n"
        "A worker that waits, for a disk, for the network, for another worker, leaves its CPU empty meanwhile. If each "
        "waits half of its time, two for each CPU nearly fill it (nearly, for they do not wait by appointment), and if "
        "each waits nine tenths, ten do. So the right number is that of the CPUs divided by the share of time in which "
        "a worker computes. The one in plus one was a guess at how much a worker waits.\n"
        "The figures are the work done, in CPUs that were busy with it all the time and undisturbed (where CPUs slow "
        "down when all are busy, or are not all alike, all together do less than their number). Threads and processes "
        "do not differ here: the scheduler knows tasks only.",
    .see = "sched(7), nproc(1)",
    .twists = twists,
};

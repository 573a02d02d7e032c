/* SPDX-License-Identifier: MIT
 *
 * The lesson `cores`: more and more workers, that compute or that block half of their time; how much gets done.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/crew.h"

#define WINDOW_NS    INT64_C(60000000) /* in which jobs are counted */
#define JOB_NS       INT64_C(500000)   /* of computing in one job */
#define STEPS_A_LOOK 2000

struct shift {
    bool blocks;              /* each job sleeps as long as it computes */
    double steps;             /* of computing in a job */
    uint64_t jobs[CREW_MOST]; /* in the window, of each */
};

static uint64_t compute(uint64_t steps)
{
    uint64_t state = 1;
    for (uint64_t i = 0; i < steps; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u; /* Knuth's MMIX generator */
        __asm__ volatile("" : "+r"(state));
    }
    return state;
}

static int work(void *shared, uint32_t index)
{
    struct shift *shift = shared;
    for (int64_t end_ns = clock_now_ns() + WINDOW_NS; clock_now_ns() < end_ns;) {
        compute((uint64_t)shift->steps);
        if (shift->blocks)
            nanosleep(&(struct timespec){.tv_nsec = JOB_NS}, NULL);
        shift->jobs[index]++;
    }
    return 0;
}

/* Steps that take JOB_NS when alone. */
static double calibrate_job(void)
{
    double best_ns = INFINITY;
    for (int i = 0; i < 5; i++) {
        int64_t begin_ns = clock_now_ns();
        compute(50 * STEPS_A_LOOK);
        best_ns = fmin(best_ns, (double)(clock_now_ns() - begin_ns));
    }
    return 50 * STEPS_A_LOOK * (double)JOB_NS / best_ns;
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

struct plan {
    double steps;
    uint32_t cpus;
    uint32_t counts[8];
    size_t rows;
};

static void add_count(struct plan *plan, uint32_t count)
{
    if (count >= 1 && count <= CREW_MOST && (plan->rows == 0 || count > plan->counts[plan->rows - 1]))
        plan->counts[plan->rows++] = count;
}

static int prepare(struct experiment *experiment)
{
    static struct plan plan;
    int cpus = weir_cpus_allowed(NULL, 0);
    plan = (struct plan){.steps = calibrate_job(), .cpus = cpus > 0 ? (uint32_t)cpus : 1};
    if (experiment->knobs.pin != NULL && strcmp(experiment->knobs.pin, "same") == 0)
        plan.cpus = 1;
    experiment->state = &plan;
    if (experiment->knobs.workers != 0)
        add_count(&plan, experiment->knobs.workers);
    else {
        add_count(&plan, 1);
        add_count(&plan, plan.cpus / 2);
        add_count(&plan, plan.cpus);
        add_count(&plan, plan.cpus + 1);
        add_count(&plan, 2 * plan.cpus);
        add_count(&plan, 4 * plan.cpus);
    }
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
    uint64_t jobs = 0;
    if (shift == NULL)
        return experiment_failed(experiment, "there is no memory for the workers");
    shift->blocks = blocks;
    shift->steps = plan->steps;
    struct crew crew = {.kind = kind,
                        .count = count,
                        .pin = experiment->knobs.pin != NULL ? experiment->knobs.pin : "none",
                        .work = work,
                        .shared = shift};
    int end = crew_run(experiment, &crew, &result);
    for (uint32_t i = 0; i < count; i++)
        jobs += shift->jobs[i];
    *ret = (double)jobs * (double)JOB_NS / result.wall_ns;
    munmap(shift, sizeof *shift);
    return end;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    const struct plan *plan = experiment->state;
    int end = 0;
    for (int i = 0; i < 4 && end == 0; i++)
        end = measure_one(experiment, plan->counts[row], i % 2 == 0 ? WEIR_THREAD : WEIR_PROCESS, i >= 2, &ret[i]);
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
    if (plan->rows == 1) {
        experiment_conclude(experiment, VERDICT_DEPENDS, NULL,
                            "On %u CPU%s %u computing workers did the work of %.2f CPUs, and as many that sleep half "
                            "of their time the work of %.2f.",
                            plan->cpus, plan->cpus == 1 ? "" : "s", most, figure(experiment, most, "thread"),
                            figure(experiment, most, "thread_blocking"));
        return;
    }
    double at = figure(experiment, plan->cpus, "thread"), beyond = figure(experiment, plan->cpus + 1, "thread");
    double blocking = figure(experiment, plan->cpus + 1, "thread_blocking"),
           many = figure(experiment, most, "thread_blocking");
    const char *answer = beyond > 1.1 * at ? "more" : beyond < 0.9 * at ? "less" : "same";
    experiment_conclude(
        experiment, beyond > 1.1 * at ? VERDICT_HOLDS : VERDICT_DEPENDS, answer,
        "On %u CPU%s %u computing workers did the work of %.2f CPUs, and one more made it %.2f. Workers "
        "that sleep half of their time did the work of %.2f CPUs when they were %u, and of %.2f when "
        "they were %u.",
        plan->cpus, plan->cpus == 1 ? "" : "s", plan->cpus, at, beyond, blocking, plan->cpus + 1, many, most);
}

static const struct lesson_column columns[] = {{"thread", "THREADS", UNIT_TIMES},
                                               {"process", "PROCESSES", UNIT_TIMES},
                                               {"thread_blocking", "T. BLOCKING", UNIT_TIMES},
                                               {"process_blocking", "P. BLOCKING", UNIT_TIMES},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"more", "more gets done"},
    {"same", "as much gets done as before"},
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
    .why = "A CPU does one thing at a time. Workers that compute fill one each; once all are full, one more only takes "
           "turns with the others, and what gets done stays the same. What it costs is small (a switch each few "
           "milliseconds), but each job takes longer.\n"
           "A worker that waits, for a disk, for the network, for another worker, leaves its CPU empty meanwhile. If "
           "each waits half of its time, two for each CPU fill it, and if each waits nine tenths, ten do. So the right "
           "number is the number of CPUs divided by the share of time in which a worker computes. The one in plus one "
           "was a guess at how much a worker waits.\n"
           "The figures are the work done, in CPUs that were busy with it all the time. Threads and processes do not "
           "differ here: the scheduler knows tasks only.",
    .see = "sched(7), nproc(1)",
    .twists = twists,
};

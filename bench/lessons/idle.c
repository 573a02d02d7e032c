/* SPDX-License-Identifier: MIT
 *
 * The lesson `idle`: uneven jobs, dealt out in equal shares beforehand, or taken one by one from a common queue.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/crew.h"
#include "teach/page.h"

#define JOBS     64u
#define LONG_NS  INT64_C(1600000) /* of the first quarter of the jobs */
#define SHORT_NS INT64_C(100000)

enum dealing { SHARES, COUNTER, CHANNEL };

struct yard {
    enum dealing dealing;
    uint32_t workers;
    _Atomic uint32_t next; /* of a queue that is a counter */
    struct weir_channel *channel;
    double busy_ns[CREW_MOST];
};

/* So long on the CPU, whoever else is on it. */
static void do_job(uint32_t job)
{
    struct timespec begin, now;
    int64_t wanted_ns = job < JOBS / 4 ? LONG_NS : SHORT_NS, spent_ns;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do {
        for (volatile int i = 0; i < 1000; i++)
            ;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        spent_ns = (now.tv_sec - begin.tv_sec) * INT64_C(1000000000) + now.tv_nsec - begin.tv_nsec;
    } while (spent_ns < wanted_ns);
}

static int work_from_channel(struct yard *yard, uint32_t index)
{
    struct weir_endpoint *endpoint;
    uint32_t job;
    if (weir_attach(&endpoint, yard->channel, WEIR_CONSUMER, index) != 0)
        return 1;
    while (weir_recv(endpoint, &job, sizeof job, WEIR_FOREVER) == sizeof job)
        do_job(job);
    weir_detach(endpoint);
    return 0;
}

static int work(void *shared, uint32_t index)
{
    struct yard *yard = shared;
    struct timespec begin, end;
    int result = 0;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    if (yard->dealing == SHARES)
        for (uint32_t job = JOBS * index / yard->workers; job < JOBS * (index + 1) / yard->workers; job++)
            do_job(job);
    else if (yard->dealing == COUNTER)
        for (uint32_t job; (job = atomic_fetch_add(&yard->next, 1)) < JOBS;)
            do_job(job);
    else
        result = work_from_channel(yard, index);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    yard->busy_ns[index] = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    return result;
}

static void send_jobs(void *shared)
{
    struct yard *yard = shared;
    struct weir_endpoint *endpoint;
    if (yard->dealing != CHANNEL || weir_attach(&endpoint, yard->channel, WEIR_PRODUCER, 0) != 0)
        return;
    for (uint32_t job = 0; job < JOBS; job++)
        if (weir_send(endpoint, &job, sizeof job, 0, WEIR_FOREVER) != 0)
            break;
    weir_detach(endpoint);
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static const struct way {
    const char *key, *label;
    enum weir_worker_kind kind;
    enum dealing dealing;
} ways[] = {
    {"shares_thread", "equal shares, threads", WEIR_THREAD, SHARES},
    {"shares_process", "equal shares, processes", WEIR_PROCESS, SHARES},
    {"counter_thread", "shared counter, threads", WEIR_THREAD, COUNTER},
    {"counter_process", "shared counter, processes", WEIR_PROCESS, COUNTER},
    {"channel_thread", "channel, threads", WEIR_THREAD, CHANNEL},
    {"channel_process", "channel, processes", WEIR_PROCESS, CHANNEL},
};

static uint32_t workers(const struct experiment *experiment)
{
    int allowed = weir_cpus_allowed(NULL, 0);
    return experiment->knobs.workers != 0 ? experiment->knobs.workers : allowed > 8 ? 8 : (uint32_t)allowed;
}

static int prepare(struct experiment *experiment)
{
    int result = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0] && result == 0; i++)
        result = experiment_row(experiment, ways[i].key, "%s", ways[i].label);
    return result;
}

/* How busy each of the first workers was. */
static void remark(struct experiment *experiment, size_t row, const struct yard *yard, double wall_ns)
{
    char text[48] = "";
    for (uint32_t i = 0; i < yard->workers && i < 4; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%.0f", i > 0 ? " " : "", 100 * yard->busy_ns[i] / wall_ns);
    }
    experiment_remark(experiment, row, "%s%s", text, yard->workers > 4 ? " .." : "");
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    const struct way *way = &ways[row];
    struct yard *yard = crew_memory(sizeof *yard);
    struct crew_result result;
    struct weir_error error;
    if (yard == NULL)
        return experiment_failed(experiment, "there is no memory for the workers");
    yard->dealing = way->dealing;
    yard->workers = workers(experiment);
    /* One message in the channel for each: who is done finds the next, and nobody hoards. */
    struct weir_channel_config config = {.consumers = yard->workers, .max_message_bytes = sizeof(uint32_t), .depth = 4};
    int end = weir_channel_create(&yard->channel, "shm,wait=block", &config, &error) == 0
                  ? 0
                  : experiment_failed(experiment, "%s", error.text);
    struct crew crew = {.kind = way->kind,
                        .count = yard->workers,
                        .pin = experiment->knobs.pin,
                        .work = work,
                        .shared = yard,
                        .meanwhile = send_jobs};
    if (end == 0)
        end = crew_run(experiment, &crew, &result);
    if (end == 0) {
        double busy_ns = 0;
        for (uint32_t i = 0; i < yard->workers; i++)
            busy_ns += yard->busy_ns[i];
        ret[0] = result.wall_ns;
        ret[1] = busy_ns / result.wall_ns / fmin(yard->workers, crew_cpus(experiment->knobs.pin, yard->workers));
        remark(experiment, row, yard, result.wall_ns);
    }
    weir_channel_destroy(yard->channel);
    munmap(yard, sizeof *yard);
    return end;
}

static void judge(struct experiment *experiment)
{
    double shares = experiment_figure(experiment, "shares_thread", "ns"),
           queue = experiment_figure(experiment, "counter_thread", "ns");
    double busy = experiment_figure(experiment, "shares_thread", "busy"),
           full = experiment_figure(experiment, "counter_thread", "busy");
    double channel = experiment_figure(experiment, "channel_process", "ns"), ratio = shares / queue;
    const char *answer = ratio < 1.2 ? "same" : ratio < 1.6 ? "half" : "twice";
    experiment_conclude(
        experiment, ratio >= 1.2 ? VERDICT_HOLDS : VERDICT_DEPENDS, answer,
        "With equal shares the CPUs were busy %s of the time and all was done in %s; from a common queue %s "
        "and %s (%s by a channel between processes).",
        told(UNIT_SHARE, busy), told(UNIT_NS, shares), told(UNIT_SHARE, full), told(UNIT_NS, queue),
        told(UNIT_NS, channel));
}

static const struct lesson_column columns[] = {{"ns", "ALL DONE IN", UNIT_NS}, {"busy", "BUSY", UNIT_SHARE}, {0}};

static const struct lesson_choice choices[] = {
    {"same", "about as long as from a common queue"},
    {"half", "up to half as long again"},
    {"twice", "nearly twice as long, or more"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson idle --workers 64", "a job for each: the kernel spreads the workers, and the difference goes"},
    {"weir lesson idle --pin same", "one CPU is never idle while anybody has work: all ways take as long"},
    {0},
};

const struct lesson lesson_idle = {
    .name = "idle",
    .question = "Does every CPU get its share of work?",
    .claim = "With several CPUs some may sit idle while another drowns in work.",
    .ask =
        "64 jobs, the first 16 of them 16 times as long as the others, are dealt out in equal numbers: the first 32 to "
        "the first of two workers, and so on, a worker to each CPU. How long does that take, compared with workers who "
        "each fetch the next job when they are done with one?",
    .choices = choices,
    .seconds = 5,
    .cpus = 2,
    .heeds = KNOB_WORKERS | KNOB_PIN,
    .columns = columns,
    .pictured = 0,
    .remarks = "% BUSY OF EACH",
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "Equal numbers of jobs are not equal amounts of work. Whoever got the long ones works on when the others are "
        "done, and the whole takes as long as the slowest share. The kernel cannot help: it moves tasks from CPU to "
        "CPU, but a worker that has run out of jobs has none to give. (Dealing the jobs out in turns, one to each, "
        "would have done well here; but who deals must know beforehand which are long.)\n"
        "A common queue deals the jobs out as they are needed: nobody is idle while one is left, and at the end the "
        "others wait for one job at most. What it costs is one step on a shared variable for each job, so jobs should "
        "be much longer than that.\n"
        "A shared counter is the shortest queue there is, if all jobs are known beforehand. A channel with many "
        "consumers is one for jobs that come as they come: each message goes to the consumer that is free.",
    .see = "sched(7), docs/drivers/shm.md",
    .twists = twists,
};

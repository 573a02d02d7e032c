/* SPDX-License-Identifier: MIT
 *
 * The yard: processes, partners, batches.
 */
#include "yard.h"

#include <math.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <weir/weir.h>

#include "measure/statistics.h"

#define MOST_BATCHES 512
#define MOST_TIMES   (1u << 24)

/* ---- a process ----------------------------------------------------------------------------------------------- */

struct job {
    double (*measure)(const struct yard *yard);
    const struct yard *yard;
};

static int work(void *argument, int report_fd)
{
    const struct job *job = argument;
    double value = job->measure(job->yard);
    return write(report_fd, &value, sizeof value) == sizeof value ? 0 : 1;
}

int64_t yard_patience(const struct yard *yard)
{
    return clock_now_ns() + 10 * yard->for_ns + YARDSTICK_PATIENCE_NS / 2;
}

double yard_run(double (*measure)(const struct yard *yard), const struct yard *yard)
{
    struct job job = {measure, yard};
    /* With a partner the process is pinned when that was started: who is pinned may start no thread elsewhere. */
    struct weir_worker_config config = {.kind = WEIR_PROCESS,
                                        .cpu = yard->cpu_b < 0 ? yard->cpu_a : -1,
                                        .name = "yardstick",
                                        .body = work,
                                        .argument = &job};
    struct weir_worker *worker;
    double value = NAN;
    if (weir_worker_start(&worker, &config, NULL) != 0)
        return NAN;
    struct pollfd report = {.fd = weir_worker_report_fd(worker), .events = POLLIN};
    poll(&report, 1, (int)((10 * yard->for_ns + YARDSTICK_PATIENCE_NS) / 1000000));
    if (read(report.fd, &value, sizeof value) != sizeof value)
        value = NAN;
    weir_worker_destroy(worker); /* kills it, with its partner */
    return value;
}

/* ---- a partner ----------------------------------------------------------------------------------------------- */

struct partner {
    void (*body)(void *argument);
    void *argument;
};

static int run_partner(void *argument, int report_fd)
{
    struct partner *partner = argument;
    (void)report_fd;
    partner->body(partner->argument);
    return 0;
}

/* As many CPUs as Linux can be built for. */
static int pin(int cpu)
{
    cpu_set_t set[8192 / CPU_SETSIZE];
    if (sched_getaffinity(0, sizeof set, set) != 0 || cpu >= 8192 || !CPU_ISSET_S((size_t)cpu, sizeof set, set))
        return -1;
    CPU_ZERO_S(sizeof set, set);
    CPU_SET_S((size_t)cpu, sizeof set, set);
    return sched_setaffinity(0, sizeof set, set);
}

static int start_partner(const struct yard *yard, enum weir_worker_kind kind, void (*body)(void *argument),
                         void *argument)
{
    static struct partner partner; /* one a process */
    struct weir_worker_config config = {
        .kind = kind, .cpu = yard->cpu_b, .name = "partner", .body = run_partner, .argument = &partner};
    struct weir_worker *worker;
    partner = (struct partner){body, argument};
    return weir_worker_start(&worker, &config, NULL) == 0 ? pin(yard->cpu_a) : -1;
}

int yard_partner(const struct yard *yard, void (*body)(void *argument), void *argument)
{
    return start_partner(yard, WEIR_THREAD, body, argument);
}

int yard_partner_process(const struct yard *yard, void (*body)(void *argument), void *argument)
{
    return start_partner(yard, WEIR_PROCESS, body, argument);
}

/* ---- batches ------------------------------------------------------------------------------------------------- */

/* So many that a batch is long enough, seen twice: what was long because somebody else ran does not count. 0: given up.
 */
static unsigned find_times(yard_batch *batch, void *state)
{
    unsigned times = 1;
    for (int seen = 0; seen < 2 && times < MOST_TIMES;) {
        int64_t took = batch(state, times);
        if (took < 0)
            return 0;
        if (took >= YARD_BATCH_NS)
            seen++;
        else
            times *= took < YARD_BATCH_NS / 8 ? 8 : 2;
    }
    return times;
}

double yard_repeat(const struct yard *yard, yard_batch *batch, void *state)
{
    static double values[MOST_BATCHES];
    size_t count = 0;
    if (batch(state, 1) < 0) /* the partner has to come first */
        return NAN;
    unsigned times = find_times(batch, state);
    int64_t took = times > 0 ? 0 : -1;
    for (int64_t end = clock_now_ns() + yard->for_ns; took >= 0 && count < MOST_BATCHES && clock_now_ns() < end;) {
        took = batch(state, times);
        if (took >= 0)
            values[count++] = (double)took / times;
    }
    return estimate_median(values, count).median;
}

/* SPDX-License-Identifier: MIT
 *
 * The lesson `omission`: a server that stalls once, measured by a client that asks the next question when it has the
 * last answer, and by one that asks at fixed times.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lessons.h"
#include "machine/clock.h"
#include "measure/statistics.h"
#include "teach/experiment.h"

#define INTERVAL_NS INT64_C(100000) /* from one question to the next */
#define SERVICE_NS  INT64_C(10000)
#define STALL_NS    INT64_C(100000000) /* once */
#define QUESTIONS   5000               /* half a second's */
#define STALLS_AT   1000

enum client { CLOSED, OPEN };

static void wait_until(int64_t ns)
{
    while (clock_now_ns() < ns) {
        int64_t left_ns = ns - clock_now_ns();
        if (left_ns > 200000) /* else the sleep takes longer than that to end */
            nanosleep(&(struct timespec){.tv_nsec = left_ns - 200000}, NULL);
    }
}

static void answer(int question)
{
    wait_until(clock_now_ns() + (question == STALLS_AT ? STALL_NS : SERVICE_NS));
}

/* Both clients want to ask at the same times. The closed one does not look at the clock while it waits for an answer,
 * and counts from when it could ask; the open one counts from when it should have asked. */
static void ask_all(enum client client, double *latencies)
{
    int64_t due_ns = clock_now_ns();
    for (int i = 0; i < QUESTIONS; i++) {
        wait_until(due_ns);
        int64_t asked_ns = clock_now_ns();
        answer(i);
        int64_t answered_ns = clock_now_ns();
        latencies[i] = (double)(answered_ns - (client == OPEN ? due_ns : asked_ns));
        due_ns += INTERVAL_NS;
        if (client == CLOSED && due_ns < answered_ns)
            due_ns = answered_ns; /* those questions are never asked */
    }
}

static double percentile(const double *sorted, double share)
{
    return sorted[(int)ceil(share * QUESTIONS) - 1];
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static int prepare(struct experiment *experiment)
{
    int result = experiment_row(experiment, "closed", "asks when answered");
    return result != 0 ? result : experiment_row(experiment, "open", "asks by the clock");
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    double *latencies = calloc(QUESTIONS, sizeof *latencies), sum = 0;
    if (latencies == NULL)
        return experiment_cannot(experiment, "there is no memory for it");
    ask_all(row == 0 ? CLOSED : OPEN, latencies);
    for (int i = 0; i < QUESTIONS; i++)
        sum += latencies[i];
    qsort(latencies, QUESTIONS, sizeof *latencies, compare_doubles);
    ret[0] = percentile(latencies, 0.5);
    ret[1] = percentile(latencies, 0.99);
    ret[2] = latencies[QUESTIONS - 1];
    ret[3] = sum / QUESTIONS;
    free(latencies);
    return 0;
}

static void judge(struct experiment *experiment)
{
    double closed = experiment_figure(experiment, "closed", "p99_ns"),
           open = experiment_figure(experiment, "open", "p99_ns");
    double ratio = open / closed;
    const char *right = ratio < 2 ? "same" : ratio < 100 ? "ten" : "thousand";
    experiment_conclude(
        experiment, ratio < 2 ? VERDICT_HOLDS : VERDICT_REFUTED, right,
        "The same stall of %d ms: a client that waits for each answer says p99 = %.3f ms, one that asks "
        "by the clock %.1f ms, %.0f times as much. Both saw a maximum of about %.0f ms.",
        (int)(STALL_NS / 1000000), closed / 1e6, open / 1e6, ratio,
        experiment_figure(experiment, "open", "max_ns") / 1e6);
}

static const struct lesson_column columns[] = {{"p50_ns", "P50", UNIT_NS},
                                               {"p99_ns", "P99", UNIT_NS},
                                               {"max_ns", "MAX", UNIT_NS},
                                               {"mean_ns", "MEAN", UNIT_NS},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"same", "nearly the same"},
    {"ten", "10 times as much, or some more"},
    {"thousand", "1000 times as much, or more"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir run pipe -m paced -r 10K",
     "weir's paced pattern asks by the clock; SENT p99 is the figure of the other kind"},
    {"weir run pipe -m pingpong", "a round trip is asked when answered: read its p99 with that in mind"},
    {0},
};

const struct lesson lesson_omission = {
    .name = "omission",
    .question = "Does p99 show a stall?",
    .claim = "We measured it: p99 looked fine.",
    .ask = "A server answers 10,000 questions a second in 10 us each, and then stands still for 100 ms, once in half a "
           "second. How much larger is p99 if the client asks by the clock, instead of when it has the last answer?",
    .choices = choices,
    .seconds = 4,
    .columns = columns,
    .pictured = 1,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why = "A client that waits for each answer before it asks again (a closed loop) asks nothing while the server "
           "stands still. It sees one slow answer out of 5,000, and one in 5,000 is no p99. But in those 100 ms a "
           "thousand people would have asked, and each would have waited: on the average half of the stall.\n"
           "The client has co-operated with the server in leaving out the bad moments; Gil Tene called it coordinated "
           "omission. An open loop asks by the clock, and counts from the time when it should have asked, also when "
           "it comes late itself. Then all who would have waited are in the figures.\n"
           "The mean is no help either: it mixes both and is nobody's experience. Look at the maximum: the two "
           "clients agree there, and it is the first hint.",
    .see = "docs/measuring.md, clock_nanosleep(2)",
    .twists = twists,
};

/* SPDX-License-Identifier: MIT
 *
 * The lesson `omission`: a server, a process of its own, that stalls once; measured by a client that asks the next
 * question when it has the last answer, and by one that asks at fixed times.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "lessons.h"
#include "measure/statistics.h"
#include "teach/crew.h"
#include "teach/page.h"

#define INTERVAL_NS INT64_C(100000) /* from one question to the next */
#define SERVICE_NS  INT64_C(10000)
#define STALL_NS    INT64_C(100000000) /* once */
#define QUESTIONS   5000u              /* half a second's */
#define STALLS_AT   1000u
#define DEPTH       2048 /* more than are asked during the stall */

enum client { CLOSED, OPEN };

struct message {
    uint32_t number;
    int64_t from_ns; /* since when the client has waited */
};

struct booth {
    enum client client;
    struct weir_channel *questions, *answers;
    uint32_t answered;
    double latencies_ns[QUESTIONS];
};

/* ---- the server ------------------------------------------------------------------------------------------------ */

/* At work, or, once, out for coffee. */
static void answer(uint32_t question)
{
    const struct timespec stall = {.tv_sec = STALL_NS / 1000000000, .tv_nsec = STALL_NS % 1000000000};
    if (question == STALLS_AT)
        nanosleep(&stall, NULL);
    for (int64_t until_ns = weir_now_ns() + SERVICE_NS; weir_now_ns() < until_ns;)
        ;
}

static int serve(struct booth *booth)
{
    struct weir_endpoint *questions, *answers;
    struct message message;
    if (weir_attach(&questions, booth->questions, WEIR_CONSUMER, 0) != 0 ||
        weir_attach(&answers, booth->answers, WEIR_PRODUCER, 0) != 0)
        return 1;
    while (weir_recv(questions, &message, sizeof message, WEIR_FOREVER) == sizeof message) {
        answer(message.number);
        if (weir_send(answers, &message, sizeof message, 0, WEIR_FOREVER) != 0)
            break;
    }
    weir_detach(questions);
    weir_detach(answers);
    return 0;
}

/* ---- the clients ----------------------------------------------------------------------------------------------- */

/* Both want to ask at the same times. The closed one does not ask while it waits for an answer, and counts from when it
 * asked; the open one asks when the time has come, and counts from then, also where it is late itself. */
static void ask_all(struct booth *booth, struct weir_endpoint *questions, struct weir_endpoint *answers)
{
    int64_t due_ns = weir_now_ns();
    for (uint32_t asked = 0; booth->answered < QUESTIONS;) {
        bool may_ask = asked < QUESTIONS && (booth->client == OPEN || asked == booth->answered);
        int64_t now_ns = weir_now_ns();
        struct message message = {.number = asked, .from_ns = booth->client == OPEN ? due_ns : now_ns};
        if (may_ask && now_ns >= due_ns) {
            int sent = weir_send(questions, &message, sizeof message, 0, WEIR_NOW);
            if (sent == 0) {
                asked++;
                due_ns += INTERVAL_NS;
                continue;
            }
            if (sent != WEIR_EAGAIN)
                return;
            may_ask = false; /* an answer first: else both could wait for room, it for answers, we for questions */
        }
        ssize_t got = weir_recv(answers, &message, sizeof message, may_ask ? due_ns : WEIR_FOREVER);
        if (got == WEIR_ETIMEDOUT)
            continue;
        if (got != sizeof message)
            return;
        now_ns = weir_now_ns();
        booth->latencies_ns[booth->answered++] = (double)(now_ns - message.from_ns);
        if (booth->client == CLOSED && due_ns < now_ns)
            due_ns = now_ns; /* the questions that were due meanwhile are never asked */
    }
}

static int work(void *shared, uint32_t index)
{
    struct booth *booth = shared;
    struct weir_endpoint *questions, *answers;
    if (index != 0)
        return serve(booth);
    if (weir_attach(&questions, booth->questions, WEIR_PRODUCER, 0) != 0 ||
        weir_attach(&answers, booth->answers, WEIR_CONSUMER, 0) != 0)
        return 1;
    ask_all(booth, questions, answers);
    weir_detach(questions);
    weir_detach(answers);
    return 0;
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

static int play(struct experiment *experiment, struct booth *booth)
{
    const struct weir_channel_config config = {.max_message_bytes = sizeof(struct message), .depth = DEPTH};
    const struct crew crew = {.kind = WEIR_PROCESS, .count = 2, .work = work, .shared = booth};
    struct weir_error error;
    struct crew_result result;
    int end = 0;
    if (weir_channel_create(&booth->questions, "shm,wait=spin", &config, &error) != 0 ||
        weir_channel_create(&booth->answers, "shm,wait=spin", &config, &error) != 0)
        end = experiment_failed(experiment, "%s", error.text);
    if (end == 0)
        end = crew_run(experiment, &crew, &result);
    weir_channel_destroy(booth->questions);
    weir_channel_destroy(booth->answers);
    if (end == 0 && booth->answered < QUESTIONS)
        end = experiment_failed(experiment, "the server answered %u of %u questions", booth->answered, QUESTIONS);
    return end;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    struct booth *booth = crew_memory(sizeof *booth);
    if (booth == NULL)
        return experiment_failed(experiment, "there is no memory for it");
    booth->client = row == 0 ? CLOSED : OPEN;
    int end = play(experiment, booth);
    if (end == 0) {
        double sum_ns = 0;
        for (size_t i = 0; i < QUESTIONS; i++)
            sum_ns += booth->latencies_ns[i];
        qsort(booth->latencies_ns, QUESTIONS, sizeof booth->latencies_ns[0], compare_doubles);
        ret[0] = percentile(booth->latencies_ns, 0.5);
        ret[1] = percentile(booth->latencies_ns, 0.99);
        ret[2] = booth->latencies_ns[QUESTIONS - 1];
        ret[3] = sum_ns / QUESTIONS;
    }
    munmap(booth, sizeof *booth);
    return end;
}

static void judge(struct experiment *experiment)
{
    double closed = experiment_figure(experiment, "closed", "p99_ns"),
           open = experiment_figure(experiment, "open", "p99_ns");
    double ratio = open / closed;
    const char *right = ratio < 2 ? "same" : ratio < 32 ? "ten" : "hundred";
    experiment_conclude(
        experiment, ratio < 2 ? VERDICT_HOLDS : VERDICT_REFUTED, right,
        "The same stall of %s: a client that waits for each answer says p99 = %s, one that asks by the clock %s, %s as "
        "much. Both saw a maximum of about %s.",
        told(UNIT_NS, STALL_NS), told(UNIT_NS, closed), told(UNIT_NS, open), told(UNIT_TIMES, ratio),
        told(UNIT_NS, experiment_figure(experiment, "open", "max_ns")));
}

static const struct lesson_column columns[] = {{"p50_ns", "P50", UNIT_NS},
                                               {"p99_ns", "P99", UNIT_NS},
                                               {"max_ns", "MAX", UNIT_NS},
                                               {"mean_ns", "MEAN", UNIT_NS},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"same", "nearly the same"},
    {"ten", "some 10 times as much"},
    {"hundred", "100 times as much, or more"},
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
    .ask =
        "A server needs 10 us for an answer and is asked every 100 us; once in half a second it stands still for 100 "
        "ms. One client asks by the clock, whatever happens; the other does not ask before it has the last answer. How "
        "much larger is the first one's p99, the figure that 99 of 100 answers are not above?",
    .choices = choices,
    .seconds = 4,
    .columns = columns,
    .pictured = 1,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why = "A client that waits for each answer before it asks again (a closed loop) asks nothing while the server "
           "stands still. It sees one slow answer out of 5,000. p99 is the figure that 99 of 100 are not above, and "
           "one in 5,000 does not move it. But in those 100 ms a thousand people would have asked, and each would have "
           "waited: on the average half of the stall.\n"
           "The client has co-operated with the server in leaving out the bad moments; Gil Tene called it coordinated "
           "omission. An open loop asks by the clock, and counts from the time when it should have asked, also when it "
           "comes late itself. Then all who would have waited are in the figures.\n"
           "The mean is no help either: it mixes both and is nobody's experience. Look at the maximum: the two clients "
           "agree there, and it is the first hint.",
    .see = "docs/measuring.md, clock_nanosleep(2)",
    .twists = twists,
};

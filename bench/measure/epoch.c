/* SPDX-License-Identifier: MIT
 *
 * An epoch seen from outside: its runner is started and watched, and what comes home is judged. A cell whose messages
 * do not add up has no cost.
 */
#include "epoch.h"

#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "account.h"
#include "chunk.h"
#include "runner.h"

static void fail(struct outcome *outcome, enum cell_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(struct outcome *outcome, enum cell_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    outcome->status = status;
    vsnprintf(outcome->reason, sizeof outcome->reason, format, arguments);
    va_end(arguments);
}

static bool is_whole(const struct integrity *integrity)
{
    return integrity->sent == integrity->received && integrity->lost == 0 && integrity->duplicated == 0 &&
           integrity->reordered == 0 && integrity->corrupted == 0;
}

static void describe_damage(struct outcome *outcome)
{
    const struct integrity *integrity = &outcome->integrity;
    fail(outcome, CELL_FAILED, "sent %llu, received %llu: lost %llu, duplicated %llu, reordered %llu, corrupted %llu",
         (unsigned long long)integrity->sent, (unsigned long long)integrity->received,
         (unsigned long long)integrity->lost, (unsigned long long)integrity->duplicated,
         (unsigned long long)integrity->reordered, (unsigned long long)integrity->corrupted);
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static const weir_Report *first_complaint(const struct reports *reports)
{
    for (uint32_t i = 0; i < reports->count; i++)
        if (reports->items[i].status != 0 && reports->items[i].status != WEIR_ECANCELED)
            return &reports->items[i];
    return NULL;
}

/* How a runner ended. */
struct ending {
    struct weir_worker_end end;
    bool stuck;   /* it did not end and was killed for it; `end` says no more */
    bool stopped; /* because a signal had stopped it */
};

static bool is_bad(const struct weir_worker_end *end)
{
    return end->how == WEIR_WORKER_SIGNALED || end->value != 0;
}

/* A runner that was killed by a signal was taken along by one of its threads. */
static void describe_crash(const struct setup *setup, const struct stage *stage, const struct weir_worker_end *end,
                           struct outcome *outcome)
{
    char text[64], name[48];
    uint32_t workers = setup->workers.producers + setup->workers.consumers;
    struct epoch epoch = {.setup = setup};
    weir_worker_end_text(end, text, sizeof text);
    for (uint32_t i = 0; i < workers; i++) {
        if (atomic_load(&stage->slots[i].crashed) == 0)
            continue;
        struct part part = {&epoch, WEIR_PRODUCER, i};
        if (i >= setup->workers.producers)
            part = (struct part){&epoch, WEIR_CONSUMER, i - setup->workers.producers};
        fail(outcome, CELL_FAILED, "%s: %s", part_name(&part, name, sizeof name), text);
        return;
    }
    fail(outcome, CELL_FAILED, "the process that runs this cell's workers: %s", text);
}

static bool is_refusal(int code)
{
    return code == WEIR_EMSGSIZE || code == WEIR_ENOTSUP || code == WEIR_EUNAVAILABLE || code == WEIR_EINVAL ||
           code == WEIR_EUNKNOWN;
}

/* Whether each message that was to be timed stands in the histogram. */
static bool all_timed(const struct epoch *epoch, const struct reports *reports)
{
    bool is_paced = epoch->setup->pattern == PATTERN_PACED;
    uint64_t each = is_paced ? epoch->count : epoch->timed > 0 ? epoch->timed - 1 : 0;
    uint64_t all = each * epoch->setup->workers.producers;
    return reports->latency.n == all && reports->uncorrected.n == (is_paced ? all : 0);
}

static void judge(struct cell *cell, const struct epoch *epoch, const struct reports *reports,
                  const struct ending *ending, struct outcome *outcome)
{
    const struct stage *stage = epoch->stage;
    const struct setup *setup = &cell->setup;
    const weir_Report *complaint = first_complaint(reports);
    uint32_t workers = setup->workers.producers + setup->workers.consumers;
    outcome->status = CELL_OK;
    if (account_settle(setup, reports, &outcome->integrity) != 0) {
        fail(outcome, CELL_FAILED, "no memory for the account");
        return;
    }
    bool whole = is_whole(&outcome->integrity);
    if (!stage->created && stage->trouble[0] != '\0')
        fail(outcome, is_refusal(stage->refusal) ? CELL_SKIPPED : CELL_FAILED, "%s", stage->trouble);
    else if (stage->trouble[0] != '\0')
        fail(outcome, CELL_FAILED, "%s", stage->trouble);
    else if (ending->stuck)
        fail(outcome, CELL_FAILED, "hung: nothing moved for %d s; the process that runs this cell's workers %s",
             (int)(silence_ns(setup) / 1000000000), ending->stopped ? "was stopped by a signal" : "did not end");
    else if (is_bad(&ending->end))
        describe_crash(setup, stage, &ending->end, outcome);
    else if (complaint != NULL)
        fail(outcome, CELL_FAILED, "%s %u: %s", complaint->role == weir_Role_ROLE_PRODUCER ? "producer" : "consumer",
             complaint->index, complaint->text);
    else if (reports->count != workers)
        fail(outcome, CELL_FAILED, "%u of %u workers have reported", reports->count, workers);
    else if (!whole)
        describe_damage(outcome);
    else if (!all_timed(epoch, reports))
        fail(outcome, CELL_FAILED, "%llu messages were timed, which is not how many there were",
             (unsigned long long)reports->latency.n);
    else
        account_cost(setup, reports, epoch->count, (stage->capabilities & WEIR_CAP_SYNTHETIC) != 0, outcome);
    outcome->cost.least_share = atomic_load(&stage->finished) != 0 ? stage->least_share : NAN;
    outcome->memory = account_memory(setup, reports);
    outcome->fixed_ns = account_fixed_ns(setup, reports);
}

/* ---- running ------------------------------------------------------------------------------------------------- */

/* Workers whose runner was killed die with it (PR_SET_PDEATHSIG) and are ours to bury (PR_SET_CHILD_SUBREAPER). */
static void bury_orphans(void)
{
    for (int looks = 0; looks < 1000; looks++) {
        pid_t buried = waitpid(-1, NULL, WNOHANG);
        if (buried < 0)
            return; /* no child is left */
        struct timespec pause = {.tv_nsec = 1000000};
        if (buried == 0)
            nanosleep(&pause, NULL);
    }
}

/* -1: a chunk that is none. */
static int take_in(struct reports *reports, const weir_Envelope *envelope)
{
    if (envelope->which_content == weir_Envelope_latency_tag) {
        const weir_Latency *chunk = &envelope->content.latency;
        return chunk_add(chunk->corrected ? &reports->latency : &reports->uncorrected, chunk);
    }
    if (reports->count < STAGE_MOST_WORKERS)
        reports->items[reports->count++] = envelope->content.report;
    return 0;
}

/* 1: interrupted. Ends with the runner's reports, or when the runner is stuck itself. */
static int gather(struct weir_worker *runner, const struct stage *stage, const struct setup *setup,
                  struct reports *reports, int interrupt_fd)
{
    struct report_reader reader = {0};
    uint32_t workers = setup->workers.producers + setup->workers.consumers;
    int64_t moved_ns = weir_now_ns();
    uint64_t last = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = weir_worker_report_fd(runner), .events = POLLIN},
                                {.fd = interrupt_fd, .events = POLLIN}};
        poll(fds, 2, 250);
        if (fds[1].revents != 0)
            return 1;
        enum report_result result = REPORT_READY;
        while (result == REPORT_READY) {
            weir_Envelope envelope;
            result = report_read(&reader, fds[0].fd, &envelope);
            if (result == REPORT_READY && take_in(reports, &envelope) != 0)
                result = REPORT_MALFORMED;
        }
        if (result != REPORT_NONE)
            return 0;
        uint64_t sum = stage_sum(stage, 0, workers);
        if (sum != last) {
            last = sum;
            moved_ns = weir_now_ns();
        }
        if (weir_now_ns() - moved_ns > silence_ns(setup) + 3 * GRACE_NS / 2)
            return 0;
    }
}

static struct ending end_runner(struct weir_worker *runner, int64_t deadline_ns)
{
    struct ending ending = {0};
    if (weir_worker_join(runner, deadline_ns, &ending.end) != 0) {
        ending.stuck = true;
        ending.stopped = is_stopped(weir_worker_pid(runner));
        weir_worker_kill(runner);
        weir_worker_join(runner, WEIR_FOREVER, &ending.end);
    }
    weir_worker_destroy(runner);
    if (is_bad(&ending.end)) {
        bury_orphans();
        weir_sweep();
    }
    return ending;
}

int epoch_run(struct cell *cell, struct stage *stage, const struct epoch_plan *plan, int interrupt_fd,
              struct outcome *ret)
{
    static struct reports reports; /* large */
    struct epoch epoch = {.setup = &cell->setup,
                          .stage = stage,
                          .run = plan->run,
                          .warm = plan->warm,
                          .count = plan->count,
                          .timed = cell->setup.pattern == PATTERN_PINGPONG ? plan->count + 1 : 0,
                          .exploring = plan->exploring};
    struct weir_worker_config config = {
        .kind = WEIR_PROCESS, .cpu = -1, .name = "runner", .body = run_workers, .argument = &epoch};
    struct weir_worker *runner;
    struct weir_error error;
    memset(ret, 0, sizeof *ret);
    reports.count = 0;
    histogram_clear(&reports.latency);
    histogram_clear(&reports.uncorrected);
    stage_clear(stage);
    if (weir_worker_start(&runner, &config, &error) != 0) {
        fail(ret, CELL_FAILED, "%s", error.text);
        return 0;
    }
    int interrupted = gather(runner, stage, &cell->setup, &reports, interrupt_fd);
    struct ending ending = end_runner(runner, interrupted ? WEIR_NOW : weir_now_ns() + GRACE_NS / 2);
    if (interrupted)
        return 1;
    judge(cell, &epoch, &reports, &ending, ret);
    if (stage->created) {
        cell->depth = stage->depth;
        cell->wait = stage->wait;
        cell->capabilities = stage->capabilities;
    }
    return 0;
}

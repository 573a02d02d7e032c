/* SPDX-License-Identifier: MIT
 *
 * The life of an epoch's workers.
 */
#include "runner.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/report.h"

struct member {
    struct part part;
    struct weir_worker *worker;
    struct report_reader reader;
    bool reported;
    bool ended;
};

struct crew {
    struct epoch *epoch;
    struct member *members; /* producers, then consumers: as the stage's slots */
    uint32_t count;
    uint32_t running;
    bool stopping;
    int64_t moved_ns; /* when anything last moved */
    uint64_t moved_sum;
    int report_fd;
};

static void trouble(struct crew *crew, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first trouble is the cause; what follows from it is not told. */
static void trouble(struct crew *crew, const char *format, ...)
{
    struct stage *stage = crew->epoch->stage;
    if (stage->trouble[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(stage->trouble, sizeof stage->trouble, format, arguments);
        va_end(arguments);
    }
}

/* ---- channels ------------------------------------------------------------------------------------------------ */

static void destroy_channels(struct epoch *epoch)
{
    weir_channel_destroy(epoch->channel);
    for (uint32_t i = 0; epoch->replies != NULL && i < epoch->setup->workers.producers; i++)
        weir_channel_destroy(epoch->replies[i]);
    free(epoch->replies);
}

static void shut_down(struct crew *crew)
{
    struct epoch *epoch = crew->epoch;
    crew->stopping = true;
    weir_channel_shutdown(epoch->channel);
    for (uint32_t i = 0; epoch->replies != NULL && i < epoch->setup->workers.producers; i++)
        weir_channel_shutdown(epoch->replies[i]);
    atomic_store(&epoch->stage->go, 1); /* whoever still waits for the start finds the channel shut */
}

static int check_carries(const struct weir_channel *channel, struct weir_error *error)
{
    struct weir_channel_info info;
    weir_channel_info(channel, &info);
    if ((info.capabilities & WEIR_CAP_SYNTHETIC) == 0)
        return 0;
    return weir_error_set(error, WEIR_ENOTSUP, "%s carries nothing, so nothing arrives that could be late",
                          info.driver);
}

static int create_channels(struct epoch *epoch, struct weir_error *error)
{
    const struct setup *setup = epoch->setup;
    bool one_process = setup->pairing.producer == WEIR_THREAD && setup->pairing.consumer == WEIR_THREAD;
    struct weir_channel_config config = {
        .producers = setup->workers.producers,
        .consumers = setup->workers.consumers,
        .max_message_bytes = setup->size,
        .depth = setup->depth,
        .span = one_process ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES,
        .wait = setup->wait,
    };
    int result = weir_channel_create(&epoch->channel, setup->spec, &config, error);
    if (result == 0 && setup->pattern == PATTERN_PACED)
        return check_carries(epoch->channel, error);
    if (result != 0 || setup->pattern == PATTERN_STREAM)
        return result;
    uint32_t clients = setup->workers.producers;
    epoch->replies = calloc(clients, sizeof(struct weir_channel *));
    if (epoch->replies == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the channels");
    config.producers = setup->workers.consumers;
    config.consumers = 1;
    for (uint32_t i = 0; i < clients && result == 0; i++)
        result = weir_channel_create(&epoch->replies[i], setup->spec, &config, error);
    return result;
}

static void publish_info(struct epoch *epoch)
{
    struct weir_channel_info info;
    weir_channel_info(epoch->channel, &info);
    epoch->stage->depth = info.depth;
    epoch->stage->wait = info.wait;
    epoch->stage->capabilities = info.capabilities;
    epoch->stage->created = true;
    epoch->is_synthetic = (info.capabilities & WEIR_CAP_SYNTHETIC) != 0;
}

/* ---- starting ------------------------------------------------------------------------------------------------ */

static enum weir_worker_kind kind_of(const struct crew *crew, uint32_t index)
{
    const struct pairing *pairing = &crew->epoch->setup->pairing;
    return crew->members[index].part.role == WEIR_PRODUCER ? pairing->producer : pairing->consumer;
}

static int start_kind(struct crew *crew, enum weir_worker_kind kind, const int *cpus)
{
    struct weir_error error;
    char name[48];
    for (uint32_t i = 0; i < crew->count; i++) {
        struct member *member = &crew->members[i];
        if (kind_of(crew, i) != kind)
            continue;
        struct weir_worker_config config = {.kind = kind,
                                            .cpu = cpus[i],
                                            .name = member->part.role == WEIR_PRODUCER ? "producer" : "consumer",
                                            .body = play_part,
                                            .argument = &member->part};
        if (weir_worker_start(&member->worker, &config, &error) != 0) {
            trouble(crew, "%s cannot start: %s", part_name(&member->part, name, sizeof name), error.text);
            return -1;
        }
        crew->running++;
    }
    return 0;
}

/* With fewer CPUs than workers, or by the placement. */
static bool some_share_cpu(const int *cpus, uint32_t count)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || (uint32_t)CPU_COUNT(&allowed) < count)
        return true;
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (cpus[i] >= 0 && cpus[i] == cpus[j])
                return true;
    return false;
}

static int start_workers(struct crew *crew)
{
    const struct setup *setup = crew->epoch->setup;
    struct weir_error error;
    int *cpus = calloc(crew->count, sizeof *cpus);
    if (cpus == NULL)
        return -1;
    int result = weir_placement(cpus, setup->pin, setup->workers.producers, setup->workers.consumers, &error);
    if (result != 0)
        trouble(crew, "%s", error.text);
    crew->epoch->shares_cpu = some_share_cpu(cpus, crew->count);
    if (result == 0)
        result = start_kind(crew, WEIR_PROCESS, cpus); /* fork copies one thread: so these come first */
    if (result == 0)
        result = start_kind(crew, WEIR_THREAD, cpus);
    free(cpus);
    return result;
}

/* ---- watching ------------------------------------------------------------------------------------------------ */

static void collect_end(struct crew *crew, struct member *member)
{
    struct weir_worker_end end;
    char name[48], text[64];
    weir_worker_join(member->worker, WEIR_FOREVER, &end);
    member->ended = true;
    crew->running--;
    if (end.how != WEIR_WORKER_SIGNALED && end.value == 0 && member->reported)
        return;
    trouble(crew, "%s: %s", part_name(&member->part, name, sizeof name), weir_worker_end_text(&end, text, sizeof text));
    shut_down(crew);
}

static void read_reports(struct crew *crew, struct member *member)
{
    weir_Envelope envelope;
    enum report_result result;
    while ((result = report_read(&member->reader, weir_worker_report_fd(member->worker), &envelope)) == REPORT_READY) {
        report_forward(crew->report_fd, &envelope); /* should the program be gone, so are we soon */
        if (envelope.which_content != weir_Envelope_report_tag)
            continue;
        member->reported = true;
        if (envelope.content.report.status != 0 && !crew->stopping)
            shut_down(crew);
    }
    if (result != REPORT_NONE)
        collect_end(crew, member);
}

bool is_stopped(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const char *got = fgets(text, sizeof text, file);
    fclose(file);
    const char *end = got != NULL ? strrchr(text, ')') : NULL;
    return end != NULL && end[1] == ' ' && end[2] == 'T';
}

/* Who stands where when nothing moves. */
static void tell_silence(struct crew *crew)
{
    char text[400] = "", name[48];
    size_t used = 0;
    for (uint32_t i = 0; i < crew->count && used + 80 < sizeof text; i++) {
        const struct member *member = &crew->members[i];
        const struct stage_slot *slot = &crew->epoch->stage->slots[i];
        if (member->ended)
            continue;
        bool stopped = kind_of(crew, i) == WEIR_PROCESS && is_stopped(weir_worker_pid(member->worker));
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s at message %llu", used ? ", " : "",
                                 part_name(&member->part, name, sizeof name), stopped ? ", stopped by a signal," : "",
                                 (unsigned long long)atomic_load(&slot->count));
    }
    trouble(crew, "hung: nothing moved for %d s; %s", (int)(silence_ns(crew->epoch->setup) / 1000000000), text);
}

static void watch_silence(struct crew *crew)
{
    int64_t now = weir_now_ns();
    uint64_t sum = stage_sum(crew->epoch->stage, 0, crew->count) + crew->count - crew->running;
    if (sum != crew->moved_sum) {
        crew->moved_sum = sum;
        crew->moved_ns = now;
    }
    if (now - crew->moved_ns > silence_ns(crew->epoch->setup) && !crew->stopping) {
        tell_silence(crew);
        shut_down(crew);
    }
    if (now - crew->moved_ns > silence_ns(crew->epoch->setup) + GRACE_NS)
        _exit(1); /* process workers die with this one, threads too */
}

static void watch(struct crew *crew)
{
    struct pollfd *fds = calloc(crew->count, sizeof *fds);
    if (fds == NULL)
        _exit(1);
    crew->moved_ns = weir_now_ns();
    while (crew->running > 0) {
        for (uint32_t i = 0; i < crew->count; i++) {
            const struct member *member = &crew->members[i];
            bool watched = member->worker != NULL && !member->ended;
            fds[i] = (struct pollfd){.fd = watched ? weir_worker_report_fd(member->worker) : -1, .events = POLLIN};
        }
        bool started = atomic_load(&crew->epoch->stage->go) != 0;
        poll(fds, crew->count, started ? 100 : 0);
        for (uint32_t i = 0; i < crew->count; i++)
            if (fds[i].revents != 0)
                read_reports(crew, &crew->members[i]);
        if (!started && stage_all(crew->epoch->stage, 0, crew->count, PHASE_READY))
            atomic_store_explicit(&crew->epoch->stage->go, 1, memory_order_release);
        else if (!started)
            stage_pause(1000);
        watch_silence(crew);
    }
    free(fds);
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C comes to all; the program decides */
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    mark_crashes();
}

static void run_crew(struct crew *crew)
{
    const struct setup *setup = crew->epoch->setup;
    publish_info(crew->epoch);
    for (uint32_t i = 0; i < crew->count; i++)
        crew->members[i].part = i < setup->workers.producers
                                    ? (struct part){crew->epoch, WEIR_PRODUCER, i}
                                    : (struct part){crew->epoch, WEIR_CONSUMER, i - setup->workers.producers};
    if (start_workers(crew) != 0)
        shut_down(crew);
    watch(crew);
    for (uint32_t i = 0; i < crew->count; i++)
        weir_worker_destroy(crew->members[i].worker);
}

int run_workers(void *argument, int report_fd)
{
    struct epoch *epoch = argument;
    struct crew crew = {.epoch = epoch, .report_fd = report_fd};
    struct weir_error error = {.text = "no memory for the workers"};
    int result = WEIR_ENOMEM;
    reset_signals();
    crew.count = epoch->setup->workers.producers + epoch->setup->workers.consumers;
    crew.members = calloc(crew.count, sizeof *crew.members);
    if (crew.members != NULL)
        result = create_channels(epoch, &error);
    if (crew.members != NULL && result == 0) {
        run_crew(&crew);
    } else {
        trouble(&crew, "%s", error.text);
        epoch->stage->refusal = result;
    }
    destroy_channels(epoch);
    free(crew.members);
    return 0;
}

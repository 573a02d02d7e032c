/* SPDX-License-Identifier: MIT
 *
 * The crew's process starts the workers, lets them go together, and notes how each ended.
 */
#include "crew.h"

#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "machine/clock.h"
#include "measure/runner.h"

#define LOOK_NS    INT64_C(20000000)   /* at one worker, before the next */
#define STOPPED_NS INT64_C(3000000000) /* a process that is stopped for so long is not waited for */

/* Seen by the program, the crew's process and its workers. */
struct board {
    const struct crew *crew;
    _Atomic uint32_t ready;
    _Atomic uint32_t go;
    int64_t begin_ns;
    _Atomic int64_t ended_ns[CREW_MOST]; /* 0: not yet */
    char trouble[256];
};

struct member {
    struct board *board;
    uint32_t index;
};

void *crew_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int be_member(void *argument, int report_fd)
{
    const struct member *member = argument;
    struct board *board = member->board;
    (void)report_fd;
    atomic_fetch_add(&board->ready, 1);
    while (atomic_load_explicit(&board->go, memory_order_acquire) == 0) /* pairs with run_crew's release */
        sched_yield();
    int result = board->crew->work(board->crew->shared, member->index);
    atomic_store(&board->ended_ns[member->index], clock_now_ns());
    return result;
}

/* Notes the end of one who should have ended well. */
static void check_end(struct board *board, const char *who, const struct weir_worker_end *end)
{
    char text[128];
    if (board->crew->is_deadly || (end->how != WEIR_WORKER_SIGNALED && end->value == 0))
        return;
    weir_worker_end_text(end, text, sizeof text);
    snprintf(board->trouble, sizeof board->trouble, "%s: %s", who, text);
}

/* ---- the crew's process -------------------------------------------------------------------------------------- */

/* The places of `count` workers, half of them as consumers; `cpus` has room for one more. */
static int place(int *cpus, const char *pin, uint32_t count, struct weir_error *error)
{
    uint32_t others = count > 1 ? count / 2 : 1, some = count > 1 ? count - others : 1;
    return weir_placement(cpus, pin != NULL ? pin : "auto", some, others, error);
}

uint32_t crew_cpus(const char *pin, uint32_t count)
{
    int cpus[CREW_MOST + 1], allowed = weir_cpus_allowed(NULL, 0);
    struct weir_error error;
    uint32_t distinct = 0;
    if (place(cpus, pin, count, &error) != 0 || cpus[0] < 0)
        return allowed > 0 ? (uint32_t)allowed : 1;
    for (uint32_t i = 0; i < count; i++) {
        bool is_first = true;
        for (uint32_t k = 0; k < i && is_first; k++)
            is_first = cpus[k] != cpus[i];
        distinct += is_first;
    }
    return distinct;
}

/* Whether a signal has stopped that process, and nobody seems to continue it. `since_ns`: 0 to begin with. */
static bool stays_stopped(pid_t pid, int64_t *since_ns)
{
    int64_t now_ns = weir_now_ns();
    bool stopped = is_stopped(pid);
    if (!stopped || *since_ns == 0)
        *since_ns = stopped ? now_ns : 0;
    return stopped && now_ns - *since_ns > STOPPED_NS;
}

/* Until all are there. One that has ended before will never come. */
static int gather(struct board *board, struct weir_worker **workers)
{
    int64_t look_ns = weir_now_ns() + LOOK_NS;
    while (atomic_load(&board->ready) < board->crew->count) {
        sched_yield();
        if (weir_now_ns() < look_ns)
            continue;
        for (uint32_t i = 0; i < board->crew->count; i++) {
            struct weir_worker_end end;
            char text[128];
            if (weir_worker_join(workers[i], WEIR_NOW, &end) != 0)
                continue;
            weir_worker_end_text(&end, text, sizeof text);
            snprintf(board->trouble, sizeof board->trouble, "a worker, before it could begin: %s", text);
            return -1;
        }
        look_ns = weir_now_ns() + LOOK_NS;
    }
    return 0;
}

static int start_all(struct board *board, struct member *members, struct weir_worker **workers, const int *cpus)
{
    const struct crew *crew = board->crew;
    struct weir_error error;
    for (uint32_t i = 0; i < crew->count; i++) {
        members[i] = (struct member){board, i};
        struct weir_worker_config config = {
            .kind = crew->kind, .cpu = cpus[i], .name = "crew", .body = be_member, .argument = &members[i]};
        if (weir_worker_start(&workers[i], &config, &error) == 0)
            continue;
        memcpy(board->trouble, error.text, sizeof board->trouble - 1);
        return -1;
    }
    return gather(board, workers);
}

/* Until all have ended, or one in trouble: then the others may wait for it in vain, and end with this process. */
static int join_all(struct board *board, struct weir_worker **workers)
{
    int64_t stopped_ns[CREW_MOST] = {0};
    for (uint32_t left = board->crew->count; left > 0 && board->trouble[0] == '\0';)
        for (uint32_t i = 0; i < board->crew->count; i++) {
            struct weir_worker_end end;
            if (workers[i] == NULL)
                continue;
            if (weir_worker_join(workers[i], weir_now_ns() + LOOK_NS, &end) != 0) {
                if (board->crew->kind == WEIR_PROCESS && stays_stopped(weir_worker_pid(workers[i]), &stopped_ns[i]))
                    snprintf(board->trouble, sizeof board->trouble, "a worker was stopped by a signal");
                continue;
            }
            weir_worker_destroy(workers[i]);
            workers[i] = NULL;
            left--;
            check_end(board, "a worker", &end);
        }
    return board->trouble[0] != '\0';
}

static int run_crew(void *argument, int report_fd)
{
    struct board *board = argument;
    const struct crew *crew = board->crew;
    struct member members[CREW_MOST];
    struct weir_worker *workers[CREW_MOST] = {0};
    struct weir_error error;
    int cpus[CREW_MOST + 1];
    (void)report_fd;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* a crash on purpose leaves no file */
    if (crew->is_deadly)
        prctl(PR_SET_DUMPABLE, 0); /* nor is it reported to who collects crashes: the limit does not hold for pipes */
    if (place(cpus, crew->pin, crew->count, &error) != 0) {
        memcpy(board->trouble, error.text, sizeof board->trouble - 1);
        return 1;
    }
    if (crew->before != NULL)
        crew->before(crew->shared);
    if (start_all(board, members, workers, cpus) != 0)
        return 1; /* who has begun ends with this process */
    board->begin_ns = clock_now_ns();
    atomic_store_explicit(&board->go, 1, memory_order_release); /* pairs with be_member's acquire */
    if (crew->meanwhile != NULL)
        crew->meanwhile(crew->shared);
    return join_all(board, workers);
}

/* ---- the program's side -------------------------------------------------------------------------------------- */

static void read_board(const struct board *board, struct crew_result *ret)
{
    ret->wall_ns = 0;
    for (uint32_t i = 0; i < board->crew->count; i++) {
        int64_t ended_ns = atomic_load(&board->ended_ns[i]);
        double own_ns = ended_ns != 0 ? (double)(ended_ns - board->begin_ns) : NAN;
        if (isnan(own_ns) || own_ns > ret->wall_ns) /* what is not a number stays */
            ret->wall_ns = own_ns;
    }
}

/* Until the crew's process has ended. 1: interrupted, and it was killed. */
static int await(struct experiment *experiment, struct weir_worker *house, struct board *board, struct crew_result *ret)
{
    for (int64_t stopped_ns = 0;;) {
        struct pollfd fds[2] = {{.fd = weir_worker_report_fd(house), .events = POLLIN},
                                {.fd = experiment->interrupt_fd, .events = POLLIN}};
        poll(fds, 2, (int)(STOPPED_NS / 3000000));
        bool interrupted = fds[1].revents != 0, stopped = stays_stopped(weir_worker_pid(house), &stopped_ns);
        if (stopped)
            snprintf(board->trouble, sizeof board->trouble, "the workers' process was stopped by a signal");
        if (interrupted || stopped)
            weir_worker_kill(house); /* its workers die with it */
        if (!interrupted && !stopped && fds[0].revents == 0)
            continue;
        weir_worker_join(house, WEIR_FOREVER, &ret->house);
        return interrupted;
    }
}

int crew_run(struct experiment *experiment, const struct crew *crew, struct crew_result *ret)
{
    struct board *board = crew_memory(sizeof *board);
    struct weir_worker *house;
    struct weir_error error;
    if (board == NULL)
        return experiment_failed(experiment, "there is no memory for the workers");
    board->crew = crew;
    struct weir_worker_config config = {
        .kind = WEIR_PROCESS, .cpu = -1, .name = "crew", .body = run_crew, .argument = board};
    memset(ret, 0, sizeof *ret);
    int result = weir_worker_start(&house, &config, &error) == 0 ? 0 : experiment_failed(experiment, "%s", error.text);
    if (result == 0) {
        result = await(experiment, house, board, ret);
        weir_worker_destroy(house);
    }
    if (result == 0 && board->trouble[0] == '\0')
        check_end(board, "the workers' process", &ret->house);
    if (result == 0 && board->trouble[0] != '\0')
        result = experiment_failed(experiment, "%s", board->trouble);
    if (result == 0)
        read_board(board, ret);
    munmap(board, sizeof *board);
    return result;
}

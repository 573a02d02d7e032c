/* SPDX-License-Identifier: MIT
 *
 * A worker pool: tasks go out over one channel, which hands each of them to whichever worker is free, and the results
 * come home over another. The task here: of a thousand numbers, which takes the most steps down to 1, if one halves
 * what is even and makes 3n + 1 of what is odd? (Collatz)
 *
 *     cc worker_pool.c -o worker_pool $(pkg-config --cflags --libs weir)
 *     ./worker_pool [CHANNEL [thread|process]]
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

enum { WORKERS = 4, TASKS = 100, NUMBERS_A_TASK = 1000 };

struct task {
    uint32_t first;
};

struct result {
    uint32_t worker;
    uint32_t number; /* the one of the task that takes the most steps */
    uint32_t steps;
};

/* Each worker has a place of its own on both channels. */
struct place {
    struct pool *pool;
    uint32_t index;
};

struct pool {
    struct weir_channel *tasks, *results;
    struct place places[WORKERS];
    struct weir_worker *workers[WORKERS];
};

/* ---- a worker -------------------------------------------------------------------------------------------------- */

static uint32_t steps_to_one(uint64_t number)
{
    uint32_t steps = 0;
    for (; number != 1; steps++)
        number = number % 2 == 0 ? number / 2 : 3 * number + 1;
    return steps;
}

static struct result solve(struct task task)
{
    struct result best = {.steps = 0};
    for (uint32_t number = task.first; number < task.first + NUMBERS_A_TASK; number++) {
        uint32_t steps = steps_to_one(number);
        if (steps > best.steps)
            best = (struct result){.number = number, .steps = steps};
    }
    return best;
}

static int work(void *argument, int report_fd)
{
    (void)report_fd;
    const struct place *place = argument;
    struct weir_endpoint *in, *out;
    struct task task;
    ssize_t length = 0;
    int sent = 0;
    if (weir_attach(&in, place->pool->tasks, WEIR_CONSUMER, place->index) != 0)
        return 1;
    if (weir_attach(&out, place->pool->results, WEIR_PRODUCER, place->index) != 0) {
        weir_detach(in);
        return 1;
    }
    while (sent == 0 && (length = weir_recv(in, &task, sizeof task, WEIR_FOREVER)) > 0) {
        struct result result = solve(task);
        result.worker = place->index;
        sent = weir_send(out, &result, sizeof result, 0, WEIR_FOREVER);
    }
    weir_detach(in);
    weir_detach(out);
    return sent != 0 || length != WEIR_EOF;
}

/* ---- who gives out the tasks ----------------------------------------------------------------------------------- */

/* Gives out tasks for as long as there is room, and only then waits for a result. Who sent all tasks first and looked
 * for results later would wait for ever, once both channels are full: he for room, and the workers for him. */
static int give_and_take(struct weir_endpoint *out, struct weir_endpoint *in, struct result *ret_best,
                         unsigned ret_done[WORKERS])
{
    for (uint32_t given = 0, taken = 0; taken < TASKS;) {
        const struct task task = {.first = given * NUMBERS_A_TASK + 1};
        /* There is room for the first one for sure; it may have to wait until somebody is there. */
        const int64_t deadline = given == taken ? WEIR_FOREVER : WEIR_NOW;
        int sent = given < TASKS ? weir_send(out, &task, sizeof task, 0, deadline) : WEIR_EAGAIN;
        if (sent == 0) {
            given++;
            continue;
        }
        if (sent != WEIR_EAGAIN)
            return sent;
        struct result result;
        ssize_t length = weir_recv(in, &result, sizeof result, WEIR_FOREVER);
        if (length < 0)
            return (int)length; /* WEIR_EPEERDIED: a worker died, and perhaps a task in its hands */
        taken++;
        ret_done[result.worker]++;
        if (result.steps > ret_best->steps)
            *ret_best = result;
    }
    return 0;
}

static int run(struct pool *pool, struct result *ret_best, unsigned ret_done[WORKERS])
{
    struct weir_endpoint *out, *in;
    int result = weir_attach(&out, pool->tasks, WEIR_PRODUCER, 0);
    if (result != 0)
        return result;
    result = weir_attach(&in, pool->results, WEIR_CONSUMER, 0);
    if (result == 0) {
        result = give_and_take(out, in, ret_best, ret_done);
        weir_detach(in);
    }
    weir_detach(out); /* the workers get WEIR_EOF and go home */
    return result;
}

static void start(struct pool *pool, const char *spec, enum weir_worker_kind kind)
{
    const enum weir_span span = kind == WEIR_THREAD ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES;
    const struct weir_channel_config out = {
        .consumers = WORKERS, .max_message_bytes = sizeof(struct task), .span = span};
    const struct weir_channel_config home = {
        .producers = WORKERS, .max_message_bytes = sizeof(struct result), .span = span};
    struct weir_error error;
    if (weir_channel_create(&pool->tasks, spec, &out, &error) != 0 ||
        weir_channel_create(&pool->results, spec, &home, &error) != 0)
        errx(1, "%s", error.text);
    for (uint32_t i = 0; i < WORKERS; i++) {
        pool->places[i] = (struct place){.pool = pool, .index = i};
        const struct weir_worker_config worker = {.kind = kind, .cpu = -1, .body = work, .argument = &pool->places[i]};
        if (weir_worker_start(&pool->workers[i], &worker, &error) != 0)
            errx(1, "%s", error.text);
    }
}

static void end(struct pool *pool)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct weir_worker_end how;
        weir_worker_join(pool->workers[i], WEIR_FOREVER, &how);
        weir_worker_destroy(pool->workers[i]);
    }
    weir_channel_destroy(pool->tasks);
    weir_channel_destroy(pool->results);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 2 ? argv[2] : "process";
    bool by_threads = strcmp(kind, "thread") == 0;
    if (argc > 3 || (!by_threads && strcmp(kind, "process") != 0))
        errx(2, "usage: worker_pool [CHANNEL [thread|process]]");
    struct pool pool;
    struct result best = {.steps = 0};
    unsigned done[WORKERS] = {0};
    start(&pool, argc > 1 ? argv[1] : "shm", by_threads ? WEIR_THREAD : WEIR_PROCESS);
    int result = run(&pool, &best, done);
    end(&pool);
    if (result != 0)
        errx(1, "%s", weir_strerror(result));
    for (uint32_t i = 0; i < WORKERS; i++)
        printf("worker %u did %u tasks\n", i, done[i]);
    printf("of 1 to %d, %u takes the most steps: %u\n", TASKS * NUMBERS_A_TASK, best.number, best.steps);
    return 0;
}

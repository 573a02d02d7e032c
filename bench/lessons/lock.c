/* SPDX-License-Identifier: MIT
 *
 * The lesson `lock`: a worker dies while it holds a lock, and the next one wants it; or in the midst of a send into a
 * ring that has none.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/crew.h"
#include "teach/page.h"

#define PATIENCE_NS INT64_C(300000000) /* then the next one gives up, where it would wait for ever */

enum outcome { NOTHING, WENT_ON, OWNER_DEAD, GAVE_UP };

struct shop {
    pthread_mutex_t lock;
    struct weir_channel *ring; /* NULL: the lock is what it is about */
    bool is_thread;
    atomic_bool somebody_waits; /* the next one is there */
    atomic_bool has_died;
    int64_t died_ns;
    int64_t waited_ns; /* by the next one, from the death on */
    enum outcome outcome;
    int trouble; /* 0: the first one died as it should */
};

/* Longer than anybody may wait for the other one, who could have been killed by somebody else. */
static void await(const atomic_bool *event)
{
    for (int64_t until_ns = weir_now_ns() + 2 * PATIENCE_NS; !atomic_load(event) && weir_now_ns() < until_ns;)
        sched_yield();
}

/* ---- who dies -------------------------------------------------------------------------------------------------- */

/* A message that is being written, and is never sent. */
static int begin_message(struct shop *shop)
{
    struct weir_endpoint *endpoint;
    void *message;
    int result = weir_attach(&endpoint, shop->ring, WEIR_PRODUCER, 0);
    return result == 0 ? weir_reserve(endpoint, sizeof shop->died_ns, &message, WEIR_FOREVER) : result;
}

/* A thread cannot be killed alone: it leaves in the midst of it. */
static int die(struct shop *shop)
{
    shop->trouble = shop->ring != NULL ? begin_message(shop) : pthread_mutex_lock(&shop->lock);
    await(&shop->somebody_waits);
    shop->died_ns = clock_now_ns();
    atomic_store(&shop->has_died, true);
    if (!shop->is_thread)
        kill(getpid(), SIGKILL);
    return 0;
}

/* ---- who comes next -------------------------------------------------------------------------------------------- */

static void await_death(struct shop *shop)
{
    atomic_store(&shop->somebody_waits, true);
    await(&shop->has_died);
}

static enum outcome take_lock(struct shop *shop)
{
    await_death(shop);
    int64_t until_ns = weir_now_ns() + PATIENCE_NS;
    const struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    int result = pthread_mutex_clocklock(&shop->lock, CLOCK_MONOTONIC, &until);
    if (result == EOWNERDEAD)
        pthread_mutex_consistent(&shop->lock); /* the data are ours to repair */
    if (result == 0 || result == EOWNERDEAD)
        pthread_mutex_unlock(&shop->lock);
    return result == 0 ? WENT_ON : result == EOWNERDEAD ? OWNER_DEAD : GAVE_UP;
}

/* Another producer's message goes through the same channel. Each producer has a ring of its own there. */
static enum outcome use_ring(struct shop *shop)
{
    struct weir_endpoint *producer, *consumer;
    char message = 0;
    ssize_t got = -1;
    if (weir_attach(&producer, shop->ring, WEIR_PRODUCER, 1) != 0 ||
        weir_attach(&consumer, shop->ring, WEIR_CONSUMER, 0) != 0)
        return NOTHING;
    await_death(shop);
    int64_t until_ns = weir_now_ns() + PATIENCE_NS;
    if (weir_send(producer, &message, sizeof message, 0, until_ns) == 0)
        do
            got = weir_recv(consumer, &message, sizeof message, until_ns);
        while (got == WEIR_EPEERDIED); /* said once */
    return got == sizeof message ? WENT_ON : GAVE_UP;
}

static int come_next(struct shop *shop)
{
    shop->outcome = shop->ring != NULL ? use_ring(shop) : take_lock(shop);
    shop->waited_ns = clock_now_ns() - shop->died_ns;
    atomic_store(&shop->somebody_waits, true); /* also where it could not even come */
    return 0;
}

static int work(void *shared, uint32_t index)
{
    return index == 0 ? die(shared) : come_next(shared);
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static const struct way {
    const char *key, *label;
    enum weir_worker_kind kind;
    bool robust, lock_free;
} ways[] = {
    {"process_plain", "plain mutex, processes", WEIR_PROCESS, false, false},
    {"thread_plain", "plain mutex, threads", WEIR_THREAD, false, false},
    {"process_robust", "robust mutex, processes", WEIR_PROCESS, true, false},
    {"thread_robust", "robust mutex, threads", WEIR_THREAD, true, false},
    {"process_ring", "lock-free ring, processes", WEIR_PROCESS, false, true},
    {"thread_ring", "lock-free ring, threads", WEIR_THREAD, false, true},
};

static int prepare(struct experiment *experiment)
{
    int result = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0] && result == 0; i++)
        result = experiment_row(experiment, ways[i].key, "%s", ways[i].label);
    return result;
}

static int start_mutex(struct shop *shop, bool robust)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0 ||
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) != 0 ||
        (robust && pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) != 0))
        return -1;
    return pthread_mutex_init(&shop->lock, &attributes) == 0 ? 0 : -1;
}

static int start_shop(struct experiment *experiment, struct shop *shop, const struct way *way)
{
    const struct weir_channel_config config = {.producers = 2, .max_message_bytes = sizeof shop->died_ns};
    struct weir_error error;
    shop->is_thread = way->kind == WEIR_THREAD;
    if (way->lock_free && weir_channel_create(&shop->ring, "shm", &config, &error) != 0)
        return experiment_failed(experiment, "%s", error.text);
    if (!way->lock_free && start_mutex(shop, way->robust) != 0)
        return experiment_failed(experiment, "a mutex that processes share cannot be made");
    return 0;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    static const char *const remarks[] = {"", "goes on", "told: owner died", "waits in vain"};
    struct shop *shop = crew_memory(sizeof *shop);
    struct crew_result result;
    if (shop == NULL)
        return experiment_failed(experiment, "there is no memory for it");
    int end = start_shop(experiment, shop, &ways[row]);
    struct crew crew = {.kind = ways[row].kind,
                        .count = 2,
                        .pin = experiment->knobs.pin,
                        .work = work,
                        .shared = shop,
                        .is_deadly = true};
    if (end == 0)
        end = crew_run(experiment, &crew, &result);
    if (end == 0 && (shop->trouble != 0 || shop->outcome == NOTHING))
        end = experiment_failed(experiment, "%s: nobody could take part", ways[row].label);
    if (end == 0) {
        ret[0] = (double)shop->waited_ns;
        ret[1] = shop->outcome == WENT_ON || shop->outcome == OWNER_DEAD;
        experiment_remark(experiment, row, "%s", remarks[shop->outcome]);
    }
    weir_channel_destroy(shop->ring);
    munmap(shop, sizeof *shop);
    return end;
}

static void judge(struct experiment *experiment)
{
    bool plain = experiment_figure(experiment, "process_plain", "freed") > 0.5;
    double robust = experiment_figure(experiment, "process_robust", "waited_ns");
    double ring = experiment_figure(experiment, "process_ring", "waited_ns");
    bool robust_freed = experiment_figure(experiment, "process_robust", "freed") > 0.5;
    const char *answer = plain ? "takes" : "waits";
    if (plain)
        experiment_conclude(experiment, VERDICT_HOLDS, answer,
                            "The next one got a plain mutex whose holder had died, %s after the death.",
                            told(UNIT_NS, experiment_figure(experiment, "process_plain", "waited_ns")));
    else
        experiment_conclude(
            experiment, VERDICT_REFUTED, answer,
            "Behind a dead holder of a plain mutex the next one still waited when it gave up after %s. A "
            "robust mutex %s %s after the death; through rings without locks another one's message had "
            "come %s after it.",
            told(UNIT_NS, PATIENCE_NS), robust_freed ? "said so" : "did not say so", told(UNIT_NS, robust),
            told(UNIT_NS, ring));
}

static const struct lesson_column columns[] = {{"waited_ns", "WAITED", UNIT_NS}, {"freed", "GOT ON", UNIT_SHARE}, {0}};

static const struct lesson_choice choices[] = {
    {"takes", "the kernel frees the lock, and the next one takes it"},
    {"error", "the next one gets an error"},
    {"waits", "the next one waits for ever"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson lock --pin same", "one CPU changes how long the news takes, and not who waits for ever"},
    {"weir lesson crash", "weir's mutex channel uses robust mutexes, and its ring none: both outlive a dead worker"},
    {0},
};

const struct lesson lesson_lock = {
    .name = "lock",
    .question = "What if the holder of a lock dies?",
    .claim = "A worker that dies while it holds a lock only hurts itself.",
    .ask = "A process is killed while it holds a plain pthread mutex in shared memory. What happens to the next one "
           "who locks it?",
    .choices = choices,
    .seconds = 6,
    .heeds = KNOB_PIN,
    .columns = columns,
    .pictured = 0,
    .remarks = "THE NEXT ONE",
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "A mutex is a word in memory. To lock it is to write into that word who has it, to unlock it is to clear it, "
        "and the kernel hears of that only when somebody has to sleep. A dead worker writes nothing any more, so the "
        "word says locked for ever, and everybody who comes waits with it.\n"
        "A robust mutex (PTHREAD_MUTEX_ROBUST) is also entered into a list that the kernel knows. When a thread or "
        "process ends, the kernel walks that list, marks each lock, and the next one gets it together with the code "
        "EOWNERDEAD: you have the lock, but what it guards may be half written; repair it and call "
        "pthread_mutex_consistent.\n"
        "Where there is no lock nobody can take one along. Here a producer dies with a message half written in weir's "
        "shared memory. It makes a message visible by a single write at the end, which is done or not done, so nobody "
        "ever sees that one; and each producer has a ring of its own, so the next one's passes. In a ring that "
        "producers share, the place that the dead one had claimed would stay empty, and everybody would wait behind "
        "it: having no lock is not enough, nobody may wait for a step that another one has still to take.\n"
        "Threads can die alone too: one that returns or is cancelled with the lock in its hand leaves it locked.",
    .see = "pthread_mutexattr_setrobust(3), pthread_mutex_consistent(3), get_robust_list(2)",
    .twists = twists,
};

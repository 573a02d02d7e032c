/* SPDX-License-Identifier: MIT
 *
 * The lesson `lock`: a worker dies while it holds a lock, and the next one wants it.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/crew.h"

#define PATIENCE_MS 300 /* then the next one gives up, where it would wait for ever */

enum outcome_of_lock { NOTHING, LOCKED, OWNER_DEAD, GAVE_UP };

struct shop {
    pthread_mutex_t lock;
    bool is_lock_free;
    bool is_thread;
    atomic_uint held;    /* the one who dies has it */
    atomic_uint counter; /* what it is about */
    int64_t died_ns;
    int64_t waited_ns; /* by the next one, from the death on */
    enum outcome_of_lock outcome;
};

/* ---- who dies, and who comes next ------------------------------------------------------------------------------ */

/* A thread cannot be killed alone: it leaves in the midst of it. */
static void die(struct shop *shop)
{
    shop->died_ns = clock_now_ns();
    atomic_store(&shop->held, 1);
    if (!shop->is_thread)
        kill(getpid(), SIGKILL);
}

static void take_lock(struct shop *shop)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int result = pthread_mutex_clocklock(&shop->lock, CLOCK_MONOTONIC, &until);
    shop->outcome = result == 0 ? LOCKED : result == EOWNERDEAD ? OWNER_DEAD : GAVE_UP;
    if (result == EOWNERDEAD)
        pthread_mutex_consistent(&shop->lock); /* the data are ours to repair */
    if (result == 0 || result == EOWNERDEAD)
        pthread_mutex_unlock(&shop->lock);
}

/* The first worker dies in the midst of it, the second comes when it has. */
static int work(void *shared, uint32_t index)
{
    struct shop *shop = shared;
    if (index == 0) {
        if (!shop->is_lock_free)
            pthread_mutex_lock(&shop->lock);
        atomic_fetch_add(&shop->counter, 1);
        die(shop);
        return 0;
    }
    while (atomic_load(&shop->held) == 0)
        sched_yield();
    if (shop->is_lock_free) {
        atomic_fetch_add(&shop->counter, 1);
        shop->outcome = LOCKED;
    } else
        take_lock(shop);
    shop->waited_ns = clock_now_ns() - shop->died_ns;
    return 0;
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
    {"process_atomic", "no lock, processes", WEIR_PROCESS, false, true},
    {"thread_atomic", "no lock, threads", WEIR_THREAD, false, true},
};

static int prepare(struct experiment *experiment)
{
    int result = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0] && result == 0; i++)
        result = experiment_row(experiment, ways[i].key, "%s", ways[i].label);
    return result;
}

static int start_shop(struct shop *shop, const struct way *way)
{
    pthread_mutexattr_t attributes;
    shop->is_lock_free = way->lock_free;
    shop->is_thread = way->kind == WEIR_THREAD;
    if (pthread_mutexattr_init(&attributes) != 0 ||
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) != 0 ||
        (way->robust && pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) != 0))
        return -1;
    return pthread_mutex_init(&shop->lock, &attributes) == 0 ? 0 : -1;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    static const char *const remarks[] = {"?", "goes on", "told: owner died", "waits in vain"};
    struct shop *shop = crew_memory(sizeof *shop);
    struct crew_result result;
    if (shop == NULL || start_shop(shop, &ways[row]) != 0)
        return experiment_cannot(experiment, "a mutex that processes share cannot be made");
    struct crew crew = {.kind = ways[row].kind, .count = 2, .pin = experiment->knobs.pin, .work = work, .shared = shop};
    int end = crew_run(experiment, &crew, &result);
    ret[0] = (double)shop->waited_ns;
    ret[1] = shop->outcome != GAVE_UP;
    experiment_remark(experiment, row, "%s", remarks[shop->outcome]);
    munmap(shop, sizeof *shop);
    return end;
}

static void judge(struct experiment *experiment)
{
    bool plain = experiment_figure(experiment, "process_plain", "freed") > 0.5;
    double robust = experiment_figure(experiment, "process_robust", "waited_ns");
    bool robust_freed = experiment_figure(experiment, "process_robust", "freed") > 0.5;
    const char *answer = plain ? "takes" : "waits";
    experiment_conclude(experiment, plain ? VERDICT_HOLDS : VERDICT_REFUTED, answer,
                        "Behind a dead holder of a plain mutex the next one still waited when it gave up after %d ms. "
                        "A robust mutex %s %.0f us after the death; where there is no lock nobody waited.",
                        PATIENCE_MS, robust_freed ? "said so" : "did not say so", robust / 1000);
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
        "process ends, the kernel walks that list, marks each lock, and the next one gets it together with the "
        "code EOWNERDEAD: you have the lock, but what it guards may be half written; repair it and call "
        "pthread_mutex_consistent.\n"
        "A single atomic addition is never half done, so there is nothing that a dead worker could hold. A "
        "lock-free queue is built of such steps: who dies between two of them leaves at most its own message "
        "unfinished.\n"
        "Threads can die alone too: one that returns or is cancelled with the lock in its hand leaves it locked.",
    .see = "pthread_mutexattr_setrobust(3), pthread_mutex_consistent(3), get_robust_list(2)",
    .twists = twists,
};

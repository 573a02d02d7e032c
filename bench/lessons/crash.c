/* SPDX-License-Identifier: MIT
 *
 * The lesson `crash`: a producer under load gets a real segmentation fault, as a thread and as a process, on different
 * channels. Who lives, what was lost, how soon the other side knew, and whether a new producer can take the place.
 */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/crew.h"
#include "teach/page.h"

#define BEFORE      20000u /* messages of the one who crashes */
#define AFTER       1000u  /* of the one who takes its place */
#define DEPTH       64
#define SERVICE_NS  2000 /* the consumer's for each message: the producer waits for it, and the channel is full */
#define PATIENCE_NS INT64_C(2000000000)

/* Seen by everybody, also by the program that looks at what is left. */
struct scene {
    struct weir_channel *channel;
    int *forbidden;      /* a page that nobody may touch */
    atomic_uint sent;    /* sends that returned 0 */
    atomic_uint taken;   /* received */
    atomic_int refusal;  /* why the first producer could not go on to its crash; 0: it could */
    atomic_bool is_gone; /* the first producer's death is known */
    _Atomic int64_t crash_ns, known_ns;
    atomic_bool is_replaced;  /* another producer has attached in its place */
    atomic_bool is_restarted; /* another producer has sent all of its messages in the dead one's place */
    atomic_bool survived;     /* the consumer came to a clean end */
};

enum part { FIRST_PRODUCER, CONSUMER, PARTS };

/* ---- the parts ------------------------------------------------------------------------------------------------- */

static int64_t patience(void)
{
    return weir_now_ns() + PATIENCE_NS;
}

static void await(const atomic_bool *event)
{
    for (int64_t until_ns = patience(); !atomic_load(event) && weir_now_ns() < until_ns;)
        usleep(100);
}

static int send_some(struct scene *scene, struct weir_endpoint *endpoint, unsigned count)
{
    int result = 0;
    for (unsigned i = 0; i < count && result == 0; i++) {
        unsigned number = atomic_load(&scene->sent);
        result = weir_send(endpoint, &number, sizeof number, 0, patience());
        if (result == 0)
            atomic_fetch_add(&scene->sent, 1);
    }
    return result;
}

static int produce_and_crash(struct scene *scene)
{
    struct weir_endpoint *endpoint;
    int result = weir_attach(&endpoint, scene->channel, WEIR_PRODUCER, 0);
    if (result == 0)
        result = send_some(scene, endpoint, BEFORE);
    atomic_store(&scene->refusal, result);
    if (result != 0)
        return 1;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own way to die */
    atomic_store(&scene->crash_ns, clock_now_ns());
    *(volatile int *)scene->forbidden = 1;
    return 1; /* not reached */
}

static int consume(struct scene *scene)
{
    struct weir_endpoint *endpoint;
    unsigned number;
    if (weir_attach(&endpoint, scene->channel, WEIR_CONSUMER, 0) != 0)
        return 1;
    for (;;) {
        ssize_t got = weir_recv(endpoint, &number, sizeof number, patience());
        if (got == sizeof number) {
            atomic_fetch_add(&scene->taken, 1);
            for (int64_t until_ns = weir_now_ns() + SERVICE_NS; weir_now_ns() < until_ns;)
                ;
        } else if (got == WEIR_EPEERDIED && !atomic_load(&scene->is_gone)) {
            atomic_store(&scene->known_ns, clock_now_ns());
            atomic_store(&scene->is_gone, true);
            await(&scene->is_replaced);
        } else {
            atomic_store(&scene->survived, got == WEIR_EOF);
            weir_detach(endpoint);
            return 0;
        }
    }
}

static int take_the_place(void *shared, int report_fd)
{
    struct scene *scene = shared;
    struct weir_endpoint *endpoint;
    (void)report_fd;
    if (weir_attach(&endpoint, scene->channel, WEIR_PRODUCER, 0) != 0)
        return 1;
    atomic_store(&scene->is_replaced, true);
    atomic_store(&scene->is_restarted, send_some(scene, endpoint, AFTER) == 0);
    weir_detach(endpoint);
    return 0;
}

/* By the process whose children the workers are: once the first is known to be dead, another one is started. Where they
 * are its threads it is not there any more. */
static void restart(void *shared)
{
    struct scene *scene = shared;
    struct weir_worker *worker;
    struct weir_worker_end end;
    const struct weir_worker_config config = {
        .kind = WEIR_PROCESS, .cpu = -1, .name = "heir", .body = take_the_place, .argument = scene};
    await(&scene->is_gone);
    if (!atomic_load(&scene->is_gone) || weir_worker_start(&worker, &config, NULL) != 0)
        return;
    weir_worker_join(worker, WEIR_FOREVER, &end);
    weir_worker_destroy(worker);
}

static int work(void *shared, uint32_t index)
{
    struct scene *scene = shared;
    return index == FIRST_PRODUCER ? produce_and_crash(scene) : consume(scene);
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static const char *const specs[] = {"mutex", "pipe", "unix", "shm", "zmq"};

#define SPECS (sizeof specs / sizeof specs[0])

/* The channels that can be made here, each once for threads and once for processes. */
static int prepare(struct experiment *experiment)
{
    for (size_t i = 0; i < SPECS; i++) {
        char key[32];
        if (weir_driver_probe(specs[i], NULL) != 0)
            continue;
        snprintf(key, sizeof key, "%s_thread", specs[i]);
        if (experiment_row(experiment, key, "%s, thread", specs[i]) != 0)
            return -1;
        snprintf(key, sizeof key, "%s_process", specs[i]);
        if (experiment_row(experiment, key, "%s, process", specs[i]) != 0)
            return -1;
    }
    return 0;
}

static void remark(struct experiment *experiment, size_t row, const struct scene *scene,
                   const struct crew_result *result)
{
    if (atomic_load(&scene->refusal) != 0)
        experiment_remark(experiment, row, "no crash: %s", weir_strerror(atomic_load(&scene->refusal)));
    else if (result->house.how == WEIR_WORKER_SIGNALED)
        experiment_remark(experiment, row, "died, signal %d", result->house.value);
    else if (!atomic_load(&scene->survived))
        experiment_remark(experiment, row, "lives, no end");
    else
        experiment_remark(experiment, row, "lives%s", atomic_load(&scene->is_restarted) ? ", restart" : "");
}

/* What went otherwise than it must, for somebody else has killed somebody; NULL: nothing. */
static const char *find_intruder(const struct scene *scene, bool is_thread, const struct weir_worker_end *house)
{
    if (atomic_load(&scene->refusal) != 0)
        return NULL;
    if (atomic_load(&scene->crash_ns) == 0)
        return "the producer died before its crash";
    if (is_thread != (house->how == WEIR_WORKER_SIGNALED && house->value == SIGSEGV))
        return "the workers' process did not end of the crash alone";
    return NULL;
}

static int play(struct experiment *experiment, size_t row, struct scene *scene, struct crew_result *ret)
{
    char spec[32];
    struct weir_error error;
    const char *key = experiment->rows[row].key;
    const struct weir_channel_config config = {.max_message_bytes = sizeof(unsigned), .depth = DEPTH};
    snprintf(spec, sizeof spec, "%.*s", (int)strcspn(key, "_"), key);
    if (weir_channel_create(&scene->channel, spec, &config, &error) != 0)
        return experiment_failed(experiment, "%s", error.text);
    struct crew crew = {.kind = strstr(key, "_thread") != NULL ? WEIR_THREAD : WEIR_PROCESS,
                        .count = PARTS,
                        .pin = experiment->knobs.pin != NULL ? experiment->knobs.pin : "none",
                        .work = work,
                        .shared = scene,
                        .meanwhile = restart,
                        .is_deadly = true};
    int end = crew_run(experiment, &crew, ret);
    weir_channel_destroy(scene->channel);
    weir_sweep(); /* what the dead have left */
    return end;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    struct scene *scene = crew_memory(sizeof *scene);
    struct crew_result result = {.wall_ns = NAN};
    if (scene == NULL)
        return experiment_failed(experiment, "there is no memory for it");
    scene->forbidden = mmap(NULL, sizeof(int), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int end = scene->forbidden != MAP_FAILED ? play(experiment, row, scene, &result)
                                             : experiment_failed(experiment, "no page can be forbidden");
    const char *intruder =
        end == 0 ? find_intruder(scene, strstr(experiment->rows[row].key, "_thread") != NULL, &result.house) : NULL;
    if (intruder != NULL)
        end = experiment_failed(experiment, "%s: %s", experiment->rows[row].label, intruder);
    if (end == 0) {
        int64_t known_ns = atomic_load(&scene->known_ns);
        ret[0] = atomic_load(&scene->sent);
        ret[1] = (double)atomic_load(&scene->sent) - (double)atomic_load(&scene->taken);
        ret[2] = known_ns != 0 ? (double)(known_ns - atomic_load(&scene->crash_ns)) : NAN;
        ret[3] = result.house.how != WEIR_WORKER_SIGNALED && atomic_load(&scene->survived);
        for (size_t i = 0; i < 4 && atomic_load(&scene->refusal) != 0; i++)
            ret[i] = NAN; /* there was no crash */
        remark(experiment, row, scene, &result);
    }
    if (scene->forbidden != MAP_FAILED)
        munmap(scene->forbidden, sizeof(int));
    munmap(scene, sizeof *scene);
    return end;
}

/* ---- the verdict ----------------------------------------------------------------------------------------------- */

static void judge(struct experiment *experiment)
{
    double alive = 1, dead = 1, lost = 0, kept_back = 0, slowest = 0;
    char keeper[64] = ", and no message was lost";
    for (size_t i = 0; i < experiment->row_count; i++) {
        const double *medians = experiment->rows[i].medians;
        bool is_thread = strstr(experiment->rows[i].key, "_thread") != NULL;
        if (!isfinite(medians[3]))
            continue; /* it came to no crash */
        if (is_thread) {
            dead *= medians[3] < 0.5;
            lost = fmax(lost, medians[1]);
        } else {
            alive *= medians[3] > 0.5;
            if (medians[1] > kept_back) {
                kept_back = medians[1];
                snprintf(keeper, sizeof keeper, "; %.0f messages were lost, by %.*s", kept_back,
                         (int)strcspn(experiment->rows[i].key, "_"), experiment->rows[i].key);
            }
            slowest = fmax(slowest, medians[2]);
        }
    }
    if (alive > 0 && dead > 0)
        experiment_conclude(experiment, VERDICT_HOLDS, "all",
                            "Each crashed thread took its whole process along, with up to %.0f messages that were sent "
                            "and not yet received. Each crashed process died alone: the consumer knew within %s, a new "
                            "producer took the place%s.",
                            lost, told(UNIT_NS, slowest), keeper);
    else
        experiment_conclude(experiment, VERDICT_DEPENDS, dead > 0 ? "all" : "one",
                            "It did not go the same way on all channels: see who lives.");
}

static const struct lesson_column columns[] = {{"sent", "SENT", UNIT_COUNT},
                                               {"lost", "LOST", UNIT_COUNT},
                                               {"known_ns", "KNOWN AFTER", UNIT_NS},
                                               {"survived", "ALIVE", UNIT_SHARE},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"one", "the thread ends, the others go on"},
    {"all", "the whole process ends, with all of its threads"},
    {"hang", "the others wait for it for ever"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson crash --pin same", "on one CPU more messages wait in the channel when the end comes"},
    {"weir lesson lock", "what if it had held a lock?"},
    {0},
};

const struct lesson lesson_crash = {
    .name = "crash",
    .question = "Who dies with a crashing worker?",
    .claim = "A crashing thread takes everyone along, a crashing process does not.",
    .ask = "A producer sends messages to a consumer and then writes to a page that it may not touch. If it is a "
           "thread, what becomes of the consumer, another thread?",
    .choices = choices,
    .seconds = 5,
    .heeds = KNOB_PIN,
    .columns = columns,
    .pictured = 3,
    .remarks = "THE CONSUMER",
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "A bad access makes the CPU stop and the kernel send the signal SIGSEGV. Its default is to end the process, "
        "and threads are one process: they share the memory which can now no longer be trusted. The messages that lay "
        "in the channel were in that memory, or in the kernel with nobody left to read them.\n"
        "If the producer is a process of its own, only that process ends. Its pipe, socket or shared memory lives on "
        "in the others, so every message that had been sent still arrives. The exception is a channel that keeps "
        "messages in the sender for a while, as libzmq does in a thread of its own: they die with it.\n"
        "Nobody tells a consumer how its producer has ended. A pipe or a socket ends when the last process that could "
        "write to it is gone, but a good end looks the same; shared memory says nothing at all. weir has each worker "
        "hold a lock in shared memory for life, of a kind that the kernel marks when its holder dies (the lesson "
        "`lock`), and who waits looks at it, each 25 ms. So a death is reported as what it is, after all messages that "
        "were sent, and another can take the place.",
    .see = "signal(7), wait(2), docs/design/0002-roster-and-deaths.md",
    .twists = twists,
};

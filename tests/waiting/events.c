/* SPDX-License-Identifier: MIT
 *
 *   events SPEC threads|processes SECONDS
 *
 * Whether idle ends hear at once of all that may happen: a message, room, a death, that of somebody who came after they
 * fell asleep, the end, a shutdown; also where the one whom the kernel has woken for a death is killed too, where there
 * are too many ends to watch, and where the kernel has no futex_waitv. An end is idle after a millisecond here and then
 * sleeps for 20 s (meson.build): one that hears nothing is late beyond doubt.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "late.h"

enum { MOST_PRODUCERS = 3, MOST_CONSUMERS = 4, MOST_SEATS = 130, IDLE_NS = 6000000 };

struct board {
    _Atomic int present;
    _Atomic int answers;   /* blocked calls that returned what they should */
    _Atomic int64_t wrong; /* another result, of one that did not */
};

struct scene {
    const struct event *event;
    struct weir_channel *channel;
    struct board *board;
    enum weir_worker_kind kind;
    struct weir_worker *producers[MOST_PRODUCERS], *consumers[MOST_CONSUMERS];
    struct weir_endpoint *own; /* of the last producer's place */
    uint32_t consumer_count;   /* 1 where the driver takes no more */
};

struct event {
    const char *name;
    uint32_t producers, consumers; /* who takes part; the last producer is the test itself */
    uint32_t places;               /* of consumers, if there are more */
    bool mortal;                   /* kills: not between threads */
    bool bare;                     /* consumers have no futex_waitv */
    void (*happen)(struct scene *scene);
    int answers; /* so many blocked calls must return this */
    int wanted;
    bool of_last; /* the others are killed: their answers do not count */
};

struct place {
    const struct scene *scene;
    enum weir_role role;
    uint32_t index;
};

/* ---- workers ------------------------------------------------------------------------------------------------- */

static void forbid_waitv(void)
{
#ifdef SYS_futex_waitv
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_waitv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        late_fail("seccomp: %s", strerror(errno));
#endif
}

static void answer(const struct place *place, int64_t result)
{
    const struct scene *scene = place->scene;
    if (scene->event->of_last && place->index + 1 < scene->consumer_count)
        return;
    if (result == scene->event->wanted)
        atomic_fetch_add(&scene->board->answers, 1);
    else
        atomic_store(&scene->board->wrong, result);
}

/* A producer stays and does nothing. A consumer's call blocks, and says what it came to. */
static int take_place(void *argument, int report_fd)
{
    const struct place *place = argument;
    const struct scene *scene = place->scene;
    struct weir_endpoint *endpoint;
    char message[64];
    (void)report_fd;
    if (weir_attach(&endpoint, scene->channel, place->role, place->index) != 0)
        return 1;
    if (scene->event->bare && place->role == WEIR_CONSUMER)
        forbid_waitv();
    atomic_fetch_add(&scene->board->present, 1);
    if (place->role == WEIR_CONSUMER)
        answer(place, weir_recv(endpoint, message, sizeof message, WEIR_FOREVER));
    while (atomic_load(&scene->board->present) > 0)
        late_nap(1000000);
    weir_detach(endpoint);
    return 0;
}

static struct weir_worker *send_to_place(struct scene *scene, enum weir_role role, uint32_t index)
{
    static struct place places[2][MOST_CONSUMERS + MOST_PRODUCERS];
    places[role][index] = (struct place){scene, role, index};
    int before = atomic_load(&scene->board->present);
    struct weir_worker *worker = late_start(scene->kind, take_place, &places[role][index]);
    for (int64_t late_ns = weir_now_ns() + LATE_NS; atomic_load(&scene->board->present) == before;) {
        if (weir_now_ns() > late_ns)
            late_fail("%s: a worker does not come", scene->event->name);
        late_nap(100000);
    }
    return worker;
}

/* ---- what happens -------------------------------------------------------------------------------------------- */

static void send_message(struct scene *scene)
{
    char message[64] = {0};
    weir_send(scene->own, message, sizeof message, 0, weir_now_ns() + LATE_NS);
}

static void kill_producer(struct scene *scene)
{
    weir_worker_kill(scene->producers[0]);
}

/* The kernel wakes whoever fell asleep first, for the first death: all but the last are killed about then. */
static void kill_with_watchers(struct scene *scene)
{
    weir_worker_kill(scene->producers[0]);
    for (int64_t until_ns = weir_now_ns() + rand() % 300000; weir_now_ns() < until_ns;)
        ;
    for (uint32_t i = 0; i + 1 < scene->consumer_count; i++)
        weir_worker_kill(scene->consumers[i]);
}

/* Dies in the midst of what it has been woken for, or just before, or has taken it along. */
static void kill_receiver(struct scene *scene)
{
    send_message(scene);
    if (scene->consumer_count == 1)
        return;
    weir_worker_kill(scene->consumers[1]);
    struct weir_worker_end end;
    weir_worker_join(scene->consumers[1], weir_now_ns() + LATE_NS, &end);
    late_nap(IDLE_NS);
    if (atomic_load(&scene->board->answers) == 0)
        send_message(scene); /* it was taken along, or is late: then that one is, too */
}

static void come_and_die(struct scene *scene)
{
    weir_worker_kill(scene->producers[0]); /* it was told of this one: see play */
    weir_worker_destroy(scene->producers[0]);
    scene->producers[0] = NULL;
}

static void leave(struct scene *scene)
{
    weir_detach(scene->own);
    scene->own = NULL;
}

static void shut_down(struct scene *scene)
{
    weir_channel_shutdown(scene->channel);
}

static const struct event events[] = {
    {"message", 1, 1, 0, false, false, send_message, 1, 64, false},
    {"message, some are idle", 1, 4, 0, false, false, send_message, 1, 64, false},
    {"message, without futex_waitv", 1, 2, 0, false, true, send_message, 1, 64, false},
    {"death", 2, 1, 0, true, false, kill_producer, 1, WEIR_EPEERDIED, false},
    {"death, several watch", 2, 4, 0, true, false, kill_producer, 4, WEIR_EPEERDIED, false},
    {"death, also of watchers", 2, 2, 0, true, false, kill_with_watchers, 1, WEIR_EPEERDIED, true},
    {"death, also of all watchers but one", 2, 4, 0, true, false, kill_with_watchers, 1, WEIR_EPEERDIED, true},
    {"death, too many to watch", 2, 2, MOST_SEATS, true, false, kill_producer, 2, WEIR_EPEERDIED, false},
    {"death, without futex_waitv", 2, 2, 0, true, true, kill_producer, 2, WEIR_EPEERDIED, false},
    {"death of a newcomer", 2, 2, 0, true, false, come_and_die, 2, WEIR_EPEERDIED, false},
    {"death of a receiver", 1, 2, 0, true, false, kill_receiver, 1, 64, false},
    {"end", 1, 4, 0, false, false, leave, 4, WEIR_EOF, false},
    {"shutdown", 2, 4, 0, false, false, shut_down, 4, WEIR_ECANCELED, false},
};

/* ---- a play -------------------------------------------------------------------------------------------------- */

static void open_channel(struct scene *scene, const char *spec)
{
    const struct event *event = scene->event;
    struct weir_error error;
    struct weir_channel_config config = {
        .producers = event->producers,
        .consumers = event->places > 0 ? event->places : event->consumers,
        .max_message_bytes = 64,
        .span = scene->kind == WEIR_THREAD ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES,
    };
    int result = weir_channel_create(&scene->channel, spec, &config, &error);
    scene->consumer_count = event->consumers;
    if (result == WEIR_ENOTSUP) {
        scene->consumer_count = config.consumers = 1;
        result = weir_channel_create(&scene->channel, spec, &config, &error);
    }
    if (result != 0)
        late_refuse(spec, result, &error);
}

static void await_answers(const struct scene *scene)
{
    const struct event *event = scene->event;
    const int answers = event->answers < (int)scene->consumer_count ? event->answers : (int)scene->consumer_count;
    const int64_t late_ns = weir_now_ns() + LATE_NS;
    while (atomic_load(&scene->board->answers) < answers) {
        if (atomic_load(&scene->board->wrong) != 0)
            late_fail("%s: expected %d, got %lld", event->name, event->wanted,
                      (long long)atomic_load(&scene->board->wrong));
        if (weir_now_ns() > late_ns)
            late_fail("%s: %d of %d have heard of it: a wake-up was lost", event->name,
                      atomic_load(&scene->board->answers), answers);
        late_nap(100000);
    }
}

/* The newcomer comes when the others are idle; else all come, and then become idle. */
static void gather(struct scene *scene)
{
    const struct event *event = scene->event;
    bool newcomer = event->happen == come_and_die;
    if (weir_attach(&scene->own, scene->channel, WEIR_PRODUCER, event->producers - 1) != 0)
        late_fail("%s: attach", event->name);
    for (uint32_t i = 0; i + 1 < event->producers && !newcomer; i++)
        scene->producers[i] = send_to_place(scene, WEIR_PRODUCER, i);
    for (uint32_t i = 0; i < scene->consumer_count; i++)
        scene->consumers[i] = send_to_place(scene, WEIR_CONSUMER, i);
    late_nap(IDLE_NS);
    if (newcomer) {
        scene->producers[0] = send_to_place(scene, WEIR_PRODUCER, 0);
        late_nap(IDLE_NS);
    }
}

static void play(struct scene *scene, const char *spec)
{
    memset(scene->board, 0, sizeof *scene->board);
    memset(scene->producers, 0, sizeof scene->producers);
    memset(scene->consumers, 0, sizeof scene->consumers);
    open_channel(scene, spec);
    gather(scene);
    scene->event->happen(scene);
    await_answers(scene);
    weir_channel_shutdown(scene->channel);
    atomic_store(&scene->board->present, 0);
    for (int i = 0; i < MOST_PRODUCERS; i++)
        if (scene->producers[i] != NULL)
            late_join(scene->producers[i], "a producer");
    for (int i = 0; i < MOST_CONSUMERS; i++)
        if (scene->consumers[i] != NULL)
            late_join(scene->consumers[i], "a consumer");
    weir_detach(scene->own);
    scene->own = NULL;
    weir_channel_destroy(scene->channel);
}

int main(int argc, char **argv)
{
    static struct scene scene;
    if (argc != 4 || (strcmp(argv[2], "threads") != 0 && strcmp(argv[2], "processes") != 0)) {
        fprintf(stderr, "usage: events SPEC threads|processes SECONDS\n");
        return 2;
    }
    scene.kind = strcmp(argv[2], "threads") == 0 ? WEIR_THREAD : WEIR_PROCESS;
    scene.board = late_shared(sizeof *scene.board);
    int64_t end_ns = weir_now_ns() + (int64_t)(strtod(argv[3], NULL) * 1e9);
    int rounds = 0, plays = 0;
    do {
        for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
            scene.event = &events[i];
            if (scene.kind == WEIR_THREAD && (events[i].mortal || events[i].bare))
                continue;
            play(&scene, argv[1]);
            plays++;
        }
        rounds++;
    } while (weir_now_ns() < end_ns);
    printf("%s between %s: %d rounds, %d events, none late\n", argv[1], argv[2], rounds, plays);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 *   messages SPEC threads|processes SECONDS [SEED]
 *
 * Looks for lost wake-ups: sends bursts of messages at moments around which consumers fall asleep, each burst only once
 * all messages of the one before have been received, so that no later message makes up for a wake that was lost. Bursts
 * may be larger than the channel: then the producers sleep, too. One that takes long is a failure, told with its seed.
 */
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../stress/stress.h"
#include "late.h"

enum { MOST_CONSUMERS = 3, BURSTS = 300 };

struct count {
    _Atomic uint64_t received; /* of all bursts */
    _Atomic uint64_t wanted;   /* the second producer sends until it has sent half of that */
};

struct scene {
    struct weir_channel *channel;
    struct weir_channel_info info;
    struct count *count;
    enum weir_worker_kind kind;
    struct weir_worker *consumers[MOST_CONSUMERS], *producer;
    uint64_t seed, random;
};

struct role {
    const struct scene *scene;
    uint32_t index;
};

/* ---- workers ------------------------------------------------------------------------------------------------- */

static ssize_t receive(struct weir_endpoint *endpoint, uint64_t *random)
{
    char message[64];
    uint32_t way = below(random, 8);
    if (way > 2)
        return weir_recv(endpoint, message, sizeof message, WEIR_FOREVER);
    if (way > 0)
        return weir_recv(endpoint, message, sizeof message, weir_now_ns() + below(random, 100000));
    struct pollfd ready = {.fd = weir_fd(endpoint), .events = POLLIN};
    ssize_t result = weir_recv(endpoint, message, sizeof message, WEIR_NOW);
    if (result == WEIR_EAGAIN)
        poll(&ready, 1, (int)(AFTER_NS / 1000000));
    return result;
}

static int consume(void *argument, int report_fd)
{
    const struct role *role = argument;
    uint64_t random = role->scene->seed + role->index + 1;
    struct weir_endpoint *endpoint;
    (void)report_fd;
    if (weir_attach(&endpoint, role->scene->channel, WEIR_CONSUMER, role->index) != 0)
        return 1;
    ssize_t result;
    while ((result = receive(endpoint, &random)) != WEIR_EOF && result != WEIR_ECORRUPT)
        if (result >= 0)
            atomic_fetch_add(&role->scene->count->received, 1);
    weir_detach(endpoint);
    return result == WEIR_EOF ? 0 : 1;
}

/* The second producer sends half of each burst, at the same time as the first. */
static int help(void *argument, int report_fd)
{
    const struct role *role = argument;
    struct weir_endpoint *endpoint;
    char message[64] = {0};
    uint64_t wanted;
    (void)report_fd;
    if (weir_attach(&endpoint, role->scene->channel, WEIR_PRODUCER, 1) != 0)
        return 1;
    for (uint64_t sent = 0; (wanted = atomic_load(&role->scene->count->wanted)) != UINT64_MAX;) {
        if (sent < wanted / 2 && weir_send(endpoint, message, sizeof message, 0, WEIR_FOREVER) == 0)
            sent++;
        else
            sched_yield();
    }
    weir_detach(endpoint);
    return 0;
}

/* ---- one round ----------------------------------------------------------------------------------------------- */

static void open_channel(struct scene *scene, const char *spec)
{
    struct weir_error error;
    struct weir_channel_config config = {
        .producers = 1 + below(&scene->random, 2),
        .consumers = 1 + below(&scene->random, MOST_CONSUMERS),
        .max_message_bytes = 64,
        .depth = 1 + below(&scene->random, 8),
        .span = scene->kind == WEIR_THREAD ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES,
        .wait = below(&scene->random, 2) ? WEIR_WAIT_BLOCK : WEIR_WAIT_ADAPTIVE,
    };
    int result = weir_channel_create(&scene->channel, spec, &config, &error);
    if (result == WEIR_ENOTSUP) {
        config.consumers = 1;
        result = weir_channel_create(&scene->channel, spec, &config, &error);
    }
    if (result != 0)
        late_refuse(spec, result, &error);
    weir_channel_info(scene->channel, &scene->info);
}

static void start_consumer(struct scene *scene, uint32_t index)
{
    static struct role roles[MOST_CONSUMERS];
    roles[index] = (struct role){scene, index};
    scene->consumers[index] = late_start(scene->kind, consume, &roles[index]);
}

/* Mostly as long as somebody spins before he sleeps; at times until he is idle. */
static void pause_at_random(uint64_t *random)
{
    int64_t pause_ns = below(random, 4) ? below(random, 1u << below(random, 20)) : 900000 + below(random, 400000);
    for (int64_t until_ns = weir_now_ns() + pause_ns; weir_now_ns() < until_ns;)
        sched_yield();
}

static void await_all(const struct scene *scene, uint64_t wanted)
{
    const int64_t late_ns = weir_now_ns() + LATE_NS;
    while (atomic_load(&scene->count->received) < wanted) {
        if (weir_now_ns() > late_ns)
            late_fail("seed %llu (%ux%u, depth %zu, wait %d): %llu of %llu messages are late: a wake-up was lost",
                      (unsigned long long)scene->seed, scene->info.producers, scene->info.consumers, scene->info.depth,
                      scene->info.wait, (unsigned long long)(wanted - atomic_load(&scene->count->received)),
                      (unsigned long long)wanted);
        sched_yield();
    }
}

static uint64_t send_burst(struct scene *scene, struct weir_endpoint *endpoint, uint64_t sent)
{
    char message[64] = {0};
    uint32_t burst = below(&scene->random, 2) ? 1 : 1 + below(&scene->random, 12);
    bool helped = scene->info.producers > 1;
    if (helped)
        atomic_store(&scene->count->wanted, 2 * (sent + burst));
    for (uint32_t i = 0; i < burst; i++)
        if (weir_send(endpoint, message, sizeof message, 0, weir_now_ns() + LATE_NS) == WEIR_ETIMEDOUT)
            late_fail("seed %llu: the producer was not told of room: a wake-up was lost",
                      (unsigned long long)scene->seed);
    await_all(scene, (helped ? 2 : 1) * (sent + burst));
    return sent + burst;
}

static uint64_t play_round(struct scene *scene, const char *spec)
{
    struct weir_endpoint *endpoint;
    struct role helper = {scene, 0};
    scene->random = scene->seed;
    memset(scene->count, 0, sizeof *scene->count);
    open_channel(scene, spec);
    for (uint32_t i = 0; i < scene->info.consumers; i++)
        start_consumer(scene, i);
    if (scene->info.producers > 1)
        scene->producer = late_start(scene->kind, help, &helper);
    int result = weir_attach(&endpoint, scene->channel, WEIR_PRODUCER, 0);
    if (result != 0)
        late_refuse("attach", result, NULL);
    uint64_t sent = 0;
    for (int i = 0; i < BURSTS; i++) {
        pause_at_random(&scene->random);
        sent = send_burst(scene, endpoint, sent);
    }
    weir_detach(endpoint);
    atomic_store(&scene->count->wanted, UINT64_MAX);
    if (scene->info.producers > 1)
        late_join(scene->producer, "a producer");
    for (uint32_t i = 0; i < scene->info.consumers; i++)
        late_join(scene->consumers[i], "the end");
    weir_channel_destroy(scene->channel);
    return atomic_load(&scene->count->received);
}

int main(int argc, char **argv)
{
    static struct scene scene;
    if (argc < 4 || argc > 5 || (strcmp(argv[2], "threads") != 0 && strcmp(argv[2], "processes") != 0)) {
        fprintf(stderr, "usage: messages SPEC threads|processes SECONDS [SEED]\n");
        return 2;
    }
    scene.kind = strcmp(argv[2], "threads") == 0 ? WEIR_THREAD : WEIR_PROCESS;
    scene.count = late_shared(sizeof *scene.count);
    scene.seed = argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)weir_now_ns();
    int64_t end_ns = weir_now_ns() + (int64_t)(strtod(argv[3], NULL) * 1e9);
    uint64_t rounds = 0, messages = 0;
    do {
        messages += play_round(&scene, argv[1]);
        scene.seed++;
        rounds++;
    } while (weir_now_ns() < end_ns);
    printf("%s between %s: %llu rounds, %llu messages, none late\n", argv[1], argv[2], (unsigned long long)rounds,
           (unsigned long long)messages);
    return 0;
}

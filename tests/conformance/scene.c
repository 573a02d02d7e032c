/* SPDX-License-Identifier: MIT
 *
 * Scenes: a channel, its workers, and the board on which they tell each other how far they are. The board lies in
 * shared memory, beside the channel under test, so a channel that is broken cannot stop the case from saying so.
 */
#include "conformance.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct board *board;

/* ---- time and progress ------------------------------------------------------------------------------------- */

void nap(int64_t duration_ns)
{
    struct timespec left = {.tv_sec = duration_ns / SECOND_NS, .tv_nsec = duration_ns % SECOND_NS};
    while (nanosleep(&left, &left) != 0) {
    }
}

void reach(int stage)
{
    atomic_store(&board->stage, stage);
}

void await(int stage)
{
    while (atomic_load(&board->stage) < stage) {
        nap(MILLISECOND_NS / 10);
    }
}

void await_standstill(void)
{
    unsigned long before;
    do {
        before = atomic_load(&board->sent);
        nap(30 * MILLISECOND_NS);
    } while (before == 0 || before != atomic_load(&board->sent));
}

void mark_event(void)
{
    atomic_store(&board->mark_ns, weir_now_ns());
}

int64_t require_soon(const char *file, int line, int64_t limit_ns)
{
    int64_t late_ns = weir_now_ns() - atomic_load(&board->mark_ns);
    if (late_ns > limit_ns) {
        fail_at(file, line, "expected to be told within %" PRId64 " ms, was told after %" PRId64 " ms",
                limit_ns / MILLISECOND_NS, late_ns / MILLISECOND_NS);
    }
    return late_ns;
}

_Noreturn void stay(void)
{
    for (;;) {
        pause();
    }
}

void note_death(void)
{
    int64_t late_ns = require_soon(HERE, SECOND_NS);
    if (late_ns > atomic_load(&board->death_ns)) {
        atomic_store(&board->death_ns, late_ns);
    }
}

/* ---- the channel ------------------------------------------------------------------------------------------- */

struct weir_channel *create_channel(const struct scene *scene, const char *spec,
                                    const struct weir_channel_config *config)
{
    struct weir_channel_config wanted = *config;
    wanted.span = scene->span;
    struct weir_error error = {0};
    struct weir_channel *channel = NULL;
    int result = weir_channel_create(&channel, spec, &wanted, &error);
    while (result == WEIR_EMSGSIZE && wanted.max_message_bytes > 1) {
        wanted.max_message_bytes /= 2;
        result = weir_channel_create(&channel, spec, &wanted, &error);
    }
    if (result == WEIR_ENOTSUP || result == WEIR_EUNAVAILABLE) {
        REQUIRE(error.code == result && error.text[0] != '\0', "create refused without a reason");
        skip("%s", error.text);
    }
    char text[64];
    REQUIRE(result == WEIR_OK, "create %s: expected WEIR_OK, got %s: %s", spec, result_text(result, text, sizeof text),
            error.text);
    return channel;
}

void open_channel(struct scene *scene, const struct weir_channel_config *config)
{
    scene->channel = create_channel(scene, scene->spec, config);
    weir_channel_info(scene->channel, &scene->info);
    if ((scene->info.capabilities & WEIR_CAP_SYNTHETIC) && !scene->test->synthetic) {
        close_channel(scene);
        skip("%s carries nothing", scene->spec);
    }
}

void close_channel(struct scene *scene)
{
    weir_channel_destroy(scene->back);
    weir_channel_destroy(scene->channel);
    scene->back = NULL;
    scene->channel = NULL;
}

void need_depth(struct scene *scene, size_t messages)
{
    size_t depth = scene->info.depth;
    if (depth < messages) {
        close_channel(scene);
        skip("needs room for %zu messages, and %s holds %zu", messages, scene->spec, depth);
    }
}

bool is_async(const struct scene *scene)
{
    return (scene->info.capabilities & WEIR_CAP_ASYNC) != 0;
}

struct weir_endpoint *attach(struct scene *scene, enum weir_role role, uint32_t index)
{
    struct weir_endpoint *endpoint = NULL;
    EXPECT(weir_attach(&endpoint, scene->channel, role, index), WEIR_OK);
    return endpoint;
}

/* ---- workers ----------------------------------------------------------------------------------------------- */

static const char *role_name(enum weir_role role)
{
    return role == WEIR_PRODUCER ? "producer" : "consumer";
}

static int worker_body(void *argument, int report_fd)
{
    (void)report_fd;
    struct actor *self = argument;
    self->endpoint = attach(self->scene, self->role, self->index);
    self->act(self);
    weir_detach(self->endpoint);
    return 0;
}

/* The address sanitizer's allocator, unlike the C library's, does not survive a fork in the midst of another thread's
 * allocation. An endpoint of this process may have brought threads along (zmq): they soon come to rest. */
static void let_threads_rest(const struct scene *scene)
{
#ifdef __SANITIZE_ADDRESS__
    if (is_async(scene))
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
#else
    (void)scene;
#endif
}

void start_worker(struct scene *scene, enum weir_role role, uint32_t index, void (*act)(struct actor *self))
{
    REQUIRE(scene->actor_count < MAX_WORKERS, "the case starts more than %d workers", MAX_WORKERS);
    struct actor *actor = &scene->actors[scene->actor_count++];
    *actor = (struct actor){.scene = scene, .role = role, .index = index, .act = act};
    struct weir_worker_config config = {
        .kind = scene->kinds[role],
        .cpu = -1,
        .name = role_name(role),
        .body = worker_body,
        .argument = actor,
    };
    struct weir_error error = {0};
    if (config.kind == WEIR_PROCESS)
        let_threads_rest(scene);
    int result = weir_worker_start(&actor->worker, &config, &error);
    REQUIRE(result == WEIR_OK, "cannot start a %s: %s", role_name(role), error.text);
}

static void start_role(struct scene *scene, enum weir_role role, void (*act)(struct actor *self))
{
    uint32_t count = role == WEIR_PRODUCER ? scene->info.producers : scene->info.consumers;
    for (uint32_t i = 0; act != NULL && i < count; i++) {
        start_worker(scene, role, i, act);
    }
}

void start_workers(struct scene *scene, void (*produce)(struct actor *self), void (*consume)(struct actor *self))
{
    /* A process that has threads must not fork. */
    if (scene->kinds[WEIR_PRODUCER] == WEIR_PROCESS) {
        start_role(scene, WEIR_PRODUCER, produce);
        start_role(scene, WEIR_CONSUMER, consume);
    } else {
        start_role(scene, WEIR_CONSUMER, consume);
        start_role(scene, WEIR_PRODUCER, produce);
    }
}

static struct weir_worker_end join_actor(struct actor *actor)
{
    struct weir_worker_end end = {0};
    EXPECT(weir_worker_join(actor->worker, WEIR_FOREVER, &end), WEIR_OK);
    weir_worker_destroy(actor->worker);
    actor->worker = NULL;
    return end;
}

void join_workers(struct scene *scene)
{
    for (int i = 0; i < scene->actor_count; i++) {
        struct actor *actor = &scene->actors[i];
        if (actor->worker == NULL) {
            continue;
        }
        struct weir_worker_end end = join_actor(actor);
        char text[64];
        REQUIRE(end.how != WEIR_WORKER_SIGNALED && end.value == 0, "%s %" PRIu32 " %s", role_name(actor->role),
                actor->index, weir_worker_end_text(&end, text, sizeof text));
    }
    scene->actor_count = 0;
}

void kill_worker(struct scene *scene, enum weir_role role, uint32_t index)
{
    for (int i = 0; i < scene->actor_count; i++) {
        struct actor *actor = &scene->actors[i];
        if (actor->worker == NULL || actor->role != role || actor->index != index) {
            continue;
        }
        atomic_fetch_add(&board->kills, 1);
        mark_event();
        EXPECT(weir_worker_kill(actor->worker), WEIR_OK);
        struct weir_worker_end end = join_actor(actor);
        REQUIRE(end.how == WEIR_WORKER_SIGNALED && end.value == SIGKILL, "the %s to be killed had ended by itself",
                role_name(role));
        return;
    }
    fail_at(HERE, "the case has no %s %" PRIu32 " to kill", role_name(role), index);
}

/* SPDX-License-Identifier: MIT
 *
 * Cases about manners: arguments checked, limits refused in words, values reported, nothing kept and nothing left.
 */
#include "conformance.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/driver.h>

enum {
    MAX_DESCRIPTORS = 1024,
    ROUNDS = 50,
    MAPPING_SLACK = 16,
    BYTES_SLACK = 160 * 1024, /* the heap's top may move; a page leaked by each round is more */
};

/* ---- refusals ---------------------------------------------------------------------------------------------- */

/* Creating such a channel must fail with that code, in words, and leave the output alone. */
static void require_refused(const char *spec, const struct weir_channel_config *config, int wanted)
{
    struct weir_channel *channel = NULL;
    struct weir_error error = {0};
    EXPECT(weir_channel_create(&channel, spec, config, &error), wanted);
    REQUIRE(channel == NULL, "expected that a failed create leaves its output as it was");
    EXPECT(error.code, wanted);
    REQUIRE(error.text[0] != '\0' && strchr(error.text, '\n') == NULL, "expected one sentence, got \"%s\"", error.text);
    EXPECT(weir_channel_create(&channel, spec, config, NULL), wanted);
}

static const struct weir_driver *driver_of(const struct scene *scene)
{
    char name[512];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(scene->spec, ","), scene->spec);
    struct weir_error error = {0};
    const struct weir_driver *driver = weir_driver_find(name, &error);
    if (driver == NULL) {
        skip("%s", error.text);
    }
    return driver;
}

static void refuses(struct scene *scene)
{
    const struct weir_driver *driver = driver_of(scene);
    char spec[600];
    struct weir_channel_config config = {.span = scene->span};
    weir_channel_destroy(create_channel(scene, scene->spec, &config)); /* what is asked for here can be had */
    snprintf(spec, sizeof spec, "%s,no_such_option=1", scene->spec);
    require_refused(spec, &config, WEIR_EUNKNOWN);
    snprintf(spec, sizeof spec, "%s,wait=sideways", scene->spec);
    require_refused(spec, &config, WEIR_EINVAL);
    require_refused("no_such_driver", &config, WEIR_EUNKNOWN);

    config = (struct weir_channel_config){.producers = 1025, .span = scene->span};
    require_refused(scene->spec, &config, WEIR_EINVAL);
    config = (struct weir_channel_config){.producers = driver->max_producers + 1, .span = scene->span};
    if (driver->max_producers != 0) {
        require_refused(scene->spec, &config, WEIR_ENOTSUP);
    }
    config = (struct weir_channel_config){.consumers = driver->max_consumers + 1, .span = scene->span};
    if (driver->max_consumers != 0) {
        require_refused(scene->spec, &config, WEIR_ENOTSUP);
    }
    config = (struct weir_channel_config){.max_message_bytes = driver->max_message_bytes + 1, .span = scene->span};
    if (driver->max_message_bytes != 0) {
        require_refused(scene->spec, &config, WEIR_EMSGSIZE);
    }
}

static void misuse_consumer(struct weir_endpoint *consumer)
{
    void *place = NULL;
    EXPECT(send_message(consumer, 0, 8, 0, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_reserve(consumer, 8, &place, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_commit(consumer, 8, 0, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_abort(consumer), WEIR_EINVAL);
    EXPECT(weir_flush(consumer, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_release(consumer), WEIR_EINVAL);
}

static void misuse_producer(struct weir_endpoint *producer)
{
    unsigned char byte;
    unsigned char buffer[4096];
    const void *shown = NULL;
    EXPECT(weir_recv(producer, &byte, sizeof byte, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_recv(producer, buffer, sizeof buffer, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_recv(producer, buffer, SSIZE_MAX, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_recv(producer, buffer, SIZE_MAX, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_peek(producer, &shown, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_release(producer), WEIR_EINVAL);
    EXPECT(weir_commit(producer, 0, 0, WEIR_NOW), WEIR_EINVAL);
    EXPECT(weir_abort(producer), WEIR_EINVAL);
    EXPECT(weir_send(producer, &byte, 1, 0x8000u, WEIR_NOW), WEIR_EINVAL);
}

static void bad_arguments(struct scene *scene)
{
    struct weir_endpoint *none = NULL;
    weir_channel_destroy(NULL);
    weir_detach(NULL);
    open_channel(scene, &(struct weir_channel_config){.producers = 2});
    EXPECT(weir_attach(&none, scene->channel, WEIR_PRODUCER, 2), WEIR_EINVAL);
    EXPECT(weir_attach(&none, scene->channel, WEIR_CONSUMER, 1), WEIR_EINVAL);
    EXPECT(weir_attach(&none, scene->channel, WEIR_CONSUMER, UINT32_MAX), WEIR_EINVAL);
    EXPECT(weir_attach(&none, scene->channel, (enum weir_role)7, 0), WEIR_EINVAL);
    EXPECT(weir_attach(&none, NULL, WEIR_PRODUCER, 0), WEIR_EINVAL);
    REQUIRE(none == NULL, "expected that a failed attach leaves its output as it was");
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 1);
    misuse_consumer(consumer);
    misuse_producer(producer);
    weir_detach(producer);
    weir_detach(consumer);
}

/* ---- values ------------------------------------------------------------------------------------------------ */

static void info(struct scene *scene)
{
    const struct weir_driver *driver = driver_of(scene);
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = 300, .depth = 16});
    const struct weir_channel_info *got = &scene->info;
    REQUIRE(strcmp(got->driver, driver->name) == 0, "expected driver %s, got %s", driver->name, got->driver);
    REQUIRE(got->mechanism != NULL && got->mechanism[0] != '\0', "expected a mechanism in words, got none");
    EXPECT(got->producers, 1);
    EXPECT(got->consumers, 1);
    EXPECT(got->max_message_bytes, 300);
    EXPECT(got->span, scene->span);
    /* A channel may do without the kernel where its driver does not always; nothing else differs. */
    EXPECT(got->capabilities | (driver->capabilities & WEIR_CAP_KERNEL), driver->capabilities);
    REQUIRE(got->depth > 0, "expected a depth, got 0");
    REQUIRE(got->wait >= WEIR_WAIT_BLOCK && got->wait <= WEIR_WAIT_ADAPTIVE, "expected a policy, got %d",
            (int)got->wait);
    close_channel(scene);

    open_channel(scene, &(struct weir_channel_config){0});
    EXPECT(got->max_message_bytes, 4096);
}

/* ---- descriptors and memory -------------------------------------------------------------------------------- */

/* Marks the open descriptors of this process; returns how many there are. */
static int list_descriptors(bool ret_open[MAX_DESCRIPTORS])
{
    int count = 0;
    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
        ret_open[fd] = fcntl(fd, F_GETFD) != -1;
        count += ret_open[fd];
    }
    return count;
}

static void require_closed_on_exec(const bool before[MAX_DESCRIPTORS])
{
    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
        int flags = fcntl(fd, F_GETFD);
        REQUIRE(flags == -1 || before[fd] || (flags & FD_CLOEXEC), "expected close-on-exec, descriptor %d is not", fd);
    }
}

/* A channel's whole life in one thread. `before` may be NULL: do not look. */
static void live_once(struct scene *scene, const bool before[MAX_DESCRIPTORS])
{
    open_channel(scene, &(struct weir_channel_config){0});
    struct weir_endpoint *consumer = attach(scene, WEIR_CONSUMER, 0);
    struct weir_endpoint *producer = attach(scene, WEIR_PRODUCER, 0);
    unsigned char buffer[4096];
    REQUIRE(weir_fd(consumer) >= 0 && weir_fd(producer) >= 0, "weir_fd: expected descriptors");
    SEND(producer, 0, 64);
    EXPECT(weir_recv(consumer, buffer, sizeof buffer, WEIR_FOREVER) >= 0, true);
    if (before != NULL) {
        require_closed_on_exec(before);
    }
    weir_detach(producer);
    weir_detach(consumer);
    close_channel(scene);
}

static void descriptors(struct scene *scene)
{
    static bool before[MAX_DESCRIPTORS];
    static bool after[MAX_DESCRIPTORS];
    list_descriptors(before);
    live_once(scene, before); /* a library may keep something from its first use on */
    list_descriptors(before);
    live_once(scene, before);
    list_descriptors(after);
    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
        REQUIRE(before[fd] == after[fd], "expected the same descriptors as before, descriptor %d was %s", fd,
                after[fd] ? "left open" : "closed");
    }
}

/* How many mappings this process has and how much they cover: neighbours merge into one, so neither says it all. */
static void measure_mappings(int *ret_count, size_t *ret_bytes)
{
    char line[1024];
    FILE *maps = fopen("/proc/self/maps", "re");
    REQUIRE(maps != NULL, "cannot read /proc/self/maps");
    *ret_count = 0;
    *ret_bytes = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        size_t start;
        size_t end;
        if (sscanf(line, "%zx-%zx", &start, &end) == 2) {
            *ret_count += 1;
            *ret_bytes += end - start;
        }
    }
    fclose(maps);
}

static void memory(struct scene *scene)
{
    static bool open[MAX_DESCRIPTORS];
    int mappings_before;
    int mappings;
    size_t bytes_before;
    size_t bytes;
    for (int i = 0; i < 5; i++) {
        live_once(scene, NULL);
    }
    int descriptors_before = list_descriptors(open);
    measure_mappings(&mappings_before, &bytes_before);
    for (int i = 0; i < ROUNDS; i++) {
        live_once(scene, NULL);
    }
    EXPECT(list_descriptors(open), descriptors_before);
    measure_mappings(&mappings, &bytes);
    REQUIRE(mappings <= mappings_before + MAPPING_SLACK, "expected about %d mappings after %d channels, got %d",
            mappings_before, ROUNDS, mappings);
    REQUIRE(bytes <= bytes_before + BYTES_SLACK, "expected about %zu KiB of mappings after %d channels, got %zu",
            bytes_before / 1024, ROUNDS, bytes / 1024);
}

/* ---- what the dead leave ----------------------------------------------------------------------------------- */

static void stay_attached(struct actor *self)
{
    (void)self;
    nap(WATCHDOG_S * SECOND_NS);
}

/* Creates a channel of its own, with a worker in it, and is killed in the midst of using it. */
static void create_another(struct actor *self)
{
    struct scene inner = *self->scene;
    inner.actor_count = 0;
    weir_detach(self->endpoint); /* it forks next: threads that the driver may have must be gone */
    self->endpoint = NULL;
    open_channel(&inner, &(struct weir_channel_config){0});
    start_worker(&inner, WEIR_CONSUMER, 0, stay_attached);
    struct weir_endpoint *producer = attach(&inner, WEIR_PRODUCER, 0);
    send_until_refused(producer, 4096, WEIR_FOREVER);
}

/* A channel's name on disk, if it has one, goes when the next channel is created; the watcher looks. */
static void leftovers(struct scene *scene)
{
    int living[2]; /* readable to its end once all that inherited it are dead */
    char byte;
    REQUIRE(pipe2(living, O_CLOEXEC) == 0, "cannot make a pipe");
    open_channel(scene, &(struct weir_channel_config){0});
    start_worker(scene, WEIR_PRODUCER, 0, create_another);
    close(living[1]);
    await_standstill();
    kill_worker(scene, WEIR_PRODUCER, 0);
    EXPECT(read(living[0], &byte, sizeof byte), 0);
    close(living[0]);
    weir_channel_destroy(create_channel(scene, scene->spec, &(struct weir_channel_config){0}));
}

const struct conformance_case hygiene_cases[] = {
    {"refuses", "unknown options and too many workers or bytes are refused, in words", SPANS, true, refuses},
    {"bad_arguments", "calls with bad arguments or in the wrong role give WEIR_EINVAL", SPANS, true, bad_arguments},
    {"info", "the effective values of a channel make sense", SPANS, true, info},
    {"descriptors", "every descriptor is close-on-exec and closed in the end", SPANS, true, descriptors},
    {"memory", "50 channels one after the other leave no descriptor and no mapping", SPANS, true, memory},
    {"leftovers", "kill -9 of a channel's creator leaves nothing behind", PROCESSES, false, leftovers},
    {0},
};

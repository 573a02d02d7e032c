/* SPDX-License-Identifier: MIT
 *
 * The lesson `spawn`: creating a thread and creating a process, while the creator has little or much memory.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lessons.h"
#include "machine/clock.h"
#include "machine/memory.h"
#include "teach/experiment.h"
#include "teach/page.h"

#define LARGEST_BYTES  ((size_t)1 << 30)
#define SMALLEST_BYTES ((size_t)1 << 20)
#define STEP           32 /* from one size to the next */
#define TIMES          8  /* in a row; a sample is their mean */
#define TIMES_WRITING  2
#define PAGE_BYTES     4096 /* or more: then some writes go to the same page */

extern char **environ;

/* ---- the ways ------------------------------------------------------------------------------------------------- */

static void *do_nothing(void *unused)
{
    return unused;
}

static int by_thread(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0 ? 0 : -1;
}

static int await(pid_t child)
{
    int status;
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int by_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return await(child);
}

/* The child runs in the parent's memory, and the parent stands still until it has ended or begun another program. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static int by_vfork(void)
{
    pid_t child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): it is what is measured */
    if (child == 0)
        _exit(0);
    return await(child);
}
#pragma GCC diagnostic pop

/* Begins another program, as a shell does; so the loading of that program is in it. */
static int by_spawn(void)
{
    static char name[] = "true";
    char *const words[] = {name, NULL};
    pid_t child;
    return posix_spawnp(&child, name, NULL, NULL, words, environ) == 0 ? await(child) : -1;
}

static const struct way {
    const char *key, *label;
    int (*create)(void);
    bool writes; /* the creator then writes to each of its pages once */
} ways[] = {
    {"pthread", "pthread_create", by_thread, false},       {"fork", "fork", by_fork, false},
    {"fork_write", "fork, then write all", by_fork, true}, {"vfork", "vfork", by_vfork, false},
    {"posix_spawn", "posix_spawn", by_spawn, false},
};

#define WAYS (sizeof ways / sizeof ways[0])

/* ---- the creator's memory -------------------------------------------------------------------------------------- */

struct ballast {
    unsigned char *bytes;
    size_t largest;
    size_t sizes[8];
    size_t count; /* of sizes */
};

/* Forks copy only the first `size` bytes' page tables: the creator looks as if it had no more. */
static void show_ballast(const struct ballast *ballast, size_t size)
{
    madvise(ballast->bytes, size, MADV_DOFORK);
    if (size < ballast->largest)
        madvise(ballast->bytes + size, ballast->largest - size, MADV_DONTFORK);
}

static void write_pages(const struct ballast *ballast, size_t begin, size_t end)
{
    for (size_t at = begin; at < end; at += PAGE_BYTES)
        ((volatile unsigned char *)ballast->bytes)[at]++;
}

/* Small pages, each written once. Stops where the user wants to: returns 1. */
static int fill_ballast(struct experiment *experiment, struct ballast *ballast)
{
    const size_t part = (size_t)32 << 20;
    madvise(ballast->bytes, ballast->largest, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < ballast->largest; at += part) {
        if (experiment_is_interrupted(experiment))
            return 1;
        write_pages(ballast, at, at + part < ballast->largest ? at + part : ballast->largest);
    }
    return 0;
}

/* A quarter of what can be had at most, in whole MiB. */
static size_t affordable(size_t wanted)
{
    size_t most = memory_available() / 4, size = wanted - wanted % SMALLEST_BYTES;
    while (size > most && size > SMALLEST_BYTES)
        size /= 2;
    return size - size % SMALLEST_BYTES;
}

static int prepare(struct experiment *experiment)
{
    struct ballast *ballast = calloc(1, sizeof *ballast);
    if (ballast == NULL)
        return experiment_failed(experiment, "there is no memory for it");
    experiment->state = ballast;
    size_t wanted = experiment->knobs.size != 0 ? experiment->knobs.size : LARGEST_BYTES;
    ballast->largest = affordable(wanted > SMALLEST_BYTES ? wanted : SMALLEST_BYTES);
    ballast->bytes =
        mmap(NULL, ballast->largest, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ballast->bytes == MAP_FAILED) {
        ballast->bytes = NULL;
        return experiment_cannot(experiment, "it needs %zu MiB of memory", ballast->largest >> 20);
    }
    for (size_t size = SMALLEST_BYTES; size < ballast->largest && ballast->count < 6; size *= STEP)
        ballast->sizes[ballast->count++] = size;
    ballast->sizes[ballast->count++] = ballast->largest;
    int result = 0;
    for (size_t i = 0; i < WAYS && result == 0; i++)
        for (size_t k = 0; k < ballast->count && result == 0; k++) {
            char key[32];
            snprintf(key, sizeof key, "%s_%zuM", ways[i].key, ballast->sizes[k] >> 20);
            result = experiment_row(experiment, key, "%s, %zu MiB", ways[i].label, ballast->sizes[k] >> 20);
        }
    return result != 0 ? result : fill_ballast(experiment, ballast);
}

static void finish(struct experiment *experiment)
{
    struct ballast *ballast = experiment->state;
    if (ballast != NULL && ballast->bytes != NULL)
        munmap(ballast->bytes, ballast->largest);
    free(ballast);
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    const struct ballast *ballast = experiment->state;
    const struct way *way = &ways[row / ballast->count];
    show_ballast(ballast, ballast->sizes[row % ballast->count]);
    size_t size = ballast->sizes[row % ballast->count];
    int times = way->writes ? TIMES_WRITING : TIMES;
    if (way->create() != 0) /* the first finds cold caches */
        return experiment_failed(experiment, "%s failed here", way->label);
    int64_t begin_ns = clock_now_ns();
    for (int i = 0; i < times; i++) {
        if (way->create() != 0)
            return experiment_failed(experiment, "%s failed here", way->label);
        if (way->writes)
            write_pages(ballast, 0, size);
    }
    ret[0] = (double)(clock_now_ns() - begin_ns) / times;
    return 0;
}

/* ---- the verdict ----------------------------------------------------------------------------------------------- */

static double figure(const struct experiment *experiment, const char *way, size_t size)
{
    char key[32];
    snprintf(key, sizeof key, "%s_%zuM", way, size >> 20);
    return experiment_figure(experiment, key, "ns");
}

static void judge(struct experiment *experiment)
{
    const struct ballast *ballast = experiment->state;
    size_t small = ballast->sizes[0], large = ballast->largest;
    double thread = figure(experiment, "pthread", small);
    double little = figure(experiment, "fork", small) / thread, much = figure(experiment, "fork", large) / thread;
    double spawn = figure(experiment, "posix_spawn", large) / figure(experiment, "posix_spawn", small);
    double writing = figure(experiment, "fork_write", large) / thread;
    const char *answer = large != LARGEST_BYTES ? NULL
                         : much < 3             ? "same"
                         : much < 30            ? "ten"
                         : much < 300           ? "hundred"
                                                : "thousand";
    if (large == small) {
        experiment_conclude(experiment, VERDICT_DEPENDS, answer,
                            "A thread took %s; from %zu MiB a fork took %s as long, vfork %s.", told(UNIT_NS, thread),
                            small >> 20, told(UNIT_TIMES, little),
                            told(UNIT_TIMES, figure(experiment, "vfork", small) / thread));
        return;
    }
    experiment_conclude(
        experiment, VERDICT_DEPENDS, answer,
        "A thread took %s. A fork took %s as long from %zu MiB and %s from %zu MiB, %s where the parent then "
        "wrote to its memory again; vfork %s from either. posix_spawn from the large parent took %s "
        "as long as from the small one, whole program included.",
        told(UNIT_NS, thread), told(UNIT_TIMES, little), small >> 20, told(UNIT_TIMES, much), large >> 20,
        told(UNIT_TIMES, writing), told(UNIT_TIMES, figure(experiment, "vfork", large) / thread),
        told(UNIT_TIMES, spawn));
}

static const struct lesson_column columns[] = {{"ns", "UNTIL ALL IS DONE", UNIT_NS}, {0}};

static const struct lesson_choice choices[] = {
    {"same", "about as long as a thread"},
    {"ten", "some 10 times as long"},
    {"hundred", "some 100 times as long"},
    {"thousand", "some 1000 times as long, or more"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson spawn --size 1M", "a small parent: fork costs some ten threads, not thousands"},
    {"weir lesson spawn --size 128M", "fork grows with each page, and nothing else does"},
    {0},
};

const struct lesson lesson_spawn = {
    .name = "spawn",
    .question = "Is creating a process expensive?",
    .claim = "Creating a process is expensive, creating a thread is cheap.",
    .ask = "A process that has written 1 GiB of memory forks. How long does that take, compared with creating a "
           "thread?",
    .choices = choices,
    .seconds = 6,
    .heeds = KNOB_SIZE,
    .columns = columns,
    .pictured = 0,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .finish = finish,
    .why =
        "A thread gets a stack and a place in the scheduler's list; memory and files it shares with those who are "
        "there. fork makes a second process with the same memory, but it does not copy the memory: it copies the page "
        "tables, which say where each page (of 4 KiB, mostly) lies, and marks all pages so that the first one who "
        "writes gets a copy (copy-on-write); and when the child ends, all of that is undone. So fork costs what the "
        "page tables cost: little for a small program, and more with each page that the parent has ever written. A "
        "parent that goes on writing pays once more: at each page that it writes first after the fork the CPU stops, "
        "and the kernel has to take the mark off.\n"
        "vfork copies nothing. The child borrows the parent's memory while the parent stands still, and may do nothing "
        "but begin another program (exec) or end. posix_spawn is that in one safe call, and what it costs is mostly "
        "the loading of the new program, whatever the parent has.\n"
        "So it is not the process that is expensive but the copying of a large parent's tables: fork early, while the "
        "program is small, or use posix_spawn. And a process is not a kind of virtual machine, as is sometimes said: "
        "that brings a kernel of its own and takes seconds to start. A process shares the kernel with all others, and "
        "thousands of small ones are made in a second.",
    .see = "fork(2), vfork(2), posix_spawn(3), pthread_create(3)",
    .twists = twists,
};

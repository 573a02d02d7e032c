/* SPDX-License-Identifier: MIT
 *
 * Making a worker and taking leave of it: a thread, a forked process, and a program. The makers are as small as weir
 * itself: a fork costs more in a program with more memory, for it copies the page tables.
 */
#include "yard.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static void *do_nothing(void *argument)
{
    return argument;
}

static int64_t make_threads(void *state, unsigned times)
{
    (void)state;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
            return -1;
        pthread_join(thread, NULL);
    }
    return clock_now_ns() - begin;
}

static int64_t fork_often(void *state, unsigned times)
{
    (void)state;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child < 0 || waitpid(child, NULL, 0) != child)
            return -1;
    }
    return clock_now_ns() - begin;
}

/* /bin/true, from its start to its end: the loader and libc are part of what a program costs. */
static int64_t spawn_often(void *state, unsigned times)
{
    char name[] = "true", *arguments[] = {name, NULL}, *environment[] = {NULL};
    (void)state;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++) {
        pid_t child;
        int status = 1;
        if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environment) != 0 ||
            waitpid(child, &status, 0) != child || status != 0)
            return -1;
    }
    return clock_now_ns() - begin;
}

double yard_thread(const struct yard *yard)
{
    return yard_repeat(yard, make_threads, NULL);
}

double yard_fork(const struct yard *yard)
{
    return yard_repeat(yard, fork_often, NULL);
}

double yard_spawn(const struct yard *yard)
{
    return yard_repeat(yard, spawn_often, NULL);
}

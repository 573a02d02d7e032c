/* SPDX-License-Identifier: MIT
 *
 * Workers: threads and processes, started, watched and joined in one way. Each has a report pipe and a descriptor
 * that becomes readable when it has ended: the pidfd of a process, an eventfd that a thread writes last of all. So one
 * poll with a deadline waits for either, and the join proper that follows does not block.
 *
 * The handle keeps the read end of the report pipe open until the worker has ended: a worker whose parent does not
 * read waits, and is never killed by SIGPIPE. The library itself changes no signal disposition and no signal mask.
 */
#include <weir/worker.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/driver.h>

#include "cpus.h"

#define NAME_BYTES        16  /* what the kernel keeps of a thread's name, with the NUL */
#define NEVER_RAN         127 /* exit code of a process that ended before its body began, as the shell has it */
#define DISCARD_PERIOD_NS ((int64_t)10 * 1000000)

struct weir_worker {
    struct weir_worker_config config; /* `name` is not used: the caller's string may be gone */
    char name[NAME_BYTES];
    int report_read;
    int report_write; /* the worker's; -1 here once a process has its copy */
    int ended_fd;     /* readable once the worker has ended */
    pid_t pid;
    pthread_t thread;
    int value;                  /* what a thread's body returned; read after the thread was joined */
    struct weir_worker_end end; /* WEIR_WORKER_RUNNING until joined */
};

/* ---- in the worker ----------------------------------------------------------------------------------------- */

static void *run_thread(void *argument)
{
    struct weir_worker *worker = argument;
    prctl(PR_SET_NAME, worker->name); /* cannot fail, and a name is not worth failing for */
    worker->value = worker->config.body(worker->config.argument, worker->report_write);
    close(worker->report_write);
    eventfd_write(worker->ended_fd, 1); /* cannot block or fail: the only write to a counter of 0 */
    return NULL;
}

/* Whether the parent died before PR_SET_PDEATHSIG was in force, which then never tells. A parent outside this pid
 * namespace has no number in it: getppid says 0, dead or alive. */
static bool orphaned(pid_t parent)
{
    pid_t now = getppid();
    return now != parent && now != 0;
}

/* Ends in _exit: atexit handlers and buffered output are the parent's, and running them here would run them twice. */
static _Noreturn void run_process(struct weir_worker *worker, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || orphaned(parent))
        _exit(NEVER_RAN);
    if (worker->config.cpu >= 0) {
        struct weir_cpu_mask mask;
        weir_cpu_mask_one(&mask, worker->config.cpu);
        if (sched_setaffinity(0, sizeof mask, mask.parts) != 0)
            _exit(NEVER_RAN); /* allowed when the parent looked, and taken away since */
    }
    close(worker->report_read);
    prctl(PR_SET_NAME, worker->name);
    _exit(worker->config.body(worker->config.argument, worker->report_write) & 0xff);
}

/* ---- start ------------------------------------------------------------------------------------------------- */

static int refused(struct weir_error *error, const char *what, const char *things)
{
    if (errno != EAGAIN)
        return weir_error_errno(error, what);
    return weir_error_set(error, WEIR_ESYSTEM, "%s: no %s left (raise `ulimit -u`, or the limit of the container)",
                          what, things);
}

static int make_report_pipe(struct weir_worker *worker, struct weir_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return weir_error_errno(error, "cannot make a report pipe");
    worker->report_read = ends[0];
    worker->report_write = ends[1];
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) /* the reader's end only */
        return weir_error_errno(error, "cannot make a report pipe");
    return 0;
}

/* pthread functions return the number instead of setting errno; weir_error_errno wants it there. */
static int create_thread(struct weir_worker *worker)
{
    pthread_attr_t attributes;
    errno = pthread_attr_init(&attributes);
    if (errno != 0)
        return -1;
    int number = 0;
    if (worker->config.cpu >= 0) {
        struct weir_cpu_mask mask;
        weir_cpu_mask_one(&mask, worker->config.cpu);
        number = pthread_attr_setaffinity_np(&attributes, sizeof mask, mask.parts);
    }
    if (number == 0)
        number = pthread_create(&worker->thread, &attributes, run_thread, worker);
    pthread_attr_destroy(&attributes);
    errno = number;
    return number == 0 ? 0 : -1;
}

static int start_thread(struct weir_worker *worker, struct weir_error *error)
{
    worker->pid = getpid();
    worker->ended_fd = eventfd(0, EFD_CLOEXEC);
    if (worker->ended_fd < 0)
        return weir_error_errno(error, "cannot watch a thread");
    if (create_thread(worker) != 0)
        return refused(error, "cannot start a thread", "threads");
    return 0;
}

/* glibc has had wrappers for these two since 2.36 only. A pidfd is always close-on-exec. */
static int open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int signal_pidfd(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static pid_t wait_for_process(pid_t pid, int *ret_status)
{
    pid_t ended;
    do
        ended = waitpid(pid, ret_status, 0);
    while (ended < 0 && errno == EINTR);
    return ended;
}

static int start_process(struct weir_worker *worker, struct weir_error *error)
{
    pid_t parent = getpid();
    worker->pid = fork();
    if (worker->pid < 0)
        return refused(error, "cannot start a process", "processes");
    if (worker->pid == 0)
        run_process(worker, parent);
    close(worker->report_write); /* or the end of the process would not be the end of its report */
    worker->report_write = -1;
    worker->ended_fd = open_pidfd(worker->pid);
    if (worker->ended_fd >= 0)
        return 0;
    int result = errno == ENOSYS
                     ? weir_error_set(error, WEIR_ESYSTEM, "cannot watch a process: Linux 5.3 or newer is needed")
                     : weir_error_errno(error, "cannot watch a process");
    int status;
    kill(worker->pid, SIGKILL); /* ours and not yet waited for: the number is still its own */
    wait_for_process(worker->pid, &status);
    return result;
}

static int check_config(const struct weir_worker_config *config, struct weir_error *error)
{
    if (config->body == NULL)
        return weir_error_set(error, WEIR_EINVAL, "a worker needs a body");
    if (config->kind != WEIR_THREAD && config->kind != WEIR_PROCESS)
        return weir_error_set(error, WEIR_EINVAL, "worker kind %d is not one of thread (%d), process (%d)",
                              (int)config->kind, WEIR_THREAD, WEIR_PROCESS);
    return config->cpu == -1 ? 0 : weir_cpu_check(config->cpu, error);
}

/* Frees what start has made, whole or half; the worker is not running. */
static void discard(struct weir_worker *worker)
{
    if (worker->ended_fd >= 0)
        close(worker->ended_fd);
    if (worker->report_write >= 0)
        close(worker->report_write);
    if (worker->report_read >= 0)
        close(worker->report_read);
    free(worker);
}

int weir_worker_start(struct weir_worker **ret_worker, const struct weir_worker_config *config,
                      struct weir_error *ret_error)
{
    int result = check_config(config, ret_error);
    if (result != 0)
        return result;
    struct weir_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return weir_error_errno(ret_error, "cannot start a worker");
    worker->config = *config;
    worker->report_read = worker->report_write = worker->ended_fd = -1;
    snprintf(worker->name, sizeof worker->name, "%s", config->name != NULL ? config->name : "weir");

    result = make_report_pipe(worker, ret_error);
    if (result == 0)
        result = config->kind == WEIR_THREAD ? start_thread(worker, ret_error) : start_process(worker, ret_error);
    if (result != 0) {
        discard(worker);
        return result;
    }
    *ret_worker = worker;
    return 0;
}

/* ---- watch ------------------------------------------------------------------------------------------------- */

int weir_worker_report_fd(const struct weir_worker *worker)
{
    return worker->report_read;
}

pid_t weir_worker_pid(const struct weir_worker *worker)
{
    return worker->pid;
}

/* 0, WEIR_EAGAIN, WEIR_ETIMEDOUT or WEIR_ESYSTEM. */
static int wait_readable(int fd, int64_t deadline_ns)
{
    for (;;) {
        int64_t left_ns = deadline_ns == WEIR_NOW ? 0 : deadline_ns - weir_now_ns();
        if (left_ns < 0)
            left_ns = 0;
        struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        int ready = ppoll(&entry, 1, deadline_ns == WEIR_FOREVER ? NULL : &left, NULL);
        if (ready > 0)
            return 0;
        if (ready == 0)
            return deadline_ns == WEIR_NOW ? WEIR_EAGAIN : WEIR_ETIMEDOUT;
        if (errno != EINTR)
            return WEIR_ESYSTEM;
    }
}

static int reap_thread(struct weir_worker *worker)
{
    if (pthread_join(worker->thread, NULL) != 0)
        return WEIR_ESYSTEM;
    worker->report_write = -1; /* closed by the thread, and perhaps someone else's number by now */
    worker->end = (struct weir_worker_end){.how = WEIR_WORKER_RETURNED, .value = worker->value};
    return 0;
}

/* Fails only where the program ignores SIGCHLD or waits for children that are not its own: then how it ended is lost.
 */
static int reap_process(struct weir_worker *worker)
{
    int status;
    if (wait_for_process(worker->pid, &status) != worker->pid)
        return WEIR_ESYSTEM;
    worker->end = WIFSIGNALED(status)
                      ? (struct weir_worker_end){.how = WEIR_WORKER_SIGNALED, .value = WTERMSIG(status)}
                      : (struct weir_worker_end){.how = WEIR_WORKER_EXITED, .value = WEXITSTATUS(status)};
    return 0;
}

int weir_worker_join(struct weir_worker *worker, int64_t deadline_ns, struct weir_worker_end *ret_end)
{
    if (worker->end.how == WEIR_WORKER_RUNNING) {
        int result = wait_readable(worker->ended_fd, deadline_ns);
        if (result == 0)
            result = worker->config.kind == WEIR_THREAD ? reap_thread(worker) : reap_process(worker);
        if (result != 0)
            return result;
    }
    *ret_end = worker->end;
    return 0;
}

int weir_worker_kill(struct weir_worker *worker)
{
    if (worker->config.kind == WEIR_THREAD)
        return WEIR_ENOTSUP;
    if (worker->end.how != WEIR_WORKER_RUNNING || signal_pidfd(worker->ended_fd, SIGKILL) == 0 || errno == ESRCH)
        return 0;
    return WEIR_ESYSTEM;
}

/* ---- end --------------------------------------------------------------------------------------------------- */

static void discard_report(const struct weir_worker *worker)
{
    char bytes[4096];
    while (read(worker->report_read, bytes, sizeof bytes) > 0)
        ; /* until the pipe is empty: this end does not block */
}

void weir_worker_destroy(struct weir_worker *worker)
{
    if (worker == NULL)
        return;
    struct weir_worker_end end;
    if (worker->config.kind == WEIR_PROCESS)
        weir_worker_kill(worker);
    /* A thread may be waiting for room in its report pipe, which nobody else reads any more. */
    while (weir_worker_join(worker, weir_now_ns() + DISCARD_PERIOD_NS, &end) == WEIR_ETIMEDOUT)
        discard_report(worker);
    discard(worker);
}

static void describe_signal(int number, char *buffer, size_t capacity)
{
    const char *description = sigdescr_np(number);
    if (description != NULL)
        snprintf(buffer, capacity, "killed by signal %d (%s)", number, description);
    else
        snprintf(buffer, capacity, "killed by signal %d", number); /* real-time signals have no description */
}

const char *weir_worker_end_text(const struct weir_worker_end *end, char *buffer, size_t capacity)
{
    switch (end->how) {
    case WEIR_WORKER_RUNNING:
        snprintf(buffer, capacity, "still running");
        break;
    case WEIR_WORKER_RETURNED:
        snprintf(buffer, capacity, "returned %d", end->value);
        break;
    case WEIR_WORKER_EXITED:
        snprintf(buffer, capacity, "exited with code %d", end->value);
        break;
    case WEIR_WORKER_SIGNALED:
        describe_signal(end->value, buffer, capacity);
        break;
    }
    return buffer;
}

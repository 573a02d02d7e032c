/* SPDX-License-Identifier: MIT
 *
 * What the tests of workers share: starting, joining, and bodies. Asserts are for the parent, on its main thread,
 * because cmocka leaves a failed test by longjmp. Bodies that wait do so for a bounded time.
 */
#ifndef WEIR_TESTS_WORKER_HELPERS_H
#define WEIR_TESTS_WORKER_HELPERS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/worker.h>

#define MILLISECOND_NS ((int64_t)1000000)
#define PATIENCE_NS    (10000 * MILLISECOND_NS) /* longer than anything takes that works */

static inline struct weir_worker *start(enum weir_worker_kind kind, weir_worker_body body, void *argument)
{
    struct weir_worker_config config = {.kind = kind, .cpu = -1, .body = body, .argument = argument};
    struct weir_error error = {0};
    struct weir_worker *worker = NULL;
    if (weir_worker_start(&worker, &config, &error) != 0)
        fail_msg("start: %s", error.text);
    return worker;
}

static inline struct weir_worker_end join(struct weir_worker *worker)
{
    struct weir_worker_end end = {0};
    assert_int_equal(weir_worker_join(worker, weir_now_ns() + PATIENCE_NS, &end), 0);
    return end;
}

static inline void assert_no_children(void)
{
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* ---- bodies ------------------------------------------------------------------------------------------------- */

static inline int return_zero(void *argument, int report_fd)
{
    (void)argument, (void)report_fd;
    return 0;
}

#define LONG_REPORT_BYTES (300 * 1024)

static inline int report_much(void *argument, int report_fd)
{
    (void)argument;
    char *bytes = malloc(LONG_REPORT_BYTES);
    if (bytes == NULL)
        return 1;
    for (size_t i = 0; i < LONG_REPORT_BYTES; i++)
        bytes[i] = (char)(i % 251);
    ssize_t written = write(report_fd, bytes, LONG_REPORT_BYTES); /* blocks, so it is whole or an error */
    free(bytes);
    return written == LONG_REPORT_BYTES ? 0 : 1;
}

/* Waits until the other end of the pipe whose read end `argument` points to is written; 5 if it was. */
static inline int wait_for_go(void *argument, int report_fd)
{
    (void)report_fd;
    struct pollfd entry = {.fd = *(int *)argument, .events = POLLIN};
    int ready;
    do
        ready = poll(&entry, 1, (int)(2 * PATIENCE_NS / MILLISECOND_NS));
    while (ready < 0 && errno == EINTR);
    return ready == 1 ? 5 : 6;
}

#endif

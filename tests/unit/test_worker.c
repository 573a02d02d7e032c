/* SPDX-License-Identifier: MIT
 *
 * Workers while all goes well: how they end, what they report, how they are waited for, named and placed.
 */
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>

#include "worker_helpers.h"

static void assert_end(enum weir_worker_kind kind, weir_worker_body body, enum weir_worker_how how, int value)
{
    struct weir_worker *worker = start(kind, body, NULL);
    struct weir_worker_end end = join(worker);
    assert_int_equal(end.how, how);
    assert_int_equal(end.value, value);
    weir_worker_destroy(worker);
}

/* Reads to the end of the report, waiting for each part; the number of bytes, of which `buffer` has the first. */
static size_t read_report(const struct weir_worker *worker, char *buffer, size_t capacity)
{
    struct pollfd entry = {.fd = weir_worker_report_fd(worker), .events = POLLIN};
    char part[4096];
    size_t total = 0;
    for (;;) {
        assert_int_equal(poll(&entry, 1, (int)(PATIENCE_NS / MILLISECOND_NS)), 1);
        ssize_t length = read(entry.fd, part, sizeof part);
        assert_true(length >= 0);
        if (length == 0)
            return total;
        for (ssize_t i = 0; i < length && total + (size_t)i < capacity; i++)
            buffer[total + (size_t)i] = part[i];
        total += (size_t)length;
    }
}

/* ---- how a worker ends ------------------------------------------------------------------------------------- */

static int return_minus_300(void *argument, int report_fd)
{
    (void)argument, (void)report_fd;
    return -300;
}

static int exit_with_3(void *argument, int report_fd)
{
    (void)argument, (void)report_fd;
    _exit(3);
}

static int die_of_sigterm(void *argument, int report_fd)
{
    (void)argument, (void)report_fd;
    raise(SIGTERM);
    return 0;
}

static void test_end_is_reported_as_what_it_was(void **state)
{
    (void)state;
    assert_end(WEIR_THREAD, return_zero, WEIR_WORKER_RETURNED, 0);
    assert_end(WEIR_THREAD, return_minus_300, WEIR_WORKER_RETURNED, -300);
    assert_end(WEIR_PROCESS, return_zero, WEIR_WORKER_EXITED, 0);
    assert_end(WEIR_PROCESS, return_minus_300, WEIR_WORKER_EXITED, -300 & 0xff);
    assert_end(WEIR_PROCESS, exit_with_3, WEIR_WORKER_EXITED, 3);
    assert_end(WEIR_PROCESS, die_of_sigterm, WEIR_WORKER_SIGNALED, SIGTERM);
    assert_no_children();
}

static void assert_text(enum weir_worker_how how, int value, const char *expected)
{
    char buffer[64];
    struct weir_worker_end end = {how, value};
    assert_ptr_equal(weir_worker_end_text(&end, buffer, sizeof buffer), buffer);
    assert_string_equal(buffer, expected);
}

static void test_end_text(void **state)
{
    (void)state;
    assert_text(WEIR_WORKER_RUNNING, 0, "still running");
    assert_text(WEIR_WORKER_RETURNED, -1, "returned -1");
    assert_text(WEIR_WORKER_EXITED, 3, "exited with code 3");
    assert_text(WEIR_WORKER_SIGNALED, SIGKILL, "killed by signal 9 (Killed)");
    assert_text(WEIR_WORKER_SIGNALED, 63, "killed by signal 63");

    char small[5];
    struct weir_worker_end end = {WEIR_WORKER_RETURNED, 0};
    assert_string_equal(weir_worker_end_text(&end, small, sizeof small), "retu");
}

/* ---- reports ----------------------------------------------------------------------------------------------- */

static int report_hello(void *argument, int report_fd)
{
    (void)argument;
    return write(report_fd, "hello", 5) == 5 ? 0 : 1;
}

static int report_name(void *argument, int report_fd)
{
    (void)argument;
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    return write(report_fd, name, strlen(name)) == (ssize_t)strlen(name) ? 0 : 1;
}

static void test_report_arrives_and_ends(void **state)
{
    (void)state;
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        char text[8] = "";
        struct weir_worker *worker = start(kind, report_hello, NULL);
        assert_int_equal(read_report(worker, text, sizeof text), 5);
        assert_string_equal(text, "hello");
        assert_int_equal(join(worker).value, 0);
        weir_worker_destroy(worker);
    }
}

static void test_report_may_be_read_after_the_end(void **state)
{
    (void)state;
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        char text[8] = "";
        struct weir_worker *worker = start(kind, report_hello, NULL);
        assert_int_equal(join(worker).value, 0);
        assert_int_equal(read_report(worker, text, sizeof text), 5);
        assert_string_equal(text, "hello");
        weir_worker_destroy(worker);
    }
}

static void test_report_longer_than_a_pipe(void **state)
{
    (void)state;
    static char bytes[LONG_REPORT_BYTES];
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        memset(bytes, -1, sizeof bytes);
        struct weir_worker *worker = start(kind, report_much, NULL);
        assert_int_equal(read_report(worker, bytes, sizeof bytes), LONG_REPORT_BYTES);
        for (size_t at = 0; at < LONG_REPORT_BYTES; at++)
            assert_int_equal(bytes[at], (char)(at % 251));
        assert_int_equal(join(worker).value, 0);
        weir_worker_destroy(worker);
    }
}

static void assert_name(enum weir_worker_kind kind, const char *name, const char *expected)
{
    struct weir_worker_config config = {.kind = kind, .cpu = -1, .name = name, .body = report_name};
    struct weir_worker *worker = NULL;
    char text[32] = "";
    assert_int_equal(weir_worker_start(&worker, &config, NULL), 0);
    read_report(worker, text, sizeof text);
    assert_string_equal(text, expected);
    weir_worker_destroy(worker);
}

static void test_name(void **state)
{
    (void)state;
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        assert_name(kind, NULL, "weir");
        assert_name(kind, "producer 3", "producer 3");
        assert_name(kind, "a name that is too long", "a name that is ");
    }
}

/* ---- waiting for the end ----------------------------------------------------------------------------------- */

static void test_join_with_deadlines(void **state)
{
    (void)state;
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        int go[2];
        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        struct weir_worker *worker = start(kind, wait_for_go, &go[0]);
        struct weir_worker_end end = {.how = WEIR_WORKER_SIGNALED, .value = 99};
        char byte;

        assert_int_equal(weir_worker_join(worker, WEIR_NOW, &end), WEIR_EAGAIN);
        int64_t deadline_ns = weir_now_ns() + 20 * MILLISECOND_NS;
        assert_int_equal(weir_worker_join(worker, deadline_ns, &end), WEIR_ETIMEDOUT);
        assert_true(weir_now_ns() >= deadline_ns);
        assert_int_equal(end.value, 99); /* untouched */
        assert_int_equal(read(weir_worker_report_fd(worker), &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);

        assert_int_equal(write(go[1], "", 1), 1);
        for (int64_t deadline = WEIR_FOREVER, repeats = 0; repeats < 3; repeats++, deadline = WEIR_NOW) {
            assert_int_equal(weir_worker_join(worker, deadline, &end), 0);
            assert_int_equal(end.value, 5);
        }
        weir_worker_destroy(worker);
        close(go[0]);
        close(go[1]);
    }
}

static void ignore_alarm(int number)
{
    (void)number;
}

static void test_signals_do_not_cut_join_short(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ignore_alarm}, before; /* no SA_RESTART: calls do return EINTR */
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        int go[2];
        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        struct weir_worker *worker = start(kind, wait_for_go, &go[0]);
        struct weir_worker_end end;
        struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
        assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
        int result = weir_worker_join(worker, weir_now_ns() + 30 * MILLISECOND_NS, &end);
        assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
        assert_int_equal(result, WEIR_ETIMEDOUT);
        assert_int_equal(write(go[1], "", 1), 1);
        assert_int_equal(join(worker).value, 5);
        weir_worker_destroy(worker);
        close(go[0]);
        close(go[1]);
    }
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

static void test_kill(void **state)
{
    (void)state;
    int go[2];
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    struct weir_worker *process = start(WEIR_PROCESS, wait_for_go, &go[0]);
    assert_int_not_equal(weir_worker_pid(process), getpid());
    assert_int_equal(weir_worker_kill(process), 0);
    struct weir_worker_end end = join(process);
    assert_int_equal(end.how, WEIR_WORKER_SIGNALED);
    assert_int_equal(end.value, SIGKILL);
    assert_int_equal(weir_worker_kill(process), 0);
    weir_worker_destroy(process);

    struct weir_worker *thread = start(WEIR_THREAD, wait_for_go, &go[0]);
    assert_int_equal(weir_worker_pid(thread), getpid());
    assert_int_equal(weir_worker_kill(thread), WEIR_ENOTSUP);
    assert_int_equal(write(go[1], "", 1), 1);
    assert_int_equal(join(thread).value, 5);
    weir_worker_destroy(thread);
    close(go[0]);
    close(go[1]);
}

/* ---- placement ---------------------------------------------------------------------------------------------- */

static int where_am_i(void *argument, int report_fd)
{
    (void)argument, (void)report_fd;
    return sched_getcpu();
}

static void test_worker_is_on_its_cpu_from_the_first_instruction(void **state)
{
    (void)state;
    int allowed[4];
    int count = weir_cpus_allowed(allowed, 4);
    assert_true(count > 0);
    for (int i = 0; i < 40; i++) {
        int cpu = allowed[i % (count < 4 ? count : 4)];
        for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
            struct weir_worker_config config = {.kind = kind, .cpu = cpu, .body = where_am_i};
            struct weir_worker *worker = NULL;
            assert_int_equal(weir_worker_start(&worker, &config, NULL), 0);
            assert_int_equal(join(worker).value, cpu & (kind == WEIR_PROCESS ? 0xff : ~0));
            weir_worker_destroy(worker);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_is_reported_as_what_it_was),
        cmocka_unit_test(test_end_text),
        cmocka_unit_test(test_report_arrives_and_ends),
        cmocka_unit_test(test_report_may_be_read_after_the_end),
        cmocka_unit_test(test_report_longer_than_a_pipe),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_join_with_deadlines),
        cmocka_unit_test(test_signals_do_not_cut_join_short),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_worker_is_on_its_cpu_from_the_first_instruction),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}

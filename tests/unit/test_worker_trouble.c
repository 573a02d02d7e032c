/* SPDX-License-Identifier: MIT
 *
 * Workers when things go wrong, and what they leave behind: descriptors, zombies, orphans, refusals.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "worker_helpers.h"

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* ---- what is left behind ----------------------------------------------------------------------------------- */

static void test_destroy_of_a_running_process_leaves_nothing(void **state)
{
    (void)state;
    int go[2];
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    size_t before = count_descriptors();
    int64_t deadline_ns = weir_now_ns() + PATIENCE_NS; /* sooner than the body ends by itself */
    weir_worker_destroy(start(WEIR_PROCESS, wait_for_go, &go[0]));
    assert_true(weir_now_ns() < deadline_ns);
    assert_no_children();
    assert_int_equal(count_descriptors(), before);
    weir_worker_destroy(NULL);
    close(go[0]);
    close(go[1]);
}

static void test_destroy_of_a_thread_whose_report_nobody_reads(void **state)
{
    (void)state;
    size_t before = count_descriptors();
    weir_worker_destroy(start(WEIR_THREAD, report_much, NULL));
    assert_int_equal(count_descriptors(), before);
}

static void test_destroy_closes_nothing_of_others(void **state)
{
    (void)state;
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        struct weir_worker *worker = start(kind, return_zero, NULL);
        join(worker);
        int others = dup(0); /* gets the number of the write end, which is closed by now */
        weir_worker_destroy(worker);
        assert_int_equal(close(others), 0);
    }
}

static void test_a_thousand_workers_leak_nothing(void **state)
{
    (void)state;
    size_t before = count_descriptors();
    for (int i = 0; i < 500; i++) {
        for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
            struct weir_worker *worker = start(kind, return_zero, NULL);
            if (i % 2 == 0)
                join(worker);
            weir_worker_destroy(worker);
        }
    }
    assert_int_equal(count_descriptors(), before);
    assert_no_children();
}

static void test_descriptors_are_close_on_exec(void **state)
{
    (void)state;
    int go[2], flags[64];
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
        for (int fd = 0; fd < 64; fd++)
            flags[fd] = fcntl(fd, F_GETFD);
        struct weir_worker *worker = start(kind, wait_for_go, &go[0]);
        int opened = 0;
        for (int fd = 0; fd < 64; fd++) {
            if (flags[fd] >= 0 || fcntl(fd, F_GETFD) < 0)
                continue;
            opened++;
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        }
        assert_int_equal(opened, kind == WEIR_THREAD ? 3 : 2);
        assert_int_equal(write(go[1], "", 1), 1);
        weir_worker_destroy(worker);
    }
    close(go[0]);
    close(go[1]);
}

/* ---- the parent's death ------------------------------------------------------------------------------------ */

static int life[2]; /* its write end is open in whoever is alive */

static int say_ready_and_wait(void *argument, int report_fd)
{
    (void)argument, (void)report_fd;
    if (write(life[1], "r", 1) != 1)
        return 1;
    poll(NULL, 0, (int)(2 * PATIENCE_NS / MILLISECOND_NS));
    return 0;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
}

static pid_t intermediate_pid;

static void wait_until_orphaned(void)
{
    for (int waits = 0; waits < 5000 && getppid() == intermediate_pid; waits++)
        poll(NULL, 0, 1);
}

/* A process that starts a process worker and lives on, or, with `dies_at_fork`, dies before the worker gets going. */
static pid_t fork_intermediate(int dies_at_fork)
{
    assert_int_equal(pipe2(life, O_CLOEXEC), 0);
    pid_t intermediate = fork();
    assert_true(intermediate >= 0);
    if (intermediate == 0) {
        intermediate_pid = getpid();
        if (dies_at_fork)
            pthread_atfork(NULL, die, wait_until_orphaned);
        struct weir_worker_config config = {.kind = WEIR_PROCESS, .cpu = -1, .body = say_ready_and_wait};
        struct weir_worker *worker;
        if (weir_worker_start(&worker, &config, NULL) == 0)
            poll(NULL, 0, (int)(2 * PATIENCE_NS / MILLISECOND_NS));
        _exit(1);
    }
    close(life[1]);
    return intermediate;
}

/* The number of bytes read: 0 once nobody holds the write end any more. */
static ssize_t read_life(void)
{
    struct pollfd entry = {.fd = life[0], .events = POLLIN};
    char byte;
    assert_int_equal(poll(&entry, 1, (int)(PATIENCE_NS / MILLISECOND_NS)), 1);
    return read(life[0], &byte, 1);
}

static void test_process_dies_with_its_parent(void **state)
{
    (void)state;
    pid_t intermediate = fork_intermediate(0);
    assert_int_equal(read_life(), 1);
    assert_int_equal(kill(intermediate, SIGKILL), 0);
    assert_int_equal(waitpid(intermediate, NULL, 0), intermediate);
    assert_int_equal(read_life(), 0);
    close(life[0]);
}

static void test_process_whose_parent_died_at_once_never_runs(void **state)
{
    (void)state;
    pid_t intermediate = fork_intermediate(1);
    assert_int_equal(waitpid(intermediate, NULL, 0), intermediate);
    assert_int_equal(read_life(), 0); /* not even the body's first byte */
    close(life[0]);
}

/* ---- when the system refuses ------------------------------------------------------------------------------- */

static void assert_refused(enum weir_worker_kind kind, const char *remedy)
{
    struct weir_worker_config config = {.kind = kind, .cpu = -1, .body = return_zero};
    struct weir_error error = {0};
    struct weir_worker *worker = NULL;
    assert_int_equal(weir_worker_start(&worker, &config, &error), WEIR_ESYSTEM);
    assert_int_equal(error.code, WEIR_ESYSTEM);
    assert_non_null(strstr(error.text, remedy));
    assert_null(worker);
}

/* Leaves the process `spare` descriptors while it tries; a thread needs three, a process two at a time. */
static void assert_refused_with(int spare, enum weir_worker_kind kind)
{
    struct rlimit before;
    int fillers[128], filled = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit tight = {.rlim_cur = 128, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while (filled < 128 && (fillers[filled] = dup(0)) >= 0)
        filled++;
    assert_true(filled > spare);
    for (int i = 0; i < spare && filled > 0; i++)
        close(fillers[--filled]);
    assert_refused(kind, "ulimit -n");
    while (filled > 0)
        close(fillers[--filled]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_no_descriptors_left(void **state)
{
    (void)state;
    size_t before = count_descriptors();
    for (int spare = 0; spare < 2; spare++) {
        assert_refused_with(spare, WEIR_THREAD);
        assert_refused_with(spare, WEIR_PROCESS);
    }
    assert_refused_with(2, WEIR_THREAD);
    assert_int_equal(count_descriptors(), before);
    assert_no_children();
}

/* Whether a start is refused as it should be, told by exit code, because this runs in a child. */
static int refuses_for_want_of_processes(enum weir_worker_kind kind)
{
    struct weir_worker_config config = {.kind = kind, .cpu = -1, .body = return_zero};
    struct weir_error error = {0};
    struct weir_worker *worker = NULL;
    return weir_worker_start(&worker, &config, &error) == WEIR_ESYSTEM && strstr(error.text, "ulimit -u") != NULL;
}

static void test_no_processes_left(void **state)
{
    (void)state;
    pid_t child = fork(); /* the limit binds no privileged user, and who gives privileges up does not get them back */
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        if ((geteuid() == 0 && setuid(65534) != 0) || setrlimit(RLIMIT_NPROC, &none) != 0)
            _exit(77);
        _exit(refuses_for_want_of_processes(WEIR_THREAD) && refuses_for_want_of_processes(WEIR_PROCESS) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_bad_configs(void **state)
{
    (void)state;
    struct weir_error error;
    struct weir_worker *worker = NULL;
    struct weir_worker_config config = {.kind = WEIR_THREAD, .cpu = -1};
    assert_int_equal(weir_worker_start(&worker, &config, &error), WEIR_EINVAL);
    config.body = return_zero;
    config.kind = (enum weir_worker_kind)2;
    assert_int_equal(weir_worker_start(&worker, &config, &error), WEIR_EINVAL);
    const int bad_cpus[] = {-2, 16383, 1 << 30};
    for (size_t cpu = 0; cpu < 3; cpu++) {
        for (enum weir_worker_kind kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
            config = (struct weir_worker_config){.kind = kind, .cpu = bad_cpus[cpu], .body = return_zero};
            assert_int_equal(weir_worker_start(&worker, &config, &error), WEIR_EINVAL);
            assert_non_null(strstr(error.text, "is not allowed here; allowed: "));
        }
    }
    assert_null(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destroy_of_a_running_process_leaves_nothing),
        cmocka_unit_test(test_destroy_of_a_thread_whose_report_nobody_reads),
        cmocka_unit_test(test_destroy_closes_nothing_of_others),
        cmocka_unit_test(test_a_thousand_workers_leak_nothing),
        cmocka_unit_test(test_descriptors_are_close_on_exec),
        cmocka_unit_test(test_process_dies_with_its_parent),
        cmocka_unit_test(test_process_whose_parent_died_at_once_never_runs),
        cmocka_unit_test(test_no_descriptors_left),
        cmocka_unit_test(test_no_processes_left),
        cmocka_unit_test(test_bad_configs),
    };
    return cmocka_run_group_tests_name("worker trouble", tests, NULL, NULL);
}

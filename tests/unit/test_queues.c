/* SPDX-License-Identifier: MIT
 *
 * The message queues of the kernel (mq, sysv): what is left of them after deaths, and what they allow without
 * privilege.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/channel.h>

static char base[64];

static int make_base(void **state)
{
    (void)state;
    const char *above = getenv("TMPDIR");
    snprintf(base, sizeof base, "%.40s/weir-test-XXXXXX", above != NULL && *above != '\0' ? above : "/tmp");
    if (mkdtemp(base) == NULL || chmod(base, 0777) != 0) /* nobody makes channels there too */
        return -1;
    return setenv("WEIR_TMPDIR", base, 1);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int remove_base(void **state)
{
    (void)state;
    return nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static key_t recorded_key;

static int find_record(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    unsigned key;
    (void)status;
    if (type == FTW_F && sscanf(path + walk->base, "sysv-queue-%8x", &key) == 1)
        recorded_key = (key_t)key;
    return 0;
}

/* The key of the one queue that has a record in the base; IPC_PRIVATE: none. */
static key_t find_key(void)
{
    recorded_key = IPC_PRIVATE;
    nftw(base, find_record, 8, FTW_PHYS);
    return recorded_key;
}

/* A process that makes a channel, forks a worker that lives on, and is killed; returns the worker. */
static pid_t leave_a_worker(void)
{
    int ready[2];
    pid_t worker = -1;
    assert_int_equal(pipe(ready), 0);
    pid_t creator = fork();
    if (creator == 0) {
        struct weir_channel *channel = NULL;
        if (weir_channel_create(&channel, "sysv", NULL, NULL) != 0)
            _exit(1);
        worker = fork();
        if (worker == 0)
            for (;;)
                pause();
        if (write(ready[1], &worker, sizeof worker) != sizeof worker)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    close(ready[1]);
    ssize_t got = read(ready[0], &worker, sizeof worker);
    close(ready[0]);
    waitpid(creator, NULL, 0);
    assert_int_equal(got, sizeof worker);
    return worker;
}

static void a_queue_goes_when_the_last_of_its_processes_is_dead(void **state)
{
    (void)state;
    pid_t worker = leave_a_worker();
    key_t key = find_key();
    assert_int_not_equal(key, IPC_PRIVATE);
    int queue = msgget(key, 0);
    assert_true(queue >= 0);
    assert_int_equal(weir_sweep(), 0); /* the worker lives */
    assert_int_equal(msgget(key, 0), queue);
    kill(worker, SIGKILL);
    int swept = 0; /* the worker is not our child: its death is seen by its lock */
    for (int tries = 0; tries < 2000 && (swept = weir_sweep()) == 0; tries++)
        usleep(1000);
    assert_int_equal(swept, 1);
    assert_int_equal(msgget(key, 0), -1);
    assert_int_equal(find_key(), IPC_PRIVATE);
}

static void a_queue_goes_with_its_channel(void **state)
{
    (void)state;
    struct weir_channel *channel = NULL;
    assert_int_equal(weir_channel_create(&channel, "sysv", NULL, NULL), 0);
    key_t key = find_key();
    int queue = msgget(key, 0);
    assert_true(queue >= 0);
    pid_t worker = fork();
    if (worker == 0) { /* frees its copy only */
        weir_channel_destroy(channel);
        _exit(0);
    }
    waitpid(worker, NULL, 0);
    assert_int_equal(msgget(key, 0), queue);
    weir_channel_destroy(channel);
    assert_int_equal(msgget(key, 0), -1);
}

/* A record of the dead may name a key that another program has drawn since. */
static void the_queue_of_another_program_stays(void **state)
{
    (void)state;
    char folder[128], path[160];
    key_t key = 0x7765;
    int queue;
    while ((queue = msgget(++key, IPC_CREAT | IPC_EXCL | 0644)) < 0)
        ;
    snprintf(folder, sizeof folder, "%s/weir-channel-orphan", base);
    snprintf(path, sizeof path, "%s/sysv-queue-%08x", folder, (unsigned)key);
    assert_int_equal(mkdir(folder, 0700), 0);
    FILE *record = fopen(path, "w");
    assert_non_null(record);
    fclose(record);
    int swept = weir_sweep();
    int found = msgget(key, 0);
    msgctl(queue, IPC_RMID, NULL);
    assert_int_equal(swept, 1);
    assert_int_equal(found, queue);
}

/* ---- without privilege --------------------------------------------------------------------------------------- */

static size_t read_limit(const char *path)
{
    unsigned long value = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &value), 1);
    fclose(file);
    return value;
}

/* In a process of its own, which gives up its privilege if it has any. 0: the channel has that depth at most, and the
 * messages too long are refused with the limit's name. */
static int stay_within(const char *spec, size_t most_depth, size_t most_bytes, const char *limit)
{
    pid_t child = fork();
    if (child == 0) {
        struct weir_channel_config config = {.max_message_bytes = 1024, .depth = 4096};
        struct weir_channel_info info;
        struct weir_channel *channel = NULL;
        struct weir_error error = {0};
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(2);
        if (weir_channel_create(&channel, spec, &config, &error) != 0)
            _exit(3);
        weir_channel_info(channel, &info);
        weir_channel_destroy(channel);
        if (info.depth < 1 || info.depth > most_depth)
            _exit(4);
        config.max_message_bytes = most_bytes + 1;
        if (weir_channel_create(&channel, spec, &config, &error) != WEIR_EMSGSIZE || strstr(error.text, limit) == NULL)
            _exit(5);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void little_is_allowed_without_privilege(void **state)
{
    (void)state;
    size_t longest = read_limit("/proc/sys/fs/mqueue/msgsize_max");
    assert_int_equal(stay_within("mq", read_limit("/proc/sys/fs/mqueue/msg_max"), longest, "msgsize_max"), 0);
    size_t bytes = read_limit("/proc/sys/kernel/msgmnb");
    assert_int_equal(stay_within("sysv", bytes / 1024, read_limit("/proc/sys/kernel/msgmax"), "msgm"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_goes_when_the_last_of_its_processes_is_dead),
        cmocka_unit_test(a_queue_goes_with_its_channel),
        cmocka_unit_test(the_queue_of_another_program_stays),
        cmocka_unit_test(little_is_allowed_without_privilege),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}

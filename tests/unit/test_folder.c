/* SPDX-License-Identifier: MIT
 *
 * Private folders: made, locked and swept, with a lock of the test's own in place of flock, so that the moment between
 * making and locking can be played through; and many makers and sweepers at once with the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/file.h>

static int lock(int fd, int operation);

#define flock(fd, operation) lock(fd, operation)
#include "../../channels/folder.c"
#undef flock

#include <sys/wait.h>

enum { MAKERS = 3, SWEEPERS = 2, ROUNDS = 200 };

static char base[64];

/* What befalls the next makers of a folder before they have locked it. */
static struct {
    int swept, interrupted, refused; /* how often */
    int calls;
} fate;

static int lock(int fd, int operation)
{
    char path[64], folder[256];
    if (operation & LOCK_NB) /* a sweeper's */
        return flock(fd, operation);
    fate.calls++;
    if (fate.interrupted > 0 && fate.interrupted--) {
        errno = EINTR;
        return -1;
    }
    if (fate.refused > 0 && fate.refused--) {
        errno = ENOLCK;
        return -1;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, folder, sizeof folder - 1);
    if (fate.swept > 0 && fate.swept-- && length > 0) {
        folder[length] = '\0';
        rmdir(folder);
    }
    return flock(fd, operation);
}

static int make_base(void **state)
{
    (void)state;
    const char *above = getenv("TMPDIR");
    snprintf(base, sizeof base, "%.40s/weir-test-XXXXXX", above != NULL && *above != '\0' ? above : "/tmp");
    return mkdtemp(base) == NULL ? -1 : setenv("WEIR_TMPDIR", base, 1);
}

static int remove_base(void **state)
{
    (void)state;
    weir_folder_remove(base);
    return 0;
}

static int count_folders(void)
{
    int count = 0;
    DIR *folder = opendir(base);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* Whether the folder at that path is the one that is locked, and its maker's alone. */
static bool is_own(const char *path, int fd)
{
    struct stat by_path, by_fd;
    return stat(path, &by_path) == 0 && fstat(fd, &by_fd) == 0 && by_path.st_ino == by_fd.st_ino &&
           (by_path.st_mode & 07777) == 0700 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static void assert_made(void)
{
    char *path = NULL;
    int fd = -1;
    struct weir_error error = {0};
    if (weir_folder_create(&path, &fd, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(is_own(path, fd));
    assert_int_equal(weir_sweep(), 0); /* it is in use */
    assert_true(is_own(path, fd));
    weir_folder_remove(path);
    close(fd);
    free(path);
    assert_int_equal(count_folders(), 0);
}

static void a_folder_swept_before_it_is_locked_is_made_anew(void **state)
{
    (void)state;
    fate.calls = 0;
    fate.swept = 3;
    assert_made();
    assert_int_equal(fate.calls, 4);
}

static void an_interrupted_lock_is_tried_again(void **state)
{
    (void)state;
    fate.interrupted = 3;
    assert_made();
    assert_int_equal(fate.interrupted, 0);
}

static void a_refused_lock_is_an_error_at_once_and_leaves_nothing(void **state)
{
    (void)state;
    char *path = NULL;
    int fd = -1;
    struct weir_error error = {0};
    fate.calls = 0;
    fate.refused = 1000;
    assert_int_equal(weir_folder_create(&path, &fd, &error), WEIR_ESYSTEM);
    fate.refused = 0;
    assert_int_equal(fate.calls, 1);
    assert_null(path);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(error.text, base));
    assert_int_equal(count_folders(), 0);
}

static void only_what_has_lost_its_maker_is_swept(void **state)
{
    (void)state;
    char *path = NULL, file[300];
    int fd = -1;
    assert_int_equal(weir_folder_create(&path, &fd, NULL), 0);
    snprintf(file, sizeof file, "%s/socket", path);
    close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    int heir = dup(fd); /* as a forked worker has it */
    close(fd);
    assert_int_equal(weir_sweep(), 0);
    assert_int_equal(access(file, F_OK), 0);
    close(heir);
    assert_int_equal(weir_sweep(), 1);
    assert_int_equal(count_folders(), 0);
    free(path);
}

static void names_of_others_are_kept(void **state)
{
    (void)state;
    static const char *const others[] = {"weir-channel-", "weir-channel-abcdefg", "weir-channels", "abcdef"};
    char path[128];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", base, others[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/weir-channel-public", base);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(weir_sweep(), 0);
    assert_int_equal(count_folders(), sizeof others / sizeof others[0] + 1);
    weir_folder_remove(base);
    assert_int_equal(mkdir(base, 0700), 0);
}

/* ---- many at once -------------------------------------------------------------------------------------------- */

/* Makes folders and uses them; every fourth is left behind, as by the dead. 0: all were its own all the time. */
static int make_many(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        char *path = NULL, file[300];
        int fd = -1;
        if (weir_folder_create(&path, &fd, NULL) != 0)
            return 1;
        snprintf(file, sizeof file, "%s/file", path);
        int inside = open(file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        sched_yield();
        if (inside < 0 || !is_own(path, fd) || access(file, F_OK) != 0)
            return 2;
        close(inside);
        if (i % 4 != 0)
            weir_folder_remove(path);
        close(fd);
        free(path);
    }
    return 0;
}

static pid_t start(bool makes)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        for (int i = 0; !makes && i < ROUNDS; i++)
            weir_sweep();
        _exit(makes ? make_many() : 0);
    }
    return child;
}

static void makers_and_sweepers_do_not_harm_each_other(void **state)
{
    (void)state;
    pid_t children[MAKERS + SWEEPERS];
    for (int i = 0; i < MAKERS + SWEEPERS; i++)
        children[i] = start(i < MAKERS);
    for (int i = 0; i < MAKERS + SWEEPERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    weir_sweep();
    assert_int_equal(count_folders(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_swept_before_it_is_locked_is_made_anew),
        cmocka_unit_test(an_interrupted_lock_is_tried_again),
        cmocka_unit_test(a_refused_lock_is_an_error_at_once_and_leaves_nothing),
        cmocka_unit_test(only_what_has_lost_its_maker_is_swept),
        cmocka_unit_test(names_of_others_are_kept),
        cmocka_unit_test(makers_and_sweepers_do_not_harm_each_other),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}

/* SPDX-License-Identifier: MIT
 *
 * Watches one case: runs it in a process group of its own, ends it when it hangs, and then looks for what it must not
 * leave behind: processes, names in /dev/shm, files in the temporary folder. The watcher adopts orphans (it is a
 * subreaper), so a process cannot hide by losing its parent. It never touches the channel itself.
 */
#include "conformance.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct watch {
    const struct conformance_case *test;
    char folder[512]; /* the case's WEIR_TMPDIR */
    char *shm_names;  /* what lay in /dev/shm before, each name between newlines */
    int verdict;
};

/* The first thing that is wrong is the reason. */
WEIR_PRINTF(2, 3) static void complain(struct watch *watch, const char *format, ...)
{
    if (watch->verdict != EXIT_PASSED) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(board->reason, sizeof board->reason, format, arguments);
    va_end(arguments);
    watch->verdict = EXIT_FAILED;
}

/* ---- names in /dev/shm ------------------------------------------------------------------------------------- */

/* "\nweir-a\nweir-b\n"; the caller frees it. Objects of unrelated programs do not begin so. */
static char *list_shm_names(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *list = open_memstream(&text, &size);
    if (list == NULL) {
        return NULL;
    }
    fputc('\n', list);
    DIR *folder = opendir("/dev/shm");
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, "weir", 4) == 0) {
            fprintf(list, "%s\n", entry->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return fclose(list) == 0 ? text : NULL;
}

static bool holds_name(const char *names, const char *name)
{
    char line[300];
    snprintf(line, sizeof line, "\n%s\n", name);
    return names != NULL && strstr(names, line) != NULL;
}

/* The first name that is in `now` and in no other list; "" if there is none. */
static void new_name(const char *now, const char *before, char *ret_name, size_t capacity)
{
    *ret_name = '\0';
    for (const char *name = now; name != NULL && *++name != '\0';) {
        const char *end = strchr(name, '\n');
        snprintf(ret_name, capacity, "%.*s", (int)(end - name), name);
        if (!holds_name(before, ret_name)) {
            return;
        }
        *ret_name = '\0';
        name = end;
    }
}

/* Other cases run at the same time and may have a name for a moment: one that stays is a leftover. */
static void check_shm_names(struct watch *watch)
{
    char name[256];
    char *now = list_shm_names();
    new_name(now, watch->shm_names, name, sizeof name);
    for (int tries = 0; tries < 100 && name[0] != '\0'; tries++) {
        nap(10 * MILLISECOND_NS);
        free(now);
        now = list_shm_names();
        if (!holds_name(now, name)) {
            new_name(now, watch->shm_names, name, sizeof name);
        }
    }
    free(now);
    if (name[0] != '\0') {
        complain(watch, "expected that nothing is left behind, found /dev/shm/%s", name);
    }
}

/* ---- the temporary folder ---------------------------------------------------------------------------------- */

static bool make_folder(struct watch *watch)
{
    const char *base = getenv("TMPDIR");
    snprintf(watch->folder, sizeof watch->folder, "%s/conformance-XXXXXX", base != NULL && *base ? base : "/tmp");
    return mkdtemp(watch->folder) != NULL;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void check_folder(struct watch *watch)
{
    DIR *folder = opendir(watch->folder);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            complain(watch, "expected that nothing is left behind, found %s in the temporary folder", entry->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    nftw(watch->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- processes --------------------------------------------------------------------------------------------- */

/* Everything that the case started is now a child of this process, or gone. Those that die with their parent may need
 * a moment to do so. */
static void check_processes(struct watch *watch, pid_t group)
{
    int64_t deadline_ns = weir_now_ns() + SOON_S * SECOND_NS;
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD) {
            return;
        }
        if (pid == 0 && weir_now_ns() > deadline_ns) {
            complain(watch, "expected that nothing is left behind, found a process that lives on");
            kill(-group, SIGKILL);
        }
        if (pid == 0) {
            nap(MILLISECOND_NS);
        }
    }
}

static _Noreturn void run_case(const struct watch *watch, const char *spec, unsigned variant)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("WEIR_TMPDIR", watch->folder, 1);
    bool processes = (variant & (THREADS | THREAD_THREAD)) == 0;
    struct scene scene = {
        .test = watch->test,
        .spec = spec,
        .span = processes ? WEIR_SPAN_PROCESSES : WEIR_SPAN_THREADS,
        .kinds = {variant & (PROCESSES | PROCESS_THREAD | PROCESS_PROCESS) ? WEIR_PROCESS : WEIR_THREAD,
                  variant & (PROCESSES | THREAD_PROCESS | PROCESS_PROCESS) ? WEIR_PROCESS : WEIR_THREAD},
    };
    watch->test->run(&scene);
    join_workers(&scene);
    close_channel(&scene);
    exit(EXIT_PASSED); /* not _exit: the sanitizers report at exit */
}

static void judge_end(struct watch *watch, int status)
{
    watch->verdict = atomic_load(&board->verdict);
    if (WIFSIGNALED(status)) {
        complain(watch, "expected the case to end by itself, it was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != EXIT_PASSED) {
        complain(watch, "expected exit status 0, got %d", WEXITSTATUS(status));
    }
}

/* Waits for the case; one that hangs is killed with all its workers. */
static void watch_child(struct watch *watch, pid_t child)
{
    struct pollfd end = {.fd = pidfd_open(child, 0), .events = POLLIN};
    int ready;
    do {
        ready = poll(&end, 1, WATCHDOG_S * 1000);
    } while (ready < 0 && errno == EINTR);
    close(end.fd);
    if (ready == 0) {
        complain(watch, "hung in %s", watch->test->name);
        kill(-child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (watch->verdict == EXIT_PASSED) {
        judge_end(watch, status);
    }
    if (watch->verdict != EXIT_PASSED) {
        kill(-child, SIGKILL); /* what is left of it */
    }
}

static bool make_board(void)
{
    if (board == NULL) {
        board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    if (board == MAP_FAILED) {
        board = NULL;
        return false;
    }
    memset(board, 0, sizeof *board);
    return true;
}

int watch_case(const char *spec, const struct conformance_case *test, unsigned variant)
{
    struct watch watch = {.test = test, .verdict = EXIT_PASSED};
    if (!make_board()) {
        perror("conformance");
        exit(EXIT_FAILED);
    }
    if (!make_folder(&watch) || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        complain(&watch, "cannot prepare: %s", strerror(errno));
        return EXIT_FAILED;
    }
    watch.shm_names = list_shm_names();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_case(&watch, spec, variant);
    }
    if (child > 0) {
        setpgid(child, child); /* both do it: neither may be too early */
        watch_child(&watch, child);
        check_processes(&watch, child);
        check_shm_names(&watch);
    } else {
        complain(&watch, "cannot fork: %s", strerror(errno));
    }
    check_folder(&watch);
    free(watch.shm_names);
    return watch.verdict;
}

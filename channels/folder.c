/* SPDX-License-Identifier: MIT
 *
 * Private folders for the files of drivers, and the sweeping of what dead processes left.
 *
 * A folder is locked (flock) for as long as a process that inherited its descriptor lives: a folder that can be locked
 * has no user. A record of a System V message queue in it (names.h) takes the queue along when it goes.
 *
 * Names in /dev/shm and /dev/mqueue are unlinked at once by their creator, so one that is seen has lost its creator, or
 * is about to go anyway.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "names.h"

static const char folder_prefix[] = "weir-channel-"; /* and 6 characters from mkdtemp */

static const char *base_folder(void)
{
    static const char *const variables[] = {"WEIR_TMPDIR", "XDG_RUNTIME_DIR", "TMPDIR"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *path = secure_getenv(variables[i]);
        if (path != NULL && *path == '/' && access(path, W_OK | X_OK) == 0)
            return path;
    }
    return "/tmp";
}

/* Only a queue as the sysv driver makes them: should another program have drawn the same key, its queue stays. */
static void remove_queue(key_t key)
{
    struct msqid_ds status;
    int queue = msgget(key, 0);
    if (queue >= 0 && msgctl(queue, IPC_STAT, &status) == 0 && status.msg_perm.uid == geteuid() &&
        (status.msg_perm.mode & 0777) == 0600)
        msgctl(queue, IPC_RMID, NULL);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    const char *name = path + walk->base;
    unsigned key;
    if (type == FTW_F && sscanf(name, WEIR_SYSV_RECORD "%8x", &key) == 1)
        remove_queue((key_t)key);
    remove(path); /* what cannot be removed is not ours; its folder then stays too */
    return 0;
}

void weir_folder_remove(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static bool is_orphan(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stat status;
    bool orphan = fstat(fd, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 07777) == 0700 &&
                  flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (orphan)
        weir_folder_remove(path); /* under the lock: a creator that waits for it will see the folder gone */
    close(fd);
    return orphan;
}

static bool is_leftover_name(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() && unlink(path) == 0;
}

/* Only names of exactly the form that weir makes: who calls a folder of their own weir-something keeps it. */
static int sweep_folder(const char *base, const char *prefix, size_t suffix_length, bool (*sweep_entry)(const char *))
{
    size_t length = strlen(prefix);
    int removed = 0;
    DIR *folder = opendir(base);
    if (folder == NULL)
        return 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[4096];
        if (strncmp(entry->d_name, prefix, length) == 0 && strlen(entry->d_name) == length + suffix_length &&
            (size_t)snprintf(path, sizeof path, "%s/%s", base, entry->d_name) < sizeof path)
            removed += sweep_entry(path);
    }
    closedir(folder);
    return removed;
}

int weir_sweep(void)
{
    return sweep_folder(base_folder(), folder_prefix, 6, is_orphan) +
           sweep_folder("/dev/shm", WEIR_SHM_PREFIX, WEIR_SHM_SUFFIX, is_leftover_name) +
           sweep_folder("/dev/mqueue", WEIR_MQUEUE_PREFIX, WEIR_MQUEUE_SUFFIX, is_leftover_name);
}

/* Waits for the lock of a sweeper that has looked at the same moment: it does not keep it. */
static bool take_lock(int fd)
{
    int result;
    do
        result = flock(fd, LOCK_EX);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

/* One attempt; WEIR_EAGAIN when a sweeper took the new folder for an orphan before it was locked. */
static int make_locked(char *path, int *ret_lock_fd, struct weir_error *error)
{
    if (mkdtemp(path) == NULL)
        return weir_error_errno(error, path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;
    if (fd >= 0 && take_lock(fd) && fstat(fd, &status) == 0 && status.st_nlink > 0) {
        *ret_lock_fd = fd;
        return 0;
    }
    bool swept = fd >= 0 ? fstat(fd, &status) == 0 && status.st_nlink == 0 : errno == ENOENT;
    int result = swept ? WEIR_EAGAIN : weir_error_errno(error, path);
    if (fd >= 0)
        close(fd);
    rmdir(path);
    return result;
}

int weir_folder_create(char **ret_path, int *ret_lock_fd, struct weir_error *error)
{
    const char *base = base_folder();
    size_t capacity = strlen(base) + sizeof folder_prefix + 8;
    char *path = malloc(capacity);
    if (path == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for a private folder");
    sweep_folder(base, folder_prefix, 6, is_orphan);
    int result;
    do {
        snprintf(path, capacity, "%s/%sXXXXXX", base, folder_prefix);
        result = make_locked(path, ret_lock_fd, error);
    } while (result == WEIR_EAGAIN);
    if (result != 0)
        free(path);
    else
        *ret_path = path;
    return result;
}

/* SPDX-License-Identifier: MIT
 *
 * Files that appear at once.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(struct weir_error *error, const char *path)
{
    return weir_error_set(error, WEIR_ESYSTEM, "cannot write '%s': %s", path, strerror(errno)), -1;
}

/* Where the file really is (a link is followed, so that it stays one), and whether it is to be replaced by renaming. */
static int resolve(const char *path, char *ret_target, bool *ret_replace, mode_t *ret_mode, struct weir_error *error)
{
    struct stat status;
    mode_t mask = umask(0);
    umask(mask);
    *ret_mode = 0666 & ~mask;
    *ret_replace = true;
    if (*path == '\0') {
        errno = ENOENT;
        return complain(error, path);
    }
    if (realpath(path, ret_target) == NULL) {
        if (errno != ENOENT || strlen(path) >= PATH_MAX)
            return complain(error, path);
        *ret_replace =
            lstat(path, &status) != 0 || !S_ISLNK(status.st_mode); /* a link to what is yet to be stays one */
        strcpy(ret_target, path);
        return 0;
    }
    if (stat(ret_target, &status) != 0)
        return complain(error, path);
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return complain(error, path);
    }
    *ret_replace = S_ISREG(status.st_mode);
    *ret_mode = status.st_mode & 07777;
    if (access(ret_target, W_OK) != 0)
        return complain(error, path);
    return 0;
}

/* A new file beside `target`; its name is in `ret_name`. */
static int open_beside(const char *target, char *ret_name, size_t capacity)
{
    if ((size_t)snprintf(ret_name, capacity, "%s.XXXXXX", target) >= capacity) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return mkostemp(ret_name, O_CLOEXEC);
}

/* The path without links and dots, also of a file that is yet to be. */
static bool locate(const char *path, char ret[PATH_MAX])
{
    char folder[PATH_MAX], found[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (realpath(path, ret) != NULL)
        return true;
    if (snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path) >= (int)sizeof folder ||
        realpath(*folder != '\0' ? folder : ".", found) == NULL)
        return false;
    return snprintf(ret, PATH_MAX, "%s/%s", found, name) < PATH_MAX;
}

bool file_is_same(const char *a, const char *b)
{
    char where_a[PATH_MAX], where_b[PATH_MAX];
    if (strcmp(a, b) == 0)
        return true;
    return strcmp(a, "-") != 0 && strcmp(b, "-") != 0 && locate(a, where_a) && locate(b, where_b) &&
           strcmp(where_a, where_b) == 0;
}

int file_check(const char *path, struct weir_error *error)
{
    char target[PATH_MAX], name[PATH_MAX + 8];
    bool replace;
    mode_t mode;
    if (strcmp(path, "-") == 0)
        return 0;
    if (resolve(path, target, &replace, &mode, error) != 0)
        return -1;
    if (!replace)
        return 0;
    int fd = open_beside(target, name, sizeof name);
    if (fd < 0)
        return complain(error, path);
    close(fd);
    unlink(name);
    return 0;
}

static int finish(FILE *file)
{
    int failed = ferror(file) || fflush(file) != 0;
    return fclose(file) != 0 || failed ? -1 : 0;
}

/* A FIFO must have its reader already: to wait for one could take for ever. */
static FILE *open_direct(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0)
        return NULL;
    fcntl(fd, F_SETFL, 0);
    FILE *file = fdopen(fd, "w");
    if (file == NULL)
        close(fd);
    return file;
}

static int write_direct(const char *path, void (*print)(FILE *, void *), void *argument, struct weir_error *error)
{
    FILE *file = open_direct(path);
    if (file == NULL && errno == ENXIO)
        return weir_error_set(error, WEIR_ESYSTEM, "cannot write '%s': nobody reads from it", path), -1;
    if (file == NULL)
        return complain(error, path);
    print(file, argument);
    return finish(file) == 0 ? 0 : complain(error, path);
}

int file_write(const char *path, void (*print)(FILE *file, void *argument), void *argument, struct weir_error *error)
{
    char target[PATH_MAX], name[PATH_MAX + 8];
    bool replace;
    mode_t mode;
    if (strcmp(path, "-") == 0) {
        print(stdout, argument);
        return 0; /* at its end the program tells if stdout took it */
    }
    if (resolve(path, target, &replace, &mode, error) != 0)
        return -1;
    if (!replace)
        return write_direct(target, print, argument, error);
    int fd = open_beside(target, name, sizeof name);
    if (fd < 0)
        return complain(error, path);
    FILE *file = fdopen(fd, "w");
    if (file == NULL) {
        close(fd);
        goto fail;
    }
    print(file, argument);
    if (fflush(file) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        fclose(file);
        goto fail;
    }
    if (finish(file) != 0 || rename(name, target) != 0)
        goto fail;
    return 0;
fail:
    complain(error, path);
    unlink(name);
    return -1;
}

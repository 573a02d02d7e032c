/* SPDX-License-Identifier: MIT
 *
 * Drivers in loadable modules, NAME.so: looked for in WEIR_DRIVER_PATH, then beside the library: `weir/` where it is
 * installed, `plugins/` in a build tree. A module stays loaded: its code may run in any thread.
 */
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"

#define MOST_FOLDERS 64
#define OWN_FOLDERS  2 /* of them */
#define PATH_BYTES   8192
#define OWN_BYTES    1024
#define MOST_MODULES 64

struct folders {
    char text[PATH_BYTES + OWN_FOLDERS * OWN_BYTES]; /* what the paths point into */
    const char *paths[MOST_FOLDERS];
    size_t count;
};

static void add_folder(struct folders *folders, const char *path, size_t most)
{
    if (*path != '\0' && folders->count < most)
        folders->paths[folders->count++] = path;
}

/* `subfolder` beside the file that this code was loaded from. */
static void add_beside_library(struct folders *folders, char *text, const char *subfolder)
{
    Dl_info self;
    if (dladdr((const void *)(uintptr_t)weir_module_load, &self) == 0 || self.dli_fname == NULL)
        return;
    const char *slash = strrchr(self.dli_fname, '/');
    int length = slash != NULL ? (int)(slash - self.dli_fname) : 1;
    snprintf(text, OWN_BYTES, "%.*s/%s", length, slash != NULL ? self.dli_fname : ".", subfolder);
    add_folder(folders, text, MOST_FOLDERS);
}

static void list_folders(struct folders *folders)
{
    folders->count = 0;
    const char *path = secure_getenv("WEIR_DRIVER_PATH");
    snprintf(folders->text, PATH_BYTES, "%s", path != NULL ? path : "");
    char *rest = folders->text;
    while (rest != NULL)
        add_folder(folders, strsep(&rest, ":"), MOST_FOLDERS - OWN_FOLDERS);
    add_beside_library(folders, folders->text + PATH_BYTES, "weir");
    add_beside_library(folders, folders->text + PATH_BYTES + OWN_BYTES, "plugins");
}

/* ---- listing ------------------------------------------------------------------------------------------------- */

static bool holds(const char *const *names, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(names[i], name, length) == 0 && names[i][length] == '\0')
            return true;
    return false;
}

/* A name that a spec can hold and a terminal can show. */
static bool is_plain(const char *name)
{
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && strchr("._+-", *name) == NULL)
            return false;
    return true;
}

static size_t list_folder(const char *path, const char **names, size_t count, size_t capacity)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return count;
    for (struct dirent *entry = readdir(folder); entry != NULL && count < capacity; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name);
        if (length <= 3 || strcmp(entry->d_name + length - 3, ".so") != 0 || !is_plain(entry->d_name))
            continue;
        char *name = holds(names, count, entry->d_name, length - 3) ? NULL : strndup(entry->d_name, length - 3);
        if (name != NULL)
            names[count++] = name;
    }
    closedir(folder);
    return count;
}

size_t weir_module_names(const char **names, size_t count, size_t capacity)
{
    struct folders folders;
    list_folders(&folders);
    for (size_t i = 0; i < folders.count; i++)
        count = list_folder(folders.paths[i], names, count, capacity);
    return count;
}

/* ---- loading ------------------------------------------------------------------------------------------------- */

static struct {
    char *name; /* as asked for */
    const struct weir_driver *driver;
} loaded[MOST_MODULES];
static size_t loaded_count;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

/* dlopen's own words begin with the file that is at fault: the module, or a library that it lacks, which a package
 * brings. `unusable` is the code for what is no driver. */
static const struct weir_driver *open_module(const char *path, const struct weir_packages *packages, int unusable,
                                             struct weir_error *error)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        bool lacks_library = why != NULL && packages->to_run != NULL && strncmp(why, path, strlen(path)) != 0;
        weir_error_set(error, unusable, "%s%s%s", why != NULL ? why : path,
                       lacks_library ? "; install the Debian package " : "", lacks_library ? packages->to_run : "");
        return NULL;
    }
    const struct weir_driver *(*module)(void);
    *(void **)&module = dlsym(library, "weir_driver_module"); /* POSIX's own way to a function */
    const struct weir_driver *driver = module != NULL ? module() : NULL;
    int result =
        driver != NULL
            ? weir_driver_check(driver, error)
            : weir_error_set(error, unusable,
                             "this is no weir driver: it has no function weir_driver_module, or that has none");
    if (result != 0) {
        const struct weir_error why = *error;
        weir_error_set(error, unusable, "%s: %s", path, why.text);
        dlclose(library);
        return NULL;
    }
    return driver;
}

static const struct weir_driver *search(const char *name, const struct weir_packages *packages,
                                        struct weir_error *error)
{
    if (strchr(name, '/') != NULL)
        return open_module(name, packages, WEIR_EUNKNOWN, error); /* the user's own word, so it is wrong */
    struct folders folders;
    char path[4096 + 256];
    list_folders(&folders);
    for (size_t i = 0; i < folders.count; i++) {
        snprintf(path, sizeof path, "%s/%s.so", folders.paths[i], name);
        if (access(path, F_OK) == 0)
            return open_module(path, packages, WEIR_EUNAVAILABLE, error);
    }
    if (packages->command != NULL)
        weir_error_set(error, WEIR_EUNAVAILABLE, "not built: %s installs and builds it", packages->command);
    else if (packages->to_build != NULL)
        weir_error_set(
            error, WEIR_EUNAVAILABLE,
            "the module %s.so is not installed: weir was built without it (install the Debian package %s and "
            "build again), or it lies in a folder that WEIR_DRIVER_PATH must name",
            name, packages->to_build);
    else
        weir_error_set(error, WEIR_EUNAVAILABLE, "the module %s.so is not in the folders of WEIR_DRIVER_PATH", name);
    return NULL;
}

const struct weir_driver *weir_module_load(const char *name, const struct weir_packages *packages,
                                           struct weir_error *error)
{
    const struct weir_driver *driver = NULL;
    pthread_mutex_lock(&loading);
    for (size_t i = 0; i < loaded_count && driver == NULL; i++)
        if (strcmp(loaded[i].name, name) == 0)
            driver = loaded[i].driver;
    if (driver == NULL) {
        driver = search(name, packages, error);
        char *copy = driver != NULL && loaded_count < MOST_MODULES ? strdup(name) : NULL;
        if (copy != NULL) {
            loaded[loaded_count].name = copy;
            loaded[loaded_count++].driver = driver;
        }
    }
    pthread_mutex_unlock(&loading);
    return driver;
}

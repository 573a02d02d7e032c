/* SPDX-License-Identifier: MIT
 *
 * CPU quotas, of cgroup v2 (cpu.max, Documentation/admin-guide/cgroup-v2.rst) and v1 (cpu.cfs_quota_us,
 * Documentation/scheduler/sched-bwc.rst). A group is bound by its own quota and by those of all groups above it. Where
 * the groups are mounted stands in mountinfo (proc(5)); a container may see only a part of the tree, and what lies
 * above that part cannot be known.
 */
#include "quota.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "files.h"

enum version { VERSION_1, VERSION_2 };

/* Whether a list such as "rw,cpu,cpuacct" has the word. */
static bool list_holds(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && strchr(",\n", at[length]) != NULL)
            return true;
    }
    return false;
}

/* ID PARENT DEV ROOT POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS */
static bool find_mount(enum version version, const char *root, char ret_root[PATH_MAX], char ret_point[PATH_MAX])
{
    char line[3 * PATH_MAX], type[32], options[256];
    bool found = false;
    FILE *file = open_below(root, "/proc/self/mountinfo");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *rest = strstr(line, " - ");
        if (rest == NULL || sscanf(rest, " - %31s %*s %255s", type, options) != 2 ||
            sscanf(line, "%*s %*s %*s %4095s %4095s", ret_root, ret_point) != 2)
            continue;
        found = version == VERSION_2 ? strcmp(type, "cgroup2") == 0
                                     : strcmp(type, "cgroup") == 0 && list_holds(options, "cpu");
    }
    if (file != NULL)
        fclose(file);
    return found;
}

/* The quota of one group, in CPUs; INFINITY where it sets none. */
static double read_group(enum version version, const char *root, const char *group)
{
    char line[64];
    double quota, period = 0;
    if (version == VERSION_2)
        return read_line_below(line, sizeof line, root, "%s/cpu.max", group) &&
                       sscanf(line, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0
                   ? quota / period
                   : INFINITY; /* "max PERIOD" */
    if (!read_line_below(line, sizeof line, root, "%s/cpu.cfs_quota_us", group) || sscanf(line, "%lf", &quota) != 1 ||
        quota <= 0 || !read_line_below(line, sizeof line, root, "%s/cpu.cfs_period_us", group) ||
        sscanf(line, "%lf", &period) != 1 || period <= 0)
        return INFINITY;
    return quota / period;
}

/* Goes up from the group at `path` to where its tree is mounted. False: it is not to be seen from here. */
static bool read_tree(struct quota *quota, enum version version, const char *root, const char *path)
{
    char mount_root[PATH_MAX], point[PATH_MAX], group[2 * PATH_MAX];
    if (!find_mount(version, root, mount_root, point))
        return false;
    size_t skip = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
    if (strncmp(path, mount_root, skip) != 0 || (skip > 0 && path[skip] != '/' && path[skip] != '\0') ||
        strstr(path, "/..") != NULL)
        return false;
    snprintf(group, sizeof group, "%s%s", point, strcmp(path + skip, "/") == 0 ? "" : path + skip);
    if (!is_below(root, group))
        return false;
    for (size_t top = strlen(point); strlen(group) >= top; *strrchr(group, '/') = '\0') {
        double cpus = read_group(version, root, group);
        if (cpus < quota->cpus) {
            quota->cpus = cpus;
            snprintf(quota->file, sizeof quota->file, "%.200s/%s", group,
                     version == VERSION_2 ? "cpu.max" : "cpu.cfs_quota_us");
        }
        if (strlen(group) == top)
            break;
    }
    return true;
}

void quota_read(struct quota *ret, const char *root)
{
    char line[PATH_MAX + 256], controllers[256];
    struct quota quota = {.cpus = INFINITY};
    bool seen = false, blind = false;
    FILE *file = open_below(root, "/proc/self/cgroup");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *first = strchr(line, ':'), *second = first != NULL ? strchr(first + 1, ':') : NULL;
        if (second == NULL)
            continue;
        snprintf(controllers, sizeof controllers, "%.*s", (int)(second - first - 1), first + 1);
        bool unified = strncmp(line, "0::", 3) == 0;
        if (!unified && !list_holds(controllers, "cpu"))
            continue;
        if (read_tree(&quota, unified ? VERSION_2 : VERSION_1, root, second + 1))
            seen = true;
        else
            blind = true;
    }
    if (file != NULL)
        fclose(file);
    if (isinf(quota.cpus) && (blind || !seen))
        quota.cpus = NAN;
    *ret = quota;
}

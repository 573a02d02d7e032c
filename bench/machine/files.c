/* SPDX-License-Identifier: MIT
 *
 * The kernel's small files.
 */
#include "files.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

static FILE *open_listed(const char *root, const char *format, va_list arguments)
{
    char path[PATH_MAX];
    int used = snprintf(path, sizeof path, "%s", root);
    if (used < 0 || (size_t)used >= sizeof path)
        return NULL;
    int more = vsnprintf(path + used, sizeof path - (size_t)used, format, arguments);
    if (more < 0 || (size_t)more >= sizeof path - (size_t)used)
        return NULL;
    return fopen(path, "re");
}

FILE *open_below(const char *root, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    FILE *file = open_listed(root, format, arguments);
    va_end(arguments);
    return file;
}

bool read_line_below(char *ret, size_t capacity, const char *root, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    FILE *file = open_listed(root, format, arguments);
    va_end(arguments);
    if (file == NULL)
        return false;
    bool got = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    if (!got)
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0')
        return false;
    snprintf(ret, capacity, "%s", line);
    return true;
}

bool is_below(const char *root, const char *path)
{
    FILE *file = open_below(root, "%s", path);
    if (file != NULL)
        fclose(file);
    return file != NULL;
}

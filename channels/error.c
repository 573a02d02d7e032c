/* SPDX-License-Identifier: MIT
 *
 * Errors in words, the clock, and the version: the small things that every file needs.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core.h"

const char *weir_strerror(int code)
{
    switch (code) {
    case WEIR_OK:
        return "success";
#define SENTENCE(name, number, sentence)                                                                               \
    case number:                                                                                                       \
        return sentence;
        WEIR_ERROR_LIST(SENTENCE)
#undef SENTENCE
    default:
        return "unknown error";
    }
}

const char *weir_version(void)
{
    return WEIR_VERSION;
}

int64_t weir_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock exists and the pointer is good */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int weir_error_set(struct weir_error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        error->code = code;
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        for (char *at = error->text; *at != '\0'; at++) /* words of the user may hold anything */
            if (iscntrl((unsigned char)*at))
                *at = '?';
    }
    return code;
}

static const char *remedy(int number)
{
    switch (number) {
    case EMFILE:
        return " (no descriptors left: raise `ulimit -n`)";
    case ENFILE:
        return " (no descriptors left on this machine: raise fs.file-max)";
    case ENOSPC:
        return " (the file system is full)";
    case EFBIG:
        return " (raise `ulimit -f`)";
    default:
        return "";
    }
}

int weir_error_errno(struct weir_error *error, const char *what)
{
    int number = errno;
    return weir_error_set(error, number == ENOMEM ? WEIR_ENOMEM : WEIR_ESYSTEM, "%s: %s%s", what, strerror(number),
                          remedy(number));
}

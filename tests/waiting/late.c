/* SPDX-License-Identifier: MIT
 *
 * Workers and verdicts of the tests of lost wake-ups.
 */
#include "late.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* _Exit: the workers die with their parent. */
_Noreturn void late_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _Exit(1);
}

_Noreturn void late_refuse(const char *what, int result, const struct weir_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error != NULL ? error->text : weir_strerror(result));
    _Exit(result == WEIR_EUNAVAILABLE || result == WEIR_EUNKNOWN ? 77 : 1);
}

struct weir_worker *late_start(enum weir_worker_kind kind, weir_worker_body body, void *argument)
{
    struct weir_worker *worker;
    struct weir_error error;
    struct weir_worker_config config = {.kind = kind, .cpu = -1, .name = "late", .body = body, .argument = argument};
    int result = weir_worker_start(&worker, &config, &error);
    if (result != 0)
        late_refuse("a worker", result, &error);
    return worker;
}

void late_join(struct weir_worker *worker, const char *what)
{
    struct weir_worker_end end;
    if (weir_worker_join(worker, weir_now_ns() + LATE_NS, &end) != 0)
        late_fail("%s is late: a wake-up was lost", what);
    weir_worker_destroy(worker);
}

void late_nap(int64_t nanoseconds)
{
    nanosleep(&(struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}, NULL);
}

void *late_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        late_fail("no memory");
    return memory;
}

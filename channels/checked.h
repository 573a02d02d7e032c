/* SPDX-License-Identifier: MIT
 *
 * Checks of what must hold at every step, for the stress tests: a build with -Dchecked=true ends with a sentence where
 * one is broken. In every other build they cost nothing, and the library prints nothing.
 */
#ifndef WEIR_CHECKED_H
#define WEIR_CHECKED_H

#if WEIR_CHECKED
#include <stdio.h>
#include <stdlib.h>

static inline void weir_check(int holds, const char *file, int line, const char *condition, const char *what)
{
    if (__builtin_expect(holds, 1))
        return;
    fprintf(stderr, "%s:%d: not so: %s (%s)\n", file, line, what, condition);
    abort();
}

#define WEIR_CHECK(condition, what) weir_check(!!(condition), __FILE__, __LINE__, #condition, (what))
#else
#define WEIR_CHECK(condition, what) ((void)sizeof((condition) ? 1 : 0)) /* seen by the compiler, never evaluated */
#endif

#endif

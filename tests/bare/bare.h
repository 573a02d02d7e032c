/* SPDX-License-Identifier: MIT
 *
 * What the bare programs share: the command line, the two workers of an epoch on their CPUs, the clock, and the line of
 * JSON with the median of the epochs. A program brings only the loops that are timed. Nothing of weir is in them but
 * the pattern of the bodies (proto/body.h), so that every byte is written and checked as weir does it.
 */
#ifndef WEIR_TESTS_BARE_H
#define WEIR_TESTS_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* compound literals */
#include "proto/body.h"
#pragma GCC diagnostic pop
#else
#include "proto/body.h"
#endif

struct bare_work;

/* What was asked for. */
struct bare {
    const char *kind;  /* one of the program's */
    const char *style; /* one of the program's, or NULL if it has none */
    const char *wait;  /* likewise */
    size_t size;       /* bytes of a message */
    size_t depth;      /* messages that fit between the ends */
    bool is_processes; /* the two workers; else they are threads */
    bool is_pingpong;  /* else a stream */
    bool has_one_worker;
};

/* Half of an epoch's work, for the messages numbered `from` to `to`; the second half of it has one too, unless the
 * program needs one worker only. Whatever goes wrong ends the program (bare_fail). */
typedef void bare_half(struct bare_work *work, uint64_t from, uint64_t to);

/* One epoch's. */
struct bare_work {
    const struct bare *how;
    bare_half *halves[2];                            /* the producer's or asker's, and the other's */
    void (*enter)(struct bare_work *work, int half); /* in the worker, before the clock; NULL: nothing to do */
    void (*leave)(struct bare_work *work, int half); /* likewise, after it */
    void (*destroy)(struct bare_work *work);
};

struct bare_program {
    const char *name;
    const char *summary;
    const char *const *kinds, *const *styles, *const *waits; /* ended by NULL, the first is the default; or NULL */
    bool can_threads, can_processes, can_pingpong;           /* none of the first two: one worker does all */
    struct bare_work *(*create)(const struct bare *how);     /* before the workers start; NULL: not such a size */
};

int bare_main(const struct bare_program *program, int argc, char **argv);

/* Ends the program, also if only a worker calls it, with what failed and the reason of errno if there is one. */
__attribute__((noreturn)) void bare_fail(const char *what);

/* Zeroed memory on pages of its own that forked workers share; munmap gives it back. */
void *bare_shared_alloc(size_t bytes);

/* ---- messages ------------------------------------------------------------------------------------------------ */

/* From it every byte of a message is drawn; a bijection, so that no two messages of a run are the same. */
static inline uint64_t bare_base(uint64_t sequence)
{
    uint64_t base = (sequence + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return base ^ base >> 32;
}

static inline void bare_fill(void *message, size_t size, uint64_t sequence)
{
    body_fill((unsigned char *)message, size, bare_base(sequence));
}

static inline void bare_check(const void *message, size_t size, uint64_t sequence)
{
    if (__builtin_expect(body_differs((const unsigned char *)message, size, bare_base(sequence)) != 0, 0))
        bare_fail("a message was lost or damaged");
}

#ifdef __cplusplus
}
#endif

#endif

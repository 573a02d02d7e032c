/* SPDX-License-Identifier: MIT
 *
 * What the tests of lost wake-ups share. They are linked with a library whose sleeps are so long that a sleeper whom
 * nobody woke is late by far more than any busy machine can make it: so no time needs to be judged closely.
 */
#ifndef WEIR_LATE_H
#define WEIR_LATE_H

#include <weir/weir.h>

#define LATE_NS  INT64_C(4000000000)  /* a wake-up has been lost; the sleeps take 10 and 20 s (meson.build) */
#define AFTER_NS INT64_C(30000000000) /* nobody waits longer */

/* Exits with the test's verdict if a call has failed: skipped where the machine lacks the mechanism. */
_Noreturn void late_refuse(const char *what, int result, const struct weir_error *error);

_Noreturn void late_fail(const char *format, ...) WEIR_PRINTF(1, 2);

/* A worker that runs until `body` returns; ends the test if it cannot be had. */
struct weir_worker *late_start(enum weir_worker_kind kind, weir_worker_body body, void *argument);

/* Waits for a worker, which must not take long. */
void late_join(struct weir_worker *worker, const char *what);

void late_nap(int64_t nanoseconds);

/* Zeroed memory that processes forked later see too. */
void *late_shared(size_t bytes);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The runner: a process of its own for each epoch. It makes the channels, starts the workers (processes before
 * threads), watches them and passes their reports on. A thread worker that crashes takes the runner along and not the
 * program; a hung one is killed with it.
 */
#ifndef WEIR_BENCH_RUNNER_H
#define WEIR_BENCH_RUNNER_H

#include "roles.h"

/* Nothing has moved for so long: the channels are shut down, and who does not come home then is killed. */
#define SILENCE_NS INT64_C(3000000000)

/* Long messages are given time to be filled and checked: 10 ns a byte more. */
static inline int64_t silence_ns(const struct setup *setup)
{
    return SILENCE_NS + 10 * (int64_t)setup->size;
}

#define GRACE_NS INT64_C(1000000000)

/* A weir_worker_body over a struct epoch, whose channels it fills in. Writes a report of each worker that sent one.
 * What went wrong stands in the stage. */
int run_workers(void *epoch, int report_fd);

/* Whether the process has been stopped by a signal (SIGSTOP, or a debugger's). */
bool is_stopped(pid_t pid);

#endif

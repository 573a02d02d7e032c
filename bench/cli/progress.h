/* SPDX-License-Identifier: MIT
 *
 * The progress line: on stderr, on a terminal, between epochs only.
 */
#ifndef WEIR_BENCH_PROGRESS_H
#define WEIR_BENCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool on;
    bool drawn;
    int64_t shown_ns; /* when last drawn */
};

/* Draws "what: done of total" in place of the line before, ten times a second at most. */
void progress_show(struct progress *progress, const char *what, uint64_t done, uint64_t total);

/* Removes the line. */
void progress_clear(struct progress *progress);

#endif

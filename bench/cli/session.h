/* SPDX-License-Identifier: MIT
 *
 * What every subcommand that measures cells does round the measuring: look at the machine, heed signals, keep the
 * schedule, and end with the status that tells how it went.
 */
#ifndef WEIR_BENCH_SESSION_H
#define WEIR_BENCH_SESSION_H

#include "output.h"
#include "render/render.h"
#include "schedule.h"

struct session {
    struct environment environment;
    struct checks checks;
    struct result result; /* points to the two above */
};

/* The time in UTC, as ISO 8601. */
void session_stamp(char *ret, size_t capacity);

/* Exits with 2 if two cells are the same; `where` begins the complaint: "", or "FILE:LINE: ". */
void session_check_twice(const struct cells *cells, const char *where);

/* Measures the cells and fills in the result, whose `axes` are as given. 0, or the exit status after the reason was
 * told. The session is to be ended in either case, and must not be moved until then. */
int session_measure(struct session *session, struct cells *cells, const struct axes *axes,
                    const struct schedule_options *schedule, const struct output_options *output);
void session_end(struct session *session);

/* Writes the result in each format that was asked for. The exit status: interrupted, 1 if a cell failed, nothing was
 * measured or the result could not be written, 0. */
int session_write(struct session *session, const struct output_options *output, const struct output_formats *formats);

#endif

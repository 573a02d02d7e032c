/* SPDX-License-Identifier: MIT
 *
 * The machine and what is wrong with it, for people.
 */
#ifndef WEIR_BENCH_RENDER_MACHINE_H
#define WEIR_BENCH_RENDER_MACHINE_H

#include <stdio.h>

#include "machine/checks.h"

/* The machine in one sentence. */
void render_machine(FILE *file, const struct environment *environment);

/* The gravest warnings, a line or two each, and how many more there are. Those that `said` has too are left out; it may
 * be NULL. */
void render_warnings(FILE *file, const struct checks *checks, const struct checks *said);

#endif

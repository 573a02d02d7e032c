/* SPDX-License-Identifier: MIT
 *
 * What about a machine makes figures less certain, and what to do about it: one judgement for each check, in the order
 * of how much it can spoil.
 */
#ifndef WEIR_BENCH_CHECKS_H
#define WEIR_BENCH_CHECKS_H

#include "environment.h"

/* So many letters of text fit into a line of 80 beside the id and the state. */
#define CHECK_TEXT 56

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_NA };

struct check {
    const char *id;
    enum check_state state;
    char text[160]; /* what was found, short (CHECK_TEXT); of CHECK_NA: why nothing was */
    char fix[320];  /* of CHECK_WARNING: the remedy, to be typed where that is possible; else "" */
};

#define CHECK_COUNT 15

struct checks {
    struct check items[CHECK_COUNT];
};

/* Judges the facts. Those that environment_sample finds are n/a until then. */
void checks_make(struct checks *ret, const struct environment *environment);

size_t checks_warnings(const struct checks *checks);

/* "ok", "warning", "n/a" */
const char *check_state_name(enum check_state state);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The options that say what to measure, each a list, and the channels among the arguments; both fill in a struct axes.
 */
#ifndef WEIR_BENCH_AXES_H
#define WEIR_BENCH_AXES_H

#include "measure/cell.h"
#include "specs.h"
#include "syntax.h"

extern const struct option_group axes_group;

/* Takes all arguments; each is a spec, checked by spec_check, and none may come twice. */
extern const struct option_group channels_group;

/* What an axis is that has no value yet: `key` is that of its option, or ARGP_KEY_ARG for one more channel. */
void axes_default(struct axes *axes, int key, const char *text);

/* What `weir run` takes for all axes that have no value yet. 0, or -1 with a sentence if what was given contradicts
 * itself. */
int axes_defaults(struct axes *axes, struct weir_error *error);

/* Copies the values of `from`, its channels excepted, to each axis that has none yet. Exits with 2 without memory. */
void axes_inherit(struct axes *axes, const struct axes *from);

void axes_free(struct axes *axes);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The two sides of a comparison: each word of the command line is a channel with options of its own
 * ("shm --wait spin"), or the name of a saved result.
 */
#ifndef WEIR_BENCH_SIDES_H
#define WEIR_BENCH_SIDES_H

#include <stdbool.h>

#include "axes.h"

struct sides {
    const char *words[2]; /* A and B, as typed */
    size_t count;
};

/* Takes two arguments into a struct sides. */
extern const struct option_group sides_group;

/* Whether the words are saved results, as opposed to channels. Exits with 2 unless there are two, and of one kind. */
bool sides_are_files(const struct sides *sides);

/* The axes of one side: its own options, then what was given `outside` for both, then the defaults: those of
 * `weir run`, but between processes only. Exits with 2 for bad words. */
void side_parse(struct axes *ret, const char *word, const struct axes *outside);

#endif

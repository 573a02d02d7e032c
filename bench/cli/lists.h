/* SPDX-License-Identifier: MIT
 *
 * The words of the command line as values: sizes with suffixes and ranges, workers, durations, and names from lists.
 * Whatever is wrong is said in one line that names the bad word and the allowed ones.
 */
#ifndef WEIR_BENCH_LISTS_H
#define WEIR_BENCH_LISTS_H

#include "measure/cell.h"

/* A kind of list: how one of its words becomes values. */
struct list_kind {
    const char *what;                                                                       /* its name, in messages */
    int (*parse)(const char *word, void **values, size_t *count, struct weir_error *error); /* may append several */
    const char *const *words; /* the words that may stand in it, NULL-ended; NULL: too many to tell */
};

/* Of the members of struct axes. */
extern const struct list_kind pairing_list, size_list, workers_list, pattern_list, depth_list, codec_list, wait_list,
    batch_list, access_list, pin_list, rate_list;

/* Appends the values of one comma-separated text to a growing array (*values, *count), which free() frees. 0, or -1
 * with a sentence in `error`. */
int parse_list(const struct list_kind *kind, const char *text, void **values, size_t *count, struct weir_error *error);

/* "10s", "500ms", "2m" in nanoseconds. */
int parse_duration(const char *text, int64_t *ret_ns, struct weir_error *error);

/* "2%", "0.5%" as a fraction, from 0.01 % to 50 %; `what` names it in the error. */
int parse_percentage(const char *what, const char *text, double *ret, struct weir_error *error);

/* A whole number from `least` to `most`; `what` names it in the error. */
int parse_count(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *ret,
                struct weir_error *error);

/* The index of `word` in a NULL-ended list, or -1 with "unknown WHAT 'word'; allowed: ...; did you mean '...'?" */
int find_word(const char *what, const char *word, const char *const *words, struct weir_error *error);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The words of the command line as values: sizes with suffixes and ranges, workers, durations, and names from lists.
 * Whatever is wrong is said in one line that names the bad word and the allowed ones.
 */
#ifndef WEIR_BENCH_LISTS_H
#define WEIR_BENCH_LISTS_H

#include "measure/cell.h"

/* Each appends the values of one comma-separated text to a growing array (*values, *count). 0, or -1 with a sentence in
 * `error`. */
int parse_sizes(const char *text, size_t **values, size_t *count, struct weir_error *error);
int parse_depths(const char *text, size_t **values, size_t *count, struct weir_error *error);
int parse_batches(const char *text, uint32_t **values, size_t *count, struct weir_error *error);
int parse_workers(const char *text, struct workers **values, size_t *count, struct weir_error *error);
int parse_pairings(const char *text, struct pairing **values, size_t *count, struct weir_error *error);
int parse_patterns(const char *text, enum pattern **values, size_t *count, struct weir_error *error);
int parse_codecs(const char *text, enum codec **values, size_t *count, struct weir_error *error);
int parse_waits(const char *text, enum weir_wait **values, size_t *count, struct weir_error *error);
int parse_pins(const char *text, const char ***values, size_t *count, struct weir_error *error);

/* "10s", "500ms", "2m" in nanoseconds. */
int parse_duration(const char *text, int64_t *ret_ns, struct weir_error *error);

/* A whole number from `least` to `most`; `what` names it in the error. */
int parse_count(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *ret,
                struct weir_error *error);

/* The index of `word` in a NULL-ended list, or -1 with "unknown WHAT 'word'; allowed: ...; did you mean '...'?" */
int find_word(const char *what, const char *word, const char *const *words, struct weir_error *error);

/* The word of a NULL-ended list that looks most like `word`, or NULL if none does. */
const char *nearest_word(const char *word, const char *const *words);

#endif

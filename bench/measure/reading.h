/* SPDX-License-Identifier: MIT
 *
 * Values out of JSON that others wrote: each with its type and range, or a sentence that says which one is wrong.
 */
#ifndef WEIR_BENCH_READING_H
#define WEIR_BENCH_READING_H

#include <jansson.h>
#include <stddef.h>

#include <weir/weir.h>

struct reading {
    const char *path; /* of the file, for the sentence */
    char place[64];   /* of the object in it: "", "env", "cells[3]" */
    struct weir_error *error;
};

/* All return 0, or -1 with "'PATH': PLACE.KEY is ..." in the error; what they fill in stays as it was then. */
int reading_wrong(const struct reading *reading, const char *key, const char *is);

/* The object or array there; `place` of what is read from it is set by hand. */
int read_object(const struct reading *reading, const json_t *object, const char *key, json_t **ret);
int read_array(const struct reading *reading, const json_t *object, const char *key, size_t most, json_t **ret);

/* One to `most` bytes without control characters; lives as long as the object. */
int read_text(const struct reading *reading, const json_t *object, const char *key, size_t most, const char **ret);

/* A finite number, or NaN for null where that is allowed. */
int read_number(const struct reading *reading, const json_t *object, const char *key, double least, double most,
                double *ret);
int read_number_or_null(const struct reading *reading, const json_t *object, const char *key, double least, double most,
                        double *ret);
int read_whole(const struct reading *reading, const json_t *object, const char *key, json_int_t least, json_int_t most,
               json_int_t *ret);

/* One of the `count` names that `name_of` gives for 0, 1, …; its number. */
int read_name(const struct reading *reading, const json_t *object, const char *key, const char *(*name_of)(size_t),
              size_t count, size_t *ret);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Reading the kernel's small files, below a folder that tests put in the place of "/".
 */
#ifndef WEIR_BENCH_FILES_H
#define WEIR_BENCH_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Opens ROOT + the path for reading; NULL: not there. */
FILE *open_below(const char *root, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads the first line of ROOT + the path, without its end. False: not there, or empty. */
bool read_line_below(char *ret, size_t capacity, const char *root, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether ROOT + the path can be opened; a folder can. */
bool is_below(const char *root, const char *path);

#endif

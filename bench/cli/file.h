/* SPDX-License-Identifier: MIT
 *
 * Result files: whole or not at all. A file is written beside its place and renamed into it when it is complete; what
 * is not a regular file (a device, a pipe) is written to directly.
 */
#ifndef WEIR_BENCH_FILE_H
#define WEIR_BENCH_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include <weir/weir.h>

/* Whether the file could be written, asked before anything is measured. "-" always can. 0 or -1 with the reason. */
int file_check(const char *path, struct weir_error *error);

/* Whether both name one file, also one that is yet to be. */
bool file_is_same(const char *a, const char *b);

/* Writes the file by calling `print`; "-" is stdout, which is not flushed. 0 or -1 with the reason. */
int file_write(const char *path, void (*print)(FILE *file, void *argument), void *argument, struct weir_error *error);

#endif

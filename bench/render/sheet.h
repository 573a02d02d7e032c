/* SPDX-License-Identifier: MIT
 *
 * Rows and columns of texts, printed for a terminal, as Markdown, or as CSV.
 */
#ifndef WEIR_BENCH_SHEET_H
#define WEIR_BENCH_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct sheet {
    size_t rows, columns;
    const char *const *heads;
    const bool *right; /* columns of figures, which stand to the right; NULL: none */
    const char *(*text)(const void *data, size_t row, size_t column);
    const char *(*color)(const void *data, size_t row); /* a name such as "red", or NULL; may itself be NULL */
    const void *data;
};

void sheet_print(FILE *file, const struct sheet *sheet, bool color);
void sheet_print_markdown(FILE *file, const struct sheet *sheet);
void sheet_print_csv(FILE *file, const struct sheet *sheet);

/* One field of CSV, quoted where it must be (RFC 4180). */
void csv_text(FILE *file, const char *text);

/* A comma, and one field more: the number, or nothing where it is not known. */
void csv_number(FILE *file, double number);

#endif

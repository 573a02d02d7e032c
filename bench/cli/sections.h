/* SPDX-License-Identifier: MIT
 *
 * Sections of settings, read from and written as an INI file:
 *
 *     # a comment
 *     [title]
 *     name = text        ; a comment
 *
 * A name may come several times in a section. What names and texts mean is the caller's matter.
 */
#ifndef WEIR_BENCH_SECTIONS_H
#define WEIR_BENCH_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <weir/weir.h>

struct setting {
    char *name, *text;
    int line; /* of its file, from 1; 0: of none */
};

struct section {
    char *title;
    int line;
    struct setting *settings;
    size_t count;
};

struct sections {
    struct section *items;
    size_t count;
};

/* Both append, with copies of the strings. 0 or -1 (memory). */
int sections_add(struct sections *sections, const char *title, int line);
int section_set(struct section *section, const char *name, const char *text, int line);

bool section_has(const struct section *section, const char *name);

/* Reads a file, or stdin for "-", which must have at least one section, each with a title of its own. 0, or -1 with a
 * sentence that begins with file and line. */
int sections_read(struct sections *ret, const char *path, struct weir_error *error);

/* 0, or -1 with a sentence, and nothing printed, if a text cannot stand in such a file. */
int sections_print(FILE *file, const struct sections *sections, struct weir_error *error);

void sections_free(struct sections *sections);

/* The longest line that can surely be read back. */
#define SECTIONS_MOST_LETTERS 190

#endif

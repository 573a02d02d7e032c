/* SPDX-License-Identifier: MIT
 *
 * Asking the student, and remembering what was learnt, if that is wanted.
 */
#ifndef WEIR_BENCH_DIALOGUE_H
#define WEIR_BENCH_DIALOGUE_H

#include <stdbool.h>

#include "page.h"

/* Whether there is somebody to ask: both ends of a terminal. */
bool dialogue_is_possible(void);

/* Asks on stdout for a guess until a choice's word, or its beginning, or nothing is typed. *ret_word: the choice's
 * word, or NULL. 0, or 1 if the user wants to stop. */
int dialogue_ask(const struct lesson *lesson, int interrupt_fd, const char **ret_word);

/* The history is the file that the variable WEIR_LESSONS names; without it there is none. */
bool history_holds(const char *lesson);

/* Adds a line. 0, or -1 after the reason was told on stderr. */
int history_add(const struct page *page);

#endif

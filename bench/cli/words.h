/* SPDX-License-Identifier: MIT
 *
 * Bad words on the command line.
 */
#ifndef WEIR_BENCH_WORDS_H
#define WEIR_BENCH_WORDS_H

#include <argp.h>

/* Looks through the words of a command line for what argp would complain about in several lines, against the command's
 * table, and says it in one: usage_error. */
void check_words(const struct argp_option *options, int argc, char **argv);

/* Prints "weir: MESSAGE" and exits with 2. */
void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif

/* SPDX-License-Identifier: MIT
 *
 * The subcommands: one file each, one line each in the table of main.c.
 */
#ifndef WEIR_BENCH_COMMANDS_H
#define WEIR_BENCH_COMMANDS_H

#include "cli/syntax.h"

/* Each takes its own arguments (argv[0] is the name shown in messages) and returns the exit status. */
int command_run(int argc, char **argv);
int command_list(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_limits(int argc, char **argv);
int command_lesson(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_completion(int argc, char **argv);

/* What each understands; that of `run` is in cli/job.h. */
extern const struct syntax list_syntax, compare_syntax, limits_syntax, lesson_syntax, doctor_syntax, completion_syntax;

struct command {
    const char *name, *help;
    const struct syntax *syntax;
    int (*run)(int argc, char **argv);
    const char *shown; /* its name in messages */
};

/* The i-th of them; NULL past the last. */
const struct command *command_at(size_t i);

/* NULL-ended. */
const char *const *command_names(void);

#endif

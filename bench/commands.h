/* SPDX-License-Identifier: MIT
 *
 * The subcommands: one file each, one line each in the table of main.c.
 */
#ifndef WEIR_BENCH_COMMANDS_H
#define WEIR_BENCH_COMMANDS_H

/* Each takes its own arguments (argv[0] is the name shown in messages) and returns the exit status. */
int command_run(int argc, char **argv);
int command_list(int argc, char **argv);

#endif

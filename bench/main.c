/* SPDX-License-Identifier: MIT
 *
 * The weir program: which subcommand, and the help that lists them.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

#include "commands.h"
#include "cli/job.h"

static const struct command commands[] = {
    {"run", "measure what a message costs (the default)", &run_syntax, command_run, "weir run"},
    {"limits", "what this machine allows at best", &limits_syntax, command_limits, "weir limits"},
    {"list", "channels, their options, and why one is missing", &list_syntax, command_list, "weir list"},
    {"compare", "is B faster than A? Channels or saved results", &compare_syntax, command_compare, "weir compare"},
    {"lesson", "what is true of threads and processes here", &lesson_syntax, command_lesson, "weir lesson"},
    {"doctor", "what makes figures less certain here; remedies", &doctor_syntax, command_doctor, "weir doctor"},
    {"completion", "a script that completes these words in a shell", &completion_syntax, command_completion,
     "weir completion"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

const struct command *command_at(size_t i)
{
    return i < COMMANDS ? &commands[i] : NULL;
}

const char *const *command_names(void)
{
    static const char *names[COMMANDS + 1];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    return names;
}

static int help(void)
{
    printf("Usage: weir [COMMAND] [ARGUMENT...] [OPTION...]\n\n"
           "Measure what a message costs between threads and between processes.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %-14s %s\n", commands[i].name, commands[i].syntax->arguments, commands[i].help);
    printf("\nWithout arguments: a ten-second tour of mutex, pipe, unix, shm and zmq in all\nfour pairings.\n"
           "`weir COMMAND --help` explains a command; `weir --version` tells the version.\n");
    return 0;
}

/* Results that nobody got are an error, also when it shows only now; and so is help, after which argp exits. */
static void check_stdout(int status, void *unused)
{
    (void)unused;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fprintf(stderr, "weir: cannot write to stdout: %s\n", strerror(errno));
    _exit(status != 0 ? status : 1);
}

/* A program that was started without stdin, stdout or stderr must not get a channel's descriptor in their place. What
 * takes it cannot be written to, so that results which nobody gets are still an error. */
static void open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    on_exit(check_stdout, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes (ulimit -f) is then an error that can be told */
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* figures look the same everywhere */
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "-h") == 0)
            argv[i] = (char *)(uintptr_t) "--help"; /* argp has only -? */
    const char *word = argc > 1 ? argv[1] : "run";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return help();
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("weir %s\n", weir_version());
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (argc > 1 && strcmp(word, commands[i].name) == 0) {
            argv[1] = (char *)(uintptr_t)commands[i].shown;
            return commands[i].run(argc - 1, argv + 1);
        }
    return command_run(argc, argv);
}

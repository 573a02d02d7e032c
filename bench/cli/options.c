/* SPDX-License-Identifier: MIT
 *
 * The options of `weir run`: those of the groups, and its own.
 */
#include "options.h"

#include "words.h"

enum { KEY_DRY_RUN = KEY_OWN };

static const struct argp_option table[] = {
    {"dry-run", KEY_DRY_RUN, 0, 0, "list the cells and stop", 0},
    {0, 0, 0, 0, 0, 0},
};

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct options *options = values;
    (void)text;
    (void)error;
    if (key != KEY_DRY_RUN)
        return NOT_MINE;
    options->dry_run = true;
    return TAKEN;
}

static const struct option_group own_group = {table, take, NULL};

static const char doc[] =
    "Measure what a message costs through each CHANNEL, a spec such as shm, unix,type=stream or zmq,transport=ipc.\v"
    "Without CHANNEL: mutex pipe unix shm zmq. `weir list` shows all drivers and their options.\n\n"
    "Exit status: 0 ok, 1 a cell failed, 2 bad usage, 130 interrupted (143 by SIGTERM, 129 by SIGHUP); what was "
    "measured until then is printed.";

const struct syntax run_syntax = {
    "[CHANNEL...]",
    doc,
    {&channels_group, &axes_group, &schedule_group, &output_group, &own_group},
};

void options_parse(struct options *ret, const char *const *alternatives, int argc, char **argv)
{
    struct weir_error error;
    void *const values[] = {&ret->axes, &ret->axes, &ret->schedule, &ret->output, ret};
    *ret = (struct options){0};
    syntax_parse(&run_syntax, values, alternatives, argc, argv);
    axes_defaults(&ret->axes);
    if (schedule_check(&ret->schedule, &error) != 0 || output_check(&ret->output, &error) != 0)
        usage_error("%s", error.text);
}

void options_free(struct options *options)
{
    axes_free(&options->axes);
}

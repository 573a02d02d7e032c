/* SPDX-License-Identifier: MIT
 *
 * The options of one run, as values that are checked as far as that can be done before anything is started.
 */
#ifndef WEIR_BENCH_OPTIONS_H
#define WEIR_BENCH_OPTIONS_H

#include "axes.h"
#include "output.h"
#include "schedule.h"

struct options {
    struct axes axes;
    struct schedule_options schedule;
    struct output_options output;
};

/* The groups that fill them in; options_values makes the values for syntax_parse and syntax_take. */
#define OPTIONS_GROUPS      &channels_group, &axes_group, &schedule_group, &output_group
#define OPTIONS_VALUES(own) &(own)->axes, &(own)->axes, &(own)->schedule, &(own)->output

/* The name of an option as it is typed and kept in job files, or that of a channel among them. */
#define CHANNEL_NAME "channel"

/* The option of that name; NULL if there is none, or for CHANNEL_NAME. */
const struct argp_option *options_find(const char *name);

/* Sets an option by its name; one that takes no value wants "yes" or "no". `text` must live as long as the options. 0,
 * or -1 with a sentence. */
int options_set(struct options *options, const char *name, const char *text, struct weir_error *error);

/* Fills in what was not set, and checks whether all goes together. 0, or -1 with a sentence. */
int options_finish(struct options *options, struct weir_error *error);

void options_free(struct options *options);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Options by their names.
 */
#include "options.h"

#include <string.h>

#include "lists.h"

#define MOST_NAMES 60

static const struct syntax syntax = {NULL, NULL, {OPTIONS_GROUPS}};

const struct argp_option *options_find(const char *name)
{
    const struct argp_option *option = NULL;
    for (size_t i = 0; (option = syntax_option(&syntax, i, NULL)) != NULL; i++)
        if (strcmp(option->name, name) == 0)
            break;
    return option;
}

static int unknown_name(const char *name, struct weir_error *error)
{
    const char *names[MOST_NAMES + 2] = {CHANNEL_NAME};
    const struct argp_option *option;
    for (size_t i = 0; i < MOST_NAMES && (option = syntax_option(&syntax, i, NULL)) != NULL; i++)
        names[i + 1] = option->name;
    return find_word("key", name, names, error);
}

int options_set(struct options *options, const char *name, const char *text, struct weir_error *error)
{
    static const char *const answers[] = {"no", "yes", NULL};
    void *const values[] = {OPTIONS_VALUES(options)};
    if (strcmp(name, CHANNEL_NAME) == 0)
        return syntax_take(&syntax, values, ARGP_KEY_ARG, text, error);
    const struct argp_option *option = options_find(name);
    if (option == NULL)
        return unknown_name(name, error);
    if (option->arg != NULL)
        return syntax_take(&syntax, values, option->key, text, error);
    char what[64];
    snprintf(what, sizeof what, "value of %s", name);
    int answer = find_word(what, text, answers, error);
    return answer == 1 ? syntax_take(&syntax, values, option->key, NULL, error) : answer;
}

int options_finish(struct options *options, struct weir_error *error)
{
    if (axes_defaults(&options->axes, error) != 0 || schedule_check(&options->schedule, error) != 0)
        return -1;
    return output_check(&options->output, error);
}

void options_free(struct options *options)
{
    axes_free(&options->axes);
}

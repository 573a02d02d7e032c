/* SPDX-License-Identifier: MIT
 *
 * Groups of options as one table for argp, which parses it and prints the help.
 */
#include "syntax.h"

#include <stdlib.h>
#include <string.h>

#include "words.h"

struct parse {
    const struct syntax *syntax;
    void *const *values;
    const char *const *alternatives;
};

static size_t count_rows(const struct argp_option *table)
{
    size_t count = 0;
    while (table != NULL && (table[count].name != NULL || table[count].key != 0 || table[count].doc != NULL))
        count++;
    return count;
}

/* All tables in one, which ends with a row of zeros. argp numbers the headings as they come. */
static struct argp_option *join_tables(const struct syntax *syntax)
{
    size_t count = 0;
    for (size_t i = 0; i < MOST_GROUPS && syntax->groups[i] != NULL; i++)
        count += count_rows(syntax->groups[i]->table);
    struct argp_option *joined = calloc(count + 1, sizeof *joined);
    if (joined == NULL)
        usage_error("no memory for the options");
    struct argp_option *end = joined;
    for (size_t i = 0; i < MOST_GROUPS && syntax->groups[i] != NULL; i++)
        for (size_t row = 0; row < count_rows(syntax->groups[i]->table); row++)
            *end++ = syntax->groups[i]->table[row];
    return joined;
}

const struct argp_option *syntax_option(const struct syntax *syntax, size_t i, const struct option_group **ret_group)
{
    for (size_t group = 0; group < MOST_GROUPS && syntax->groups[group] != NULL; group++) {
        const struct argp_option *table = syntax->groups[group]->table;
        for (size_t row = 0; row < count_rows(table); row++) {
            if (table[row].name == NULL || i-- > 0)
                continue;
            if (ret_group != NULL)
                *ret_group = syntax->groups[group];
            return &table[row];
        }
    }
    return NULL;
}

int syntax_take(const struct syntax *syntax, void *const *values, int key, const char *text, struct weir_error *error)
{
    int result = NOT_MINE;
    for (size_t i = 0; i < MOST_GROUPS && syntax->groups[i] != NULL && result == NOT_MINE; i++)
        result = syntax->groups[i]->take(values[i], key, text, error);
    return result;
}

static error_t parse_key(int key, char *text, struct argp_state *state)
{
    const struct parse *parse = state->input;
    struct weir_error error = {0};
    int result = syntax_take(parse->syntax, parse->values, key, text, &error);
    if (result == NOT_MINE && key == ARGP_KEY_ARG)
        usage_error("'%s' is one argument too many", text);
    if (result == NOT_MINE)
        return ARGP_ERR_UNKNOWN;
    const char *meant = NULL;
    if (result < 0 && key == ARGP_KEY_ARG && error.code == WEIR_EUNKNOWN && parse->alternatives != NULL)
        meant = weir_nearest(text, parse->alternatives);
    if (meant != NULL)
        usage_error("%s; or did you mean the command '%s'?", error.text, meant);
    if (result < 0)
        usage_error("%s", error.text);
    return 0;
}

void syntax_parse(const struct syntax *syntax, void *const *values, const char *const *alternatives, int argc,
                  char **argv)
{
    struct argp_option *table = join_tables(syntax);
    const struct argp argp = {table, parse_key, syntax->arguments, syntax->doc, NULL, NULL, NULL};
    struct parse parse = {syntax, values, alternatives};
    argp_err_exit_status = 2;
    check_words(table, argc, argv);
    if (argp_parse(&argp, argc, argv, 0, NULL, &parse) != 0)
        usage_error("the arguments cannot be parsed");
    free(table);
}

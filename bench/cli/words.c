/* SPDX-License-Identifier: MIT
 *
 * Bad words on the command line, told in one line each; argp alone would take two.
 */
#include "words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lists.h"

/* Bad words come from outside: what would move the cursor or colour the terminal is shown as '?'. */
void usage_error(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *at = text; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?';
    fprintf(stderr, "weir: %s\n", text);
    exit(2);
}

static bool is_end(const struct argp_option *option)
{
    return option->name == NULL && option->key == 0 && option->doc == NULL;
}

static void unknown_option(const struct argp_option *options, const char *word)
{
    const char *names[64];
    size_t count = 0;
    struct weir_error error;
    for (const struct argp_option *option = options; !is_end(option) && count < 60; option++)
        if (option->name != NULL)
            names[count++] = option->name;
    names[count++] = "help";
    names[count++] = "usage";
    names[count] = NULL;
    if (find_word("option", word, names, &error) < 0)
        usage_error("%s", error.text);
}

/* The option that `word` names, whole or by a beginning of its own; NULL for help and usage. */
static const struct argp_option *find_long(const struct argp_option *options, const char *word)
{
    const struct argp_option *found = NULL;
    size_t length = strlen(word), matches = 0;
    for (const struct argp_option *option = options; !is_end(option); option++) {
        if (option->name == NULL || strncmp(option->name, word, length) != 0)
            continue;
        if (option->name[length] == '\0')
            return option;
        if (matches++ > 0)
            usage_error("option '--%s' may be --%s or --%s", word, found->name, option->name);
        found = option;
    }
    if (found == NULL && strncmp("help", word, length) != 0 && strncmp("usage", word, length) != 0)
        unknown_option(options, word);
    return found;
}

static void need_value(const char *option, int argc, int next)
{
    if (next >= argc)
        usage_error("option '%s' needs a value", option);
}

/* Both return how many arguments the option at argv[at] takes. */
static int check_long(const struct argp_option *options, int argc, char **argv, int at)
{
    char word[64];
    size_t length = strcspn(argv[at] + 2, "=");
    bool has_value = argv[at][2 + length] == '=';
    snprintf(word, sizeof word, "%.*s", (int)length, argv[at] + 2);
    const struct argp_option *option = find_long(options, word);
    bool takes_value = option != NULL && option->arg != NULL;
    if (has_value && !takes_value)
        usage_error("option '--%s' takes no value", word);
    if (!takes_value || has_value)
        return 1;
    need_value(argv[at], argc, at + 1);
    return 2;
}

static int check_short(const struct argp_option *options, int argc, char **argv, int at)
{
    for (const char *letter = argv[at] + 1; *letter != '\0'; letter++) {
        const struct argp_option *option = options;
        while (!is_end(option) && option->key != *letter)
            option++;
        if (is_end(option) && *letter != '?')
            usage_error("unknown option '-%c'; --help lists all", *letter);
        if (is_end(option) || option->arg == NULL)
            continue;
        if (letter[1] != '\0')
            return 1;
        need_value(argv[at], argc, at + 1);
        return 2;
    }
    return 1;
}

void check_words(const struct argp_option *options, int argc, char **argv)
{
    for (int at = 1; at < argc && strcmp(argv[at], "--") != 0;) {
        if (strncmp(argv[at], "--", 2) == 0)
            at += check_long(options, argc, argv, at);
        else if (argv[at][0] == '-' && argv[at][1] != '\0')
            at += check_short(options, argc, argv, at);
        else
            at++;
    }
}

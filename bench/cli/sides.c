/* SPDX-License-Identifier: MIT
 *
 * Two words, each a small command line.
 */
#include "sides.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "words.h"

#define SPACES     " \t\n"
#define MOST_WORDS 64 /* of one side */

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct sides *sides = values;
    if (key != ARGP_KEY_ARG)
        return NOT_MINE;
    if (sides->count == 2)
        return weir_error_set(error, WEIR_EINVAL,
                              "two sides are compared, and '%s' is a third; a channel with its options is one word, "
                              "such as \"shm -w 4x1\"",
                              text),
               -1;
    sides->words[sides->count++] = text;
    return TAKEN;
}

const struct option_group sides_group = {NULL, take, NULL};

/* A channel wins over a file of its name, which can be written as ./NAME. */
static bool is_file(const char *word)
{
    struct weir_error error;
    size_t length = strlen(word);
    if (length > 5 && strcmp(word + length - 5, ".json") == 0)
        return true;
    return access(word, F_OK) == 0 && spec_check(word, &error) != 0;
}

bool sides_are_files(const struct sides *sides)
{
    if (sides->count < 2)
        usage_error("compare needs two sides, A and B: channels such as pipe unix, or saved results such as old.json "
                    "new.json");
    bool a = is_file(sides->words[0]), b = is_file(sides->words[1]);
    if (a != b)
        usage_error("'%s' is a file and '%s' is not: compare two saved results, or two channels",
                    sides->words[a ? 0 : 1], sides->words[a ? 1 : 0]);
    return a;
}

void side_parse(struct axes *ret, const char *word, const struct axes *outside)
{
    static const struct syntax syntax = {"CHANNEL", "One side of a comparison.", {&channels_group, &axes_group}};
    struct weir_error error;
    char *copy = strdup(word), *rest = copy, *words[MOST_WORDS + 1] = {(char *)(uintptr_t) "weir compare"};
    int count = 1;
    *ret = (struct axes){0};
    if (copy == NULL)
        usage_error("no memory");
    for (char *each = strtok_r(copy, SPACES, &rest); each != NULL; each = strtok_r(NULL, SPACES, &rest)) {
        if (count == MOST_WORDS)
            usage_error("'%.40s...' has more than %d words", word, MOST_WORDS);
        words[count++] = each;
    }
    void *const values[] = {ret, ret};
    syntax_parse(&syntax, values, NULL, count, words);
    if (ret->spec_count != 1)
        usage_error("'%s' names %s: a side is one channel and its options", word,
                    ret->spec_count == 0 ? "no channel" : "several channels");
    free(copy);
    axes_inherit(ret, outside);
    axes_default(ret, 'p', "process:process");
    if (axes_defaults(ret, &error) != 0)
        usage_error("%s", error.text);
}

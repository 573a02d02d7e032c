/* SPDX-License-Identifier: MIT
 *
 * Specs: `driver[,key=value...]` split, checked against the driver's option table, and complained about in words that
 * name the bad word, the allowed ones and the nearest match.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define MOST_CHOICES 16 /* that are looked through for the nearest */

static const char wait_choices[] = "block|spin|adaptive";

/* ---- values -------------------------------------------------------------------------------------------------- */

/* The index of `value` in "a|b|c", or -1. */
static int find_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    int index = 0;
    for (const char *at = choices; *at != '\0'; index++) {
        size_t span = strcspn(at, "|");
        if (span == length && memcmp(at, value, length) == 0)
            return index;
        at += span + (at[span] == '|');
    }
    return -1;
}

/* As find_choice, but what is not among them is told, with what is and the nearest. */
static int parse_choice(const struct weir_driver *driver, const char *name, const char *choices, const char *value,
                        struct weir_error *error)
{
    char copy[256], near[64];
    const char *words[MOST_CHOICES + 1] = {NULL};
    int choice = find_choice(choices, value);
    if (choice >= 0)
        return choice;
    snprintf(copy, sizeof copy, "%s", choices);
    char *rest = copy;
    for (size_t i = 0; i < MOST_CHOICES && rest != NULL; i++)
        words[i] = strsep(&rest, "|");
    weir_suggest(value, words, near, sizeof near);
    weir_error_set(error, WEIR_EINVAL, "%s: '%s' is not a value of %s; allowed: %s%s", driver->name, value, name,
                   choices, near);
    return -1;
}

static int parse_number(const char *text, uint64_t *ret_number)
{
    if (*text < '0' || *text > '9')
        return WEIR_EINVAL;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return WEIR_EINVAL;
    unsigned shift = 0;
    if (*end == 'K' || *end == 'M' || *end == 'G') {
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 30;
        end++;
    }
    if (*end != '\0' || number > UINT64_MAX >> shift)
        return WEIR_EINVAL;
    *ret_number = (uint64_t)number << shift;
    return 0;
}

int weir_option_parse(const struct weir_driver *driver, const struct weir_option *option, const char *value,
                      union weir_option_value *ret_value, struct weir_error *error)
{
    int choice;
    switch (option->type) {
    case WEIR_OPTION_CHOICE:
        choice = parse_choice(driver, option->name, option->choices, value, error);
        if (choice < 0)
            return WEIR_EINVAL;
        ret_value->number = (uint64_t)choice;
        return 0;
    case WEIR_OPTION_NUMBER:
        if (parse_number(value, &ret_value->number) != 0 || ret_value->number < option->min ||
            ret_value->number > option->max)
            return weir_error_set(error, WEIR_EINVAL, "%s: '%s' is not a value of %s; allowed: %llu to %llu",
                                  driver->name, value, option->name, (unsigned long long)option->min,
                                  (unsigned long long)option->max);
        return 0;
    case WEIR_OPTION_STRING:
        ret_value->text = value;
        return 0;
    }
    return weir_error_set(error, WEIR_EINVAL, "%s: option %s has an unknown type", driver->name, option->name);
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

static size_t count_options(const struct weir_driver *driver)
{
    size_t count = 0;
    while (driver->options != NULL && driver->options[count].name != NULL)
        count++;
    return count;
}

static int unknown_key(const struct weir_driver *driver, const char *key, struct weir_error *error)
{
    const char *names[MOST_OPTIONS + 2];
    char allowed[256] = "", near[64];
    size_t count = 0, used = 0;
    for (; count < count_options(driver) && count < MOST_OPTIONS; count++)
        names[count] = driver->options[count].name;
    names[count++] = "wait";
    names[count] = NULL;
    for (size_t i = 0; i < count && used < sizeof allowed; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", names[i]);
    weir_suggest(key, names, near, sizeof near);
    return weir_error_set(error, WEIR_EUNKNOWN, "%s has no option '%s'; allowed: %s%s", driver->name, key, allowed,
                          near);
}

static int set_option(const struct weir_driver *driver, char *pair, union weir_option_value *options, uint64_t *seen,
                      enum weir_wait *wait, struct weir_error *error)
{
    char *value = strchr(pair, '=');
    if (value == NULL || value == pair)
        return weir_error_set(error, WEIR_EINVAL, "%s: '%s' is not of the form key=value", driver->name, pair);
    *value++ = '\0';
    size_t count = count_options(driver), index = 0;
    while (index < count && strcmp(driver->options[index].name, pair) != 0)
        index++;
    bool is_wait = index == count && strcmp(pair, "wait") == 0;
    if (index == count && !is_wait)
        return unknown_key(driver, pair, error);
    if (*seen & UINT64_C(1) << index)
        return weir_error_set(error, WEIR_EINVAL, "%s: option '%s' is given twice", driver->name, pair);
    *seen |= UINT64_C(1) << index;
    if (!is_wait)
        return weir_option_parse(driver, &driver->options[index], value, &options[index], error);
    int choice = parse_choice(driver, "wait", wait_choices, value, error);
    if (choice < 0)
        return WEIR_EINVAL;
    *wait = (enum weir_wait)(WEIR_WAIT_BLOCK + choice);
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

int weir_spec_parse(const char *spec, const struct weir_driver **ret_driver, char **ret_text,
                    union weir_option_value **ret_options, enum weir_wait *wait, struct weir_error *error)
{
    char *text = strdup(spec);
    if (text == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the spec");
    char *rest = text;
    const char *name = strsep(&rest, ",");
    union weir_option_value *options = NULL;
    uint64_t seen = 0;
    int result = 0;
    const struct weir_driver *driver = weir_driver_find(name, error);
    if (driver == NULL) {
        result = error->code;
        goto fail;
    }
    size_t count = count_options(driver);
    options = calloc(count + 1, sizeof *options);
    if (options == NULL) {
        result = weir_error_set(error, WEIR_ENOMEM, "no memory for the spec");
        goto fail;
    }
    for (size_t i = 0; i < count && result == 0; i++)
        result = weir_option_parse(driver, &driver->options[i], driver->options[i].fallback, &options[i], error);
    while (result == 0 && rest != NULL)
        result = set_option(driver, strsep(&rest, ","), options, &seen, wait, error);
    if (result != 0)
        goto fail;
    *ret_driver = driver;
    *ret_text = text;
    *ret_options = options;
    return 0;
fail:
    free(options);
    free(text);
    return result;
}

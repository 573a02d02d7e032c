/* SPDX-License-Identifier: MIT
 *
 * One row for each axis: its option, its kind of list, where its values go, and what it is if nobody says.
 */
#include "axes.h"

#include <stdlib.h>
#include <string.h>

#include "lists.h"
#include "words.h"

static const struct argp_option table[] = {
    {0, 0, 0, 0, "What to measure (each takes a list, separated by commas; every combination is a cell):", 0},
    {"pairing", 'p', "LIST", 0,
     "where producer:consumer run: thread:thread, thread:process, process:thread, process:process, all (default; of "
     "compare "
     "process:process)",
     0},
    {"size", 's', "LIST", 0, "bytes of a message: 64 (default), 4K, or a range 8..64K*4", 0},
    {"workers", 'w', "LIST", 0, "PRODUCERSxCONSUMERS: 1x1 (default), 4x1, 2x2", 0},
    {"pattern", 'm', "LIST", 0,
     "stream (one way), pingpong (there and back), paced (one way at a fixed rate); default stream,pingpong; with -r "
     "paced",
     0},
    {"rate", 'r', "LIST", 0,
     "of paced: messages a second of all producers together: 10K (default), or a range 1K..1M*4; here 1K is 1000", 0},
    {"depth", 'd', "LIST", 0, "messages that fit between the ends (default 512)", 0},
    {"codec", 'k', "LIST", 0, "raw (default), nanopb", 0},
    {"wait", KEY_WAIT, "LIST", 0, "default (the driver's own), block, spin, adaptive; wait= in a spec overrides it", 0},
    {"batch", KEY_BATCH, "LIST", 0, "messages that may travel together (default 1)", 0},
    {"access", KEY_ACCESS, "LIST", 0,
     "copy (default: send and recv), place (reserve and commit, peek and release: no copy where the driver can)", 0},
    {"pin", KEY_PIN, "LIST", 0, "CPUs: auto (default), none, same, or P:C such as 0:1, 0-1:2-3, 0+2:1+3", 0},
    {0, 0, 0, 0, 0, 0},
};

#define MEMBERS(list, number)                                                                                          \
    offsetof(struct axes, list), offsetof(struct axes, number), sizeof *((struct axes *)NULL)->list

static const struct axis {
    int key;
    const struct list_kind *kind;
    size_t values, count; /* where they are in struct axes */
    size_t size;          /* of a value */
    const char *fallback; /* NULL: depends on the patterns */
} rows[] = {
    {'p', &pairing_list, MEMBERS(pairings, pairing_count), "all"},
    {'s', &size_list, MEMBERS(sizes, size_count), "64"},
    {'w', &workers_list, MEMBERS(workers, workers_count), "1x1"},
    {'m', &pattern_list, MEMBERS(patterns, pattern_count), "stream,pingpong"},
    {'r', &rate_list, MEMBERS(rates, rate_count), NULL},
    {'d', &depth_list, MEMBERS(depths, depth_count), "512"},
    {'k', &codec_list, MEMBERS(codecs, codec_count), "raw"},
    {KEY_WAIT, &wait_list, MEMBERS(waits, wait_count), "default"},
    {KEY_BATCH, &batch_list, MEMBERS(batches, batch_count), "1"},
    {KEY_ACCESS, &access_list, MEMBERS(accesses, access_count), "copy"},
    {KEY_PIN, &pin_list, MEMBERS(pins, pin_count), "auto"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static const struct axis *find_axis(int key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].key == key)
            return &rows[i];
    return NULL;
}

static size_t *count_of(struct axes *axes, const struct axis *axis)
{
    return (size_t *)(void *)((char *)axes + axis->count);
}

/* The arrays have different types; what points to one is copied, since it may not be read through another type. */
static int append(struct axes *axes, const struct axis *axis, const char *text, struct weir_error *error)
{
    char *place = (char *)axes + axis->values;
    void *values;
    memcpy(&values, place, sizeof values);
    int result = parse_list(axis->kind, text, &values, count_of(axes, axis), error);
    memcpy(place, &values, sizeof values);
    return result;
}

static int take_axis(void *values, int key, const char *text, struct weir_error *error)
{
    const struct axis *axis = find_axis(key);
    return axis != NULL ? append(values, axis, text, error) : NOT_MINE;
}

static const char *const *axis_words(int key)
{
    const struct axis *axis = find_axis(key);
    return axis != NULL ? axis->kind->words : NULL;
}

const struct option_group axes_group = {table, take_axis, axis_words};

/* ---- channels ------------------------------------------------------------------------------------------------ */

static int take_channel(void *values, int key, const char *text, struct weir_error *error)
{
    struct axes *axes = values;
    if (key != ARGP_KEY_ARG)
        return NOT_MINE;
    for (size_t i = 0; i < axes->spec_count; i++)
        if (strcmp(axes->specs[i], text) == 0)
            return weir_error_set(error, WEIR_EINVAL, "channel '%s' is named twice", text), -1;
    if (spec_check(text, error) != 0)
        return -1;
    char *copy = strdup(text);
    const char **specs = realloc(axes->specs, (axes->spec_count + 1) * sizeof *specs);
    if (specs != NULL)
        axes->specs = specs;
    if (specs == NULL || copy == NULL) {
        free(copy);
        return weir_error_set(error, WEIR_ENOMEM, "no memory"), -1;
    }
    axes->specs[axes->spec_count++] = copy;
    return TAKEN;
}

const struct option_group channels_group = {NULL, take_channel, NULL};

/* ---- defaults ------------------------------------------------------------------------------------------------ */

void axes_default(struct axes *axes, int key, const char *text)
{
    struct weir_error error;
    const struct axis *axis = find_axis(key);
    int result = 0;
    if (axis == NULL)
        result = take_channel(axes, key, text, &error);
    else if (*count_of(axes, axis) == 0)
        result = append(axes, axis, text, &error);
    if (result != 0)
        usage_error("%s", error.text);
}

/* Its cells have one axis more than the others'. */
static void put_paced_last(struct axes *axes)
{
    size_t kept = 0, paced = 0;
    for (size_t i = 0; i < axes->pattern_count; i++) {
        if (axes->patterns[i] == PATTERN_PACED)
            paced++;
        else
            axes->patterns[kept++] = axes->patterns[i];
    }
    for (size_t i = 0; i < paced; i++)
        axes->patterns[kept + i] = PATTERN_PACED;
}

static int compare_rates(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int axes_defaults(struct axes *axes, struct weir_error *error)
{
    static const char *const specs[] = {"mutex", "pipe", "unix", "shm", "zmq"};
    bool none = axes->spec_count == 0;
    for (size_t i = 0; none && i < sizeof specs / sizeof specs[0]; i++)
        axes_default(axes, ARGP_KEY_ARG, specs[i]);
    if (axes->rate_count > 0)
        axes_default(axes, 'm', "paced");
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].fallback != NULL)
            axes_default(axes, rows[i].key, rows[i].fallback);
    put_paced_last(axes);
    if (axes->rate_count > 1)
        qsort(axes->rates, axes->rate_count, sizeof *axes->rates, compare_rates);
    bool paced = axes->patterns[axes->pattern_count - 1] == PATTERN_PACED;
    if (paced)
        axes_default(axes, 'r', "10K");
    else if (axes->rate_count > 0)
        return weir_error_set(error, WEIR_EINVAL, "--rate is of the pattern 'paced', which --pattern does not name"),
               -1;
    return 0;
}

void axes_inherit(struct axes *axes, const struct axes *from)
{
    for (size_t i = 0; i < ROWS; i++) {
        void *values, *copy;
        size_t count;
        memcpy(&count, (const char *)from + rows[i].count, sizeof count);
        memcpy(&values, (const char *)from + rows[i].values, sizeof values);
        if (*count_of(axes, &rows[i]) > 0 || count == 0)
            continue;
        copy = calloc(count, rows[i].size);
        if (copy == NULL)
            usage_error("no memory for the options");
        memcpy(copy, values, count * rows[i].size);
        memcpy((char *)axes + rows[i].values, &copy, sizeof copy);
        *count_of(axes, &rows[i]) = count;
        for (size_t pin = 0; rows[i].kind == &pin_list && pin < count; pin++)
            axes->pins[pin] = strdup(from->pins[pin]);
    }
}

void axes_free(struct axes *axes)
{
    for (size_t i = 0; i < axes->spec_count; i++)
        free((void *)(uintptr_t)axes->specs[i]);
    for (size_t i = 0; i < axes->pin_count; i++)
        free((void *)(uintptr_t)axes->pins[i]);
    free(axes->specs);
    for (size_t i = 0; i < ROWS; i++) {
        void *values;
        memcpy(&values, (char *)axes + rows[i].values, sizeof values);
        free(values);
    }
}

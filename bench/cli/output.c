/* SPDX-License-Identifier: MIT
 *
 * Formats, files, and what a terminal gets.
 */
#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "lists.h"

static const struct argp_option table[] = {
    {0, 0, 0, 0, "Output:", 0},
    {"json", KEY_JSON, "FILE", 0, "write the results as JSON; - as above", 0},
    {"csv", KEY_CSV, "FILE", 0, "write the results as CSV, in rows; - is stdout, in place of the table", 0},
    {"markdown", KEY_MARKDOWN, "FILE", 0, "write the table as Markdown; - as above", 0},
    {"quiet", 'q', 0, 0, "only results and errors", 0},
    {"verbose", 'v', 0, 0, "more about each cell", 0},
    {"progress", KEY_PROGRESS, "WHEN", 0, "auto (default), always, never", 0},
    {"color", KEY_COLOR, "WHEN", 0, "auto (default), always, never", 0},
    {0, 0, 0, 0, 0, 0},
};

static const char *const toggles[] = {"auto", "always", "never", NULL}; /* in the order of enum toggle */

static int parse_toggle(const char *what, const char *word, enum toggle *ret, struct weir_error *error)
{
    int index = find_word(what, word, toggles, error);
    if (index < 0)
        return -1;
    *ret = (enum toggle)index;
    return 0;
}

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct output_options *output = values;
    switch (key) {
    case KEY_JSON:
        output->json = text;
        return TAKEN;
    case KEY_CSV:
        output->csv = text;
        return TAKEN;
    case KEY_MARKDOWN:
        output->markdown = text;
        return TAKEN;
    case 'q':
        output->quiet = true;
        return TAKEN;
    case 'v':
        output->verbose = true;
        return TAKEN;
    case KEY_PROGRESS:
        return parse_toggle("progress", text, &output->progress, error);
    case KEY_COLOR:
        return parse_toggle("color", text, &output->color, error);
    default:
        return NOT_MINE;
    }
}

static const char *const *words(int key)
{
    return key == KEY_PROGRESS || key == KEY_COLOR ? toggles : NULL;
}

const struct option_group output_group = {table, take, words};

/* ---- before -------------------------------------------------------------------------------------------------- */

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

int output_check(const struct output_options *output, struct weir_error *error)
{
    const char *paths[] = {output->json, output->csv, output->markdown};
    if (is_stdout(paths[0]) + is_stdout(paths[1]) + is_stdout(paths[2]) > 1)
        return weir_error_set(error, WEIR_EINVAL, "only one of --json, --csv and --markdown can go to stdout"), -1;
    for (size_t i = 0; i < 3; i++) {
        if (paths[i] == NULL)
            continue;
        for (size_t j = 0; j < i; j++)
            if (paths[j] != NULL && file_is_same(paths[i], paths[j]))
                return weir_error_set(error, WEIR_EINVAL, "'%s' is named twice: each format needs a file of its own",
                                      paths[i]),
                       -1;
        if (file_check(paths[i], error) != 0)
            return -1;
    }
    return 0;
}

const char *output_over(const struct output_options *output, const char *path)
{
    const char *paths[] = {output->json, output->csv, output->markdown};
    for (size_t i = 0; i < 3; i++)
        if (paths[i] != NULL && file_is_same(paths[i], path))
            return paths[i];
    return NULL;
}

const char *output_common_file(const struct output_options *a, const struct output_options *b)
{
    const char *ours[] = {a->json, a->csv, a->markdown};
    for (size_t i = 0; i < 3; i++)
        if (ours[i] != NULL && output_over(b, ours[i]) != NULL)
            return ours[i];
    return NULL;
}

bool output_takes_stdout(const struct output_options *output)
{
    return is_stdout(output->json) || is_stdout(output->csv) || is_stdout(output->markdown);
}

static bool can_draw(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

bool output_wants_progress(const struct output_options *output)
{
    if (output->progress != TOGGLE_AUTO)
        return output->progress == TOGGLE_ALWAYS;
    return !output->quiet && can_draw(STDERR_FILENO);
}

bool output_wants_color(const struct output_options *output)
{
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org */
    if (output->color != TOGGLE_AUTO)
        return output->color == TOGGLE_ALWAYS;
    return (no_color == NULL || *no_color == '\0') && can_draw(STDOUT_FILENO);
}

/* ---- after --------------------------------------------------------------------------------------------------- */

static int write_one(const char *path, void (*print)(FILE *, void *), void *result)
{
    struct weir_error error;
    if (path == NULL || file_write(path, print, result, &error) == 0)
        return 0;
    fprintf(stderr, "weir: %s\n", error.text);
    return 1;
}

int output_write(const struct output_options *output, const struct output_formats *formats, void *result)
{
    int failed = write_one(output->json, formats->json, result);
    failed |= write_one(output->csv, formats->csv, result);
    failed |= write_one(output->markdown, formats->markdown, result);
    if (!output_takes_stdout(output))
        formats->table(stdout, result);
    return failed;
}

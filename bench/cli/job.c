/* SPDX-License-Identifier: MIT
 *
 * The command line is kept as it was typed, as a section of its own, and joined with each section of the file.
 */
#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "words.h"

enum { KEY_DRY_RUN = KEY_OWN, KEY_JOB, KEY_PRINT_JOB };

static const struct argp_option table[] = {
    {0, 0, 0, 0, "Jobs:", 0},
    {"job", KEY_JOB, "FILE", 0, "the runs of an INI file; its sections are runs, its keys long options and channel", 0},
    {"print-job", KEY_PRINT_JOB, 0, 0, "print such a file for these options and stop", 0},
    {"dry-run", KEY_DRY_RUN, 0, 0, "list the cells and stop", 0},
    {0, 0, 0, 0, 0, 0},
};

static int take_own(void *values, int key, const char *text, struct weir_error *error)
{
    struct job *job = values;
    (void)error;
    switch (key) {
    case KEY_DRY_RUN:
        job->dry_run = true;
        return TAKEN;
    case KEY_JOB:
        job->path = text;
        return TAKEN;
    case KEY_PRINT_JOB:
        job->print = true;
        return TAKEN;
    default:
        return NOT_MINE;
    }
}

static const struct option_group own_group = {table, take_own, NULL};

/* ---- what was typed ------------------------------------------------------------------------------------------ */

/* A list that is too long for a line goes on in further ones. */
static int keep_list(struct section *typed, const char *name, const char *text)
{
    const size_t most = SECTIONS_MOST_LETTERS / 2;
    while (strlen(text) > most) {
        size_t length = most;
        while (length > 0 && text[length] != ',')
            length--;
        if (length == 0)
            break;
        char part[SECTIONS_MOST_LETTERS];
        snprintf(part, sizeof part, "%.*s", (int)length, text);
        if (section_set(typed, name, part, 0) != 0)
            return -1;
        text += length + 1;
    }
    return section_set(typed, name, text, 0);
}

static const struct argp_option *find_key(int key)
{
    const struct argp_option *option = NULL;
    for (size_t i = 0; (option = syntax_option(&run_syntax, i, NULL)) != NULL && option->key != key;)
        i++;
    return option != NULL ? options_find(option->name) : NULL;
}

/* Sees all words before the other groups do, and notes them. */
static int keep_word(void *values, int key, const char *text, struct weir_error *error)
{
    struct section *typed = values;
    const struct argp_option *option = key == ARGP_KEY_ARG ? NULL : find_key(key);
    if (option == NULL && key != ARGP_KEY_ARG)
        return NOT_MINE;
    const char *name = option != NULL ? option->name : CHANNEL_NAME;
    bool is_list = option != NULL && option->arg != NULL && strcmp(option->arg, "LIST") == 0;
    if ((is_list ? keep_list(typed, name, text) : section_set(typed, name, text != NULL ? text : "yes", 0)) != 0)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the command line"), -1;
    return NOT_MINE;
}

static const struct option_group keep_group = {NULL, keep_word, NULL};

static const char doc[] =
    "Measure what a message costs through each CHANNEL, a spec such as shm, unix,type=stream or zmq,transport=ipc.\v"
    "Without CHANNEL: mutex pipe unix shm zmq. `weir list` shows all drivers and their options.\n\n"
    "Exit status: 0 ok, 1 a cell failed or all were skipped, 2 bad usage, 130 interrupted (143 by SIGTERM, 129 by "
    "SIGHUP); what was "
    "measured until then is printed.";

const struct syntax run_syntax = {"[CHANNEL...]", doc, {&keep_group, OPTIONS_GROUPS, &own_group}};

/* ---- the file ------------------------------------------------------------------------------------------------ */

/* One setting, or one for each word of a line of channels, unless something typed takes its place. */
static int copy_setting(struct section *to, const struct setting *from, const struct section *typed)
{
    if (typed != NULL && section_has(typed, from->name))
        return 0;
    if (strcmp(from->name, CHANNEL_NAME) != 0 || from->line == 0 || *from->text == '\0')
        return section_set(to, from->name, from->text, from->line);
    char *copy = strdup(from->text), *rest = copy, *word;
    int result = copy != NULL ? 0 : -1;
    while (result == 0 && (word = strsep(&rest, " \t")) != NULL)
        if (*word != '\0')
            result = section_set(to, from->name, word, from->line);
    free(copy);
    return result;
}

static int add_run(struct job *job, const struct section *section, const struct section *typed)
{
    if (sections_add(&job->sections, section->title, section->line) != 0)
        return -1;
    struct section *run = &job->sections.items[job->sections.count - 1];
    for (size_t i = 0; i < section->count; i++)
        if (copy_setting(run, &section->settings[i], typed) != 0)
            return -1;
    for (size_t i = 0; typed != NULL && i < typed->count; i++)
        if (copy_setting(run, &typed->settings[i], NULL) != 0)
            return -1;
    return 0;
}

static void add_runs(struct job *job, const struct section *typed)
{
    struct sections read = {0};
    struct weir_error error;
    int result = 0;
    if (job->path == NULL)
        result = add_run(job, typed, NULL);
    else if (sections_read(&read, job->path, &error) != 0)
        usage_error("%s", error.text);
    for (size_t i = 0; i < read.count && result == 0; i++)
        result = add_run(job, &read.items[i], typed);
    sections_free(&read);
    if (job->path != NULL && strcmp(job->path, "-") == 0)
        job->path = "stdin";
    job->options = calloc(job->sections.count, sizeof *job->options);
    if (result != 0 || job->options == NULL)
        usage_error("no memory for the runs");
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

void job_where(const struct job *job, size_t i, char *ret_text, size_t capacity)
{
    const struct section *section = &job->sections.items[i];
    *ret_text = '\0';
    if (job->path != NULL)
        snprintf(ret_text, capacity, "%s:%d: [%s]: ", job->path, section->line, section->title);
}

static void set_options(struct job *job, size_t i)
{
    const struct section *section = &job->sections.items[i];
    struct weir_error error;
    for (size_t k = 0; k < section->count; k++) {
        const struct setting *setting = &section->settings[k];
        if (options_set(&job->options[i], setting->name, setting->text, &error) == 0)
            continue;
        if (setting->line != 0)
            usage_error("%s:%d: %s", job->path, setting->line, error.text);
        usage_error("%s", error.text);
    }
}

static void finish_options(struct job *job, size_t i)
{
    struct weir_error error;
    char where[512];
    job_where(job, i, where, sizeof where);
    if (options_finish(&job->options[i], &error) != 0)
        usage_error("%s%s", where, error.text);
}

/* Several runs must not write over each other's files. */
static void check_files(const struct job *job, const struct section *typed)
{
    static const char *const names[] = {"json", "csv", "markdown"};
    const struct sections *sections = &job->sections;
    for (size_t name = 0; sections->count > 1 && name < 3; name++)
        if (section_has(typed, names[name]))
            usage_error("--%s names one file, and %s has %zu sections: name a file in each section instead",
                        names[name], job->path, sections->count);
    for (size_t i = 0; i < sections->count; i++) {
        const struct output_options *own = &job->options[i].output;
        if (sections->count > 1 && output_takes_stdout(own))
            usage_error("%s:%d: [%s]: only a job of one section can write to stdout", job->path,
                        sections->items[i].line, sections->items[i].title);
        for (size_t k = 0; k < i; k++) {
            const char *twice = output_common_file(own, &job->options[k].output);
            if (twice != NULL)
                usage_error("%s:%d: [%s]: '%s' is the file of section [%s] already", job->path, sections->items[i].line,
                            sections->items[i].title, twice, sections->items[k].title);
        }
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

void job_parse(struct job *ret, const char *const *alternatives, int argc, char **argv)
{
    struct options options = {0}; /* so that bad words are told in the order in which they were typed */
    struct sections typed = {0};
    *ret = (struct job){0};
    if (sections_add(&typed, "run", 0) != 0)
        usage_error("no memory for the command line");
    void *const values[] = {&typed.items[0], OPTIONS_VALUES(&options), ret};
    syntax_parse(&run_syntax, values, alternatives, argc, argv);
    add_runs(ret, &typed.items[0]);
    if (ret->path == NULL)
        ret->options[0] = options;
    else
        options_free(&options);
    for (size_t i = 0; i < ret->sections.count; i++) {
        if (ret->path != NULL)
            set_options(ret, i);
        finish_options(ret, i);
    }
    check_files(ret, &typed.items[0]);
    sections_free(&typed);
}

int job_print(FILE *file, const struct job *job, struct weir_error *error)
{
    for (size_t i = 0; i < job->sections.count; i++)
        for (size_t k = 0; k < job->sections.items[i].count; k++) {
            const struct setting *setting = &job->sections.items[i].settings[k];
            if (strcmp(setting->name, CHANNEL_NAME) == 0 && strpbrk(setting->text, " \t") != NULL)
                return weir_error_set(error, WEIR_EINVAL,
                                      "channel '%.200s' cannot stand in a job file: it holds a space", setting->text),
                       -1;
        }
    return sections_print(file, &job->sections, error);
}

void job_free(struct job *job)
{
    for (size_t i = 0; i < job->sections.count; i++)
        options_free(&job->options[i]);
    free(job->options);
    sections_free(&job->sections);
}

/* SPDX-License-Identifier: MIT
 *
 * The options of `weir run`: one argp table for parsing and help.
 */
#include "options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lists.h"
#include "words.h"

enum {
    KEY_WAIT = 256,
    KEY_BATCH,
    KEY_PIN,
    KEY_ROUNDS,
    KEY_BUDGET,
    KEY_SEED,
    KEY_JSON,
    KEY_CSV,
    KEY_MARKDOWN,
    KEY_DRY_RUN,
    KEY_PROGRESS,
    KEY_COLOR,
};

static const struct argp_option table[] = {
    {0, 0, 0, 0, "What to measure (each takes a list, separated by commas; every combination is a cell):", 1},
    {"pairing", 'p', "LIST", 0,
     "where producer:consumer run: thread:thread, thread:process, process:thread, process:process, all (default)", 0},
    {"size", 's', "LIST", 0, "bytes of a message: 64 (default), 4K, or a range 8..64K*4", 0},
    {"workers", 'w', "LIST", 0, "PRODUCERSxCONSUMERS: 1x1 (default), 4x1, 2x2", 0},
    {"pattern", 'm', "LIST", 0, "stream (one way), pingpong (there and back); default both", 0},
    {"depth", 'd', "LIST", 0, "messages that fit between the ends (default 512)", 0},
    {"codec", 'k', "LIST", 0, "raw (default), nanopb", 0},
    {"wait", KEY_WAIT, "LIST", 0, "default (the driver's own), block, spin, adaptive; wait= in a spec overrides it", 0},
    {"batch", KEY_BATCH, "LIST", 0, "messages that may travel together (default 1)", 0},
    {"pin", KEY_PIN, "LIST", 0, "CPUs: auto (default), none, same, or P:C such as 0:1, 0-1:2-3, 0+2:1+3", 0},
    {0, 0, 0, 0, "How long:", 2},
    {"rounds", KEY_ROUNDS, "N", 0, "N rounds over all cells; with --budget at most N", 0},
    {"budget", KEY_BUDGET, "TIME", 0, "as many rounds as fit: 10s (default), 500ms, 2m", 0},
    {"seed", KEY_SEED, "N", 0, "the seed of the order and of the messages (default: drawn)", 0},
    {0, 0, 0, 0, "Output:", 3},
    {"json", KEY_JSON, "FILE", 0, "write weir.run/1 JSON; - is stdout, in place of the table", 0},
    {"csv", KEY_CSV, "FILE", 0, "write one row a cell; - as above", 0},
    {"markdown", KEY_MARKDOWN, "FILE", 0, "write the table as Markdown; - as above", 0},
    {"quiet", 'q', 0, 0, "only results and errors", 0},
    {"verbose", 'v', 0, 0, "more about each cell", 0},
    {"dry-run", KEY_DRY_RUN, 0, 0, "list the cells and stop", 0},
    {"progress", KEY_PROGRESS, "WHEN", 0, "auto (default), always, never", 0},
    {"color", KEY_COLOR, "WHEN", 0, "auto (default), always, never", 0},
    {0, 0, 0, 0, 0, 0},
};

static const char doc[] =
    "Measure what a message costs through each CHANNEL, a spec such as shm, unix,type=stream or zmq,transport=ipc.\v"
    "Without CHANNEL: mutex pipe unix shm zmq. `weir list` shows all drivers and their options.\n\n"
    "Exit status: 0 ok, 1 a cell failed, 2 bad usage, 130 interrupted (143 by SIGTERM, 129 by SIGHUP); what was "
    "measured until then is printed.";

static enum toggle parse_toggle(const char *what, const char *word)
{
    static const char *const words[] = {"auto", "always", "never", NULL};
    struct weir_error error;
    int index = find_word(what, word, words, &error);
    if (index < 0)
        usage_error("%s", error.text);
    return (enum toggle)index;
}

/* ---- one option ---------------------------------------------------------------------------------------------- */

static int add_spec(struct options *options, const char *spec, struct weir_error *error)
{
    struct axes *axes = &options->axes;
    for (size_t i = 0; i < axes->spec_count; i++)
        if (strcmp(axes->specs[i], spec) == 0)
            return weir_error_set(error, WEIR_EINVAL, "channel '%s' is named twice", spec), -1;
    const char **specs = realloc(axes->specs, (axes->spec_count + 1) * sizeof *specs);
    char *copy = strdup(spec);
    if (specs == NULL || copy == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory"), -1;
    axes->specs = specs;
    axes->specs[axes->spec_count++] = copy;
    return 0;
}

static int parse_axis(struct options *options, int key, const char *text, struct weir_error *error)
{
    struct axes *axes = &options->axes;
    switch (key) {
    case 'p':
        return parse_pairings(text, &axes->pairings, &axes->pairing_count, error);
    case 's':
        return parse_sizes(text, &axes->sizes, &axes->size_count, error);
    case 'w':
        return parse_workers(text, &axes->workers, &axes->workers_count, error);
    case 'm':
        return parse_patterns(text, &axes->patterns, &axes->pattern_count, error);
    case 'd':
        return parse_depths(text, &axes->depths, &axes->depth_count, error);
    case 'k':
        return parse_codecs(text, &axes->codecs, &axes->codec_count, error);
    case KEY_WAIT:
        return parse_waits(text, &axes->waits, &axes->wait_count, error);
    case KEY_BATCH:
        return parse_batches(text, &axes->batches, &axes->batch_count, error);
    case KEY_PIN:
        return parse_pins(text, &axes->pins, &axes->pin_count, error);
    case ARGP_KEY_ARG:
        return add_spec(options, text, error);
    default:
        return 1;
    }
}

static int parse_schedule(struct options *options, int key, const char *text, struct weir_error *error)
{
    switch (key) {
    case KEY_ROUNDS:
        return parse_count("rounds", text, 1, 100000, &options->rounds, error);
    case KEY_BUDGET:
        return parse_duration(text, &options->budget_ns, error);
    case KEY_SEED:
        options->seed_given = true;
        return parse_count("seed", text, 0, INT64_MAX, &options->seed, error);
    default:
        return 1;
    }
}

static int parse_output(struct options *options, int key, const char *text)
{
    switch (key) {
    case KEY_JSON:
        options->json = text;
        return 0;
    case KEY_CSV:
        options->csv = text;
        return 0;
    case KEY_MARKDOWN:
        options->markdown = text;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case KEY_DRY_RUN:
        options->dry_run = true;
        return 0;
    case KEY_PROGRESS:
        options->progress = parse_toggle("progress", text);
        return 0;
    case KEY_COLOR:
        options->color = parse_toggle("color", text);
        return 0;
    default:
        return 1;
    }
}

static error_t parse_key(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;
    struct weir_error error = {0};
    int result = parse_axis(options, key, text, &error);
    if (result == 1)
        result = parse_schedule(options, key, text, &error);
    if (result == 1)
        result = parse_output(options, key, text);
    if (result < 0)
        usage_error("%s", error.text);
    return result == 1 ? ARGP_ERR_UNKNOWN : 0;
}

/* ---- defaults and checks ------------------------------------------------------------------------------------- */

static void add_default(struct options *options, int key, const char *text, size_t count)
{
    struct weir_error error;
    if (count == 0 && parse_axis(options, key, text, &error) != 0)
        usage_error("%s", error.text);
}

static void add_defaults(struct options *options)
{
    static const char *const specs[] = {"mutex", "pipe", "unix", "shm", "zmq"};
    const struct axes *axes = &options->axes;
    options->default_specs = axes->spec_count == 0;
    for (size_t i = 0; options->default_specs && i < sizeof specs / sizeof specs[0]; i++)
        add_default(options, ARGP_KEY_ARG, specs[i], 0);
    add_default(options, 'p', "all", axes->pairing_count);
    add_default(options, 's', "64", axes->size_count);
    add_default(options, 'w', "1x1", axes->workers_count);
    add_default(options, 'm', "stream,pingpong", axes->pattern_count);
    add_default(options, 'd', "512", axes->depth_count);
    add_default(options, 'k', "raw", axes->codec_count);
    add_default(options, KEY_WAIT, "default", axes->wait_count);
    add_default(options, KEY_BATCH, "1", axes->batch_count);
    add_default(options, KEY_PIN, "auto", axes->pin_count);
}

/* A spec is tried on a small channel between threads: what is wrong with its words is then known before anything is
 * started. What is only not available here, or not in this form, is the cells' matter. */
static void check_specs(const struct options *options)
{
    static const char *const commands[] = {"run", "list", NULL};
    const struct weir_channel_config config = {.max_message_bytes = 64, .depth = 4, .span = WEIR_SPAN_THREADS};
    for (size_t i = 0; i < options->axes.spec_count; i++) {
        struct weir_channel *channel = NULL;
        struct weir_error error;
        int result = weir_channel_create(&channel, options->axes.specs[i], &config, &error);
        const char *command = result == WEIR_EUNKNOWN ? nearest_word(options->axes.specs[i], commands) : NULL;
        if (command != NULL)
            usage_error("%s; or did you mean the command '%s'?", error.text, command);
        if (result == WEIR_EUNKNOWN || result == WEIR_EINVAL)
            usage_error("%s", error.text);
        weir_channel_destroy(channel);
    }
}

static void check_pins(const struct options *options)
{
    int cpus[2];
    struct weir_error error;
    for (size_t i = 0; i < options->axes.pin_count; i++)
        if (weir_placement(cpus, options->axes.pins[i], 1, 1, &error) != 0)
            usage_error("%s", error.text);
}

static void check_output(const struct options *options)
{
    const char *paths[] = {options->json, options->csv, options->markdown};
    int to_stdout = 0;
    for (size_t i = 0; i < 3; i++)
        to_stdout += paths[i] != NULL && strcmp(paths[i], "-") == 0;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < i; j++)
            if (paths[i] != NULL && paths[j] != NULL && strcmp(paths[i], "-") != 0 && strcmp(paths[i], paths[j]) == 0)
                usage_error("'%s' is named twice: each format needs a file of its own", paths[i]);
    if (to_stdout > 1)
        usage_error("only one of --json, --csv and --markdown can go to stdout");
}

void options_parse(struct options *ret, int argc, char **argv)
{
    static const struct argp argp = {table, parse_key, "[CHANNEL…]", doc, NULL, NULL, NULL};
    *ret = (struct options){0};
    argp_err_exit_status = 2;
    check_words(table, argc, argv);
    if (argp_parse(&argp, argc, argv, 0, NULL, ret) != 0)
        usage_error("the arguments cannot be parsed");
    add_defaults(ret);
    check_output(ret);
    check_specs(ret);
    check_pins(ret);
}

void options_free(struct options *options)
{
    struct axes *axes = &options->axes;
    for (size_t i = 0; i < axes->spec_count; i++)
        free((void *)(uintptr_t)axes->specs[i]);
    for (size_t i = 0; i < axes->pin_count; i++)
        free((void *)(uintptr_t)axes->pins[i]);
    free(axes->specs);
    free(axes->pairings);
    free(axes->sizes);
    free(axes->workers);
    free(axes->patterns);
    free(axes->codecs);
    free(axes->waits);
    free(axes->depths);
    free(axes->batches);
    free(axes->pins);
}

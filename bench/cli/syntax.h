/* SPDX-License-Identifier: MIT
 *
 * What a subcommand understands: groups of options, most of them shared with other subcommands, and one parser over
 * them. A group knows its words, what they mean and where the values go; its header says how to default and check them.
 *
 *     static const struct syntax syntax = {"[CHANNEL...]", doc, {&channels_group, &axes_group, &my_group}};
 *     struct axes axes = {0};
 *     struct mine mine = {0};
 *     void *const values[] = {&axes, &axes, &mine};     // for the groups, in their order
 *     syntax_parse(&syntax, values, NULL, argc, argv);  // ends the program on bad words and after --help
 *     axes_default(&axes, 'p', "process:process");      // where it differs from that of `weir run`
 *     if (axes_defaults(&axes, &error) != 0)
 *         usage_error("%s", error.text);
 *     ...
 *     axes_free(&axes);
 */
#ifndef WEIR_BENCH_SYNTAX_H
#define WEIR_BENCH_SYNTAX_H

#include <argp.h>

#include <weir/weir.h>

/* The keys of options without a letter, apart in all groups. */
enum option_key {
    KEY_WAIT = 256,
    KEY_BATCH,
    KEY_ACCESS,
    KEY_PIN,
    KEY_ROUNDS,
    KEY_BUDGET,
    KEY_PRECISION,
    KEY_EPOCH,
    KEY_SEED,
    KEY_JSON,
    KEY_CSV,
    KEY_MARKDOWN,
    KEY_PROGRESS,
    KEY_COLOR,
    KEY_OWN = 512, /* and above: a subcommand's own */
};

enum { TAKEN = 0, NOT_MINE = 1 };

/* Options that belong together. */
struct option_group {
    const struct argp_option *table; /* a heading, the options, and a row of zeros; NULL: arguments only */
    /* Takes the option `key` with its value `text` (NULL if it has none), or an argument (ARGP_KEY_ARG), into `values`.
     * TAKEN, NOT_MINE, or -1 with a sentence in `error`. */
    int (*take)(void *values, int key, const char *text, struct weir_error *error);
    /* The words that the value of option `key`, or an argument (ARGP_KEY_ARG), may be, or be a list of, NULL-ended;
     * NULL: it is free. May be NULL. */
    const char *const *(*words)(int key);
};

#define MOST_GROUPS 8

struct syntax {
    const char *arguments; /* as in the usage: "[CHANNEL...]" */
    const char *doc;       /* for argp: what stands before and, after a \v, behind the options */
    const struct option_group *groups[MOST_GROUPS]; /* NULL-ended */
};

/* Gives all words of a command line to the groups; values[i] belongs to groups[i]. argv[0] is the name shown in
 * messages. `alternatives`, NULL-ended, are words that somebody may have meant where an argument is unknown (names of
 * subcommands); NULL: none. Exits with 0 after --help and with 2 and one line on stderr for a bad word. */
void syntax_parse(const struct syntax *syntax, void *const *values, const char *const *alternatives, int argc,
                  char **argv);

/* The i-th option (headings are passed over) and, unless NULL, its group; NULL past the last. */
const struct argp_option *syntax_option(const struct syntax *syntax, size_t i, const struct option_group **ret_group);

/* Gives one option or argument to the group that knows it. As `take`. */
int syntax_take(const struct syntax *syntax, void *const *values, int key, const char *text, struct weir_error *error);

#endif

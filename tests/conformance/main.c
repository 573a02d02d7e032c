/* SPDX-License-Identifier: MIT
 *
 * conformance: does a channel keep the promises of <weir/channel.h>? For any spec, so also for a module that you have
 * written yourself. The command line, and the list of all cases.
 */
#include "conformance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct conformance_case *const tables[] = {message_cases,     end_cases,     death_cases,
                                                        crowd_death_cases, inplace_cases, polling_cases,
                                                        scaling_cases,     waiting_cases, hygiene_cases};

static const char *const variant_names[] = {
    "threads", "processes", "thread:thread", "thread:process", "process:thread", "process:process", NULL};

enum { VARIANTS = sizeof variant_names / sizeof variant_names[0] - 1 };

/* ThreadSanitizer does not follow a process that forks and then starts threads. */
#if defined(__SANITIZE_THREAD__)
static const unsigned possible = THREADS | THREAD_THREAD;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
static const unsigned possible = THREADS | THREAD_THREAD;
#else
static const unsigned possible = SPANS | PAIRINGS;
#endif
#else
static const unsigned possible = SPANS | PAIRINGS;
#endif

const char *variant_name(unsigned variant)
{
    return variant_names[__builtin_ctz(variant)];
}

static unsigned find_variant(const char *name)
{
    for (unsigned i = 0; i < VARIANTS; i++) {
        if (strcmp(name, variant_names[i]) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

/* Calls `visit` for every case and returns the worst of what it returned: failed before skipped before passed. */
static int for_each_case(int (*visit)(const struct conformance_case *test, const char *word), const char *word)
{
    int worst = EXIT_PASSED;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct conformance_case *test = tables[i]; test->name != NULL; test++) {
            int result = visit(test, word);
            if (worst != EXIT_FAILED && result != EXIT_PASSED) {
                worst = result;
            }
        }
    }
    return worst;
}

static const struct conformance_case *find_case(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct conformance_case *test = tables[i]; test->name != NULL; test++) {
            if (strcmp(test->name, name) == 0) {
                return test;
            }
        }
    }
    return NULL;
}

/* ---- words that mean nothing ------------------------------------------------------------------------------- */

/* Says what was probably meant, and where to look; the exit status. */
static int unknown_word(const char *what, const char *word, const char *const *words, const char *where)
{
    const char *near = weir_nearest(word, words);
    fprintf(stderr, "conformance: no %s is called '%s'", what, word);
    if (near != NULL) {
        fprintf(stderr, "; did you mean '%s'?", near);
    }
    fprintf(stderr, " %s\n", where);
    return 2;
}

static int unknown_case(const char *word)
{
    const char *names[128];
    size_t count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct conformance_case *test = tables[i]; test->name != NULL && count < 127; test++) {
            names[count++] = test->name;
        }
    }
    names[count] = NULL;
    return unknown_word("case", word, names, "(--cases lists all)");
}

/* A spec whose words are wrong is no channel that fails: it is told once, and no case is run. */
static void read_spec(struct scene *scene)
{
    const struct weir_channel_config config = {.span = scene->span};
    struct weir_error error = {0};
    int result = weir_channel_create(&scene->channel, scene->spec, &config, &error);
    if (result == WEIR_EUNKNOWN || result == WEIR_EINVAL) {
        skip("%s", error.text);
    }
}

/* In a process of its own, as all that makes channels. Should it crash there the cases will tell. */
static bool is_spec(const char *spec)
{
    static const struct conformance_case reading = {"spec", "its words are right", THREADS, true, read_spec};
    if (watch_case(spec, &reading, THREADS) != EXIT_SKIPPED) {
        return true;
    }
    if (find_case(spec) != NULL) {
        fprintf(stderr, "conformance: '%s' is a case: a SPEC comes before it (--specs lists what can be had)\n", spec);
    } else {
        fprintf(stderr, "conformance: %s (--specs lists what can be had)\n", board->reason);
    }
    return false;
}

/* ---- what it prints ---------------------------------------------------------------------------------------- */

static int print_help(void)
{
    puts("Usage: conformance SPEC [CASE [SPAN|PAIRING]]\n"
         "       conformance --deaths N SPEC\n"
         "       conformance --cases | --specs | --help\n"
         "\n"
         "Checks that the channel SPEC keeps the promises of <weir/channel.h>. Without CASE: all of them.\n"
         "\n"
         "  SPEC       driver[,key=value...], or a path to a module\n"
         "  SPAN       threads or processes\n"
         "  PAIRING    thread:thread, thread:process, process:thread or process:process (producer:consumer)\n"
         "  --cases    list the cases: name, where they run, what they check\n"
         "  --specs    list the specs that can be had here\n"
         "  --deaths   kill N workers or more on each side and print the longest time until the other side knew\n"
         "\n"
         "Exit status: 0 passed, 1 failed (one line says what was expected and what came), 2 wrong usage, 77 skipped\n"
         "(the channel says that it cannot).");
    return EXIT_PASSED;
}

static int print_case(const struct conformance_case *test, const char *word)
{
    (void)word;
    const char *separator = "";
    printf("%s\t", test->name);
    for (unsigned i = 0; i < VARIANTS; i++) {
        if (test->variants & possible & 1u << i) {
            printf("%s%s", separator, variant_names[i]);
            separator = ",";
        }
    }
    printf("\t%s\n", test->sentence);
    return EXIT_PASSED;
}

/* ---- what it does ------------------------------------------------------------------------------------------ */

static const char *result_word(int result)
{
    return result == EXIT_PASSED ? "passed " : result == EXIT_SKIPPED ? "skipped" : "FAILED ";
}

/* Prints the reason of whatever has not passed. */
static int watch_alone(const char *spec, const struct conformance_case *test, unsigned variant)
{
    int result = watch_case(spec, test, variant);
    if (result == EXIT_FAILED) {
        fprintf(stderr, "%s\n", board->reason);
    } else if (result == EXIT_SKIPPED) {
        printf("skipped: %s\n", board->reason);
    }
    return result;
}

static int run_variants(const struct conformance_case *test, const char *spec)
{
    int worst = EXIT_PASSED;
    for (unsigned i = 0; i < VARIANTS; i++) {
        unsigned variant = test->variants & possible & 1u << i;
        if (variant == 0) {
            continue;
        }
        int64_t began_ns = weir_now_ns();
        int result = watch_case(spec, test, variant);
        printf("%-26s%-16s%s %5" PRId64 " ms  %s\n", test->name, variant_name(variant), result_word(result),
               (weir_now_ns() - began_ns) / MILLISECOND_NS, board->reason);
        if (worst != EXIT_FAILED && result != EXIT_PASSED) {
            worst = result;
        }
    }
    return worst;
}

static int run_one(const char *spec, const char *case_name, const char *variant_word)
{
    const struct conformance_case *test = find_case(case_name);
    unsigned variant = variant_word != NULL ? find_variant(variant_word) : 0;
    if (test == NULL) {
        return unknown_case(case_name);
    }
    if (variant_word != NULL && variant == 0) {
        return unknown_word("span or pairing", variant_word, variant_names, "(--help lists all)");
    }
    if (variant == 0) {
        return run_variants(test, spec);
    }
    if ((test->variants & possible & variant) == 0) {
        printf("skipped: %s does not run with %s\n", case_name, variant_word);
        return EXIT_SKIPPED;
    }
    return watch_alone(spec, test, variant);
}

/* The longest of `wanted` deaths or more of one side, idle, blocked and busy in turn, until the other side knew. */
static int print_deaths(const char *spec, const char *side, int wanted)
{
    static const char *const states[] = {"idle", "blocked", "busy"};
    int64_t longest_ns = 0;
    int kills = 0;
    for (int i = 0; kills < wanted; i++) {
        char name[64];
        snprintf(name, sizeof name, "kill_%s_%s", side, states[i % 3]);
        int result = watch_alone(spec, find_case(name), PROCESS_PROCESS);
        if (result != EXIT_PASSED) {
            return result;
        }
        kills += atomic_load(&board->kills);
        if (atomic_load(&board->death_ns) > longest_ns) {
            longest_ns = atomic_load(&board->death_ns);
        }
    }
    printf("%s\t%s\t%d kills\tknown after at most %.1f ms\n", spec, side, kills, (double)longest_ns / 1e6);
    return EXIT_PASSED;
}

static int measure_deaths(const char *count, const char *spec)
{
    int kills = atoi(count);
    if (kills < 1) {
        fprintf(stderr, "conformance: --deaths takes a number of kills, not '%s'\n", count);
        return 2;
    }
    if (!is_spec(spec)) {
        return 2;
    }
    int result = print_deaths(spec, "producer", kills);
    return result == EXIT_PASSED ? print_deaths(spec, "consumer", kills) : result;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--help") == 0) {
        return print_help();
    }
    if (strcmp(first, "--cases") == 0) {
        return for_each_case(print_case, NULL);
    }
    if (strcmp(first, "--specs") == 0) {
        return print_specs();
    }
    if (strcmp(first, "--deaths") == 0 && argc == 4) {
        return measure_deaths(argv[2], argv[3]);
    }
    if (*first == '\0' || *first == '-' || argc > 4) {
        fputs("conformance: expected SPEC [CASE [SPAN|PAIRING]]; see --help\n", stderr);
        return 2;
    }
    if (!is_spec(first)) {
        return 2;
    }
    return argc == 2 ? for_each_case(run_variants, first) : run_one(first, argv[2], argc == 4 ? argv[3] : NULL);
}

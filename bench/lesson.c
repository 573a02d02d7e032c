/* SPDX-License-Identifier: MIT
 *
 * `weir lesson`: predict, run, explain.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <weir/weir.h>

#include "commands.h"
#include "cli/interrupt.h"
#include "cli/lists.h"
#include "cli/output.h"
#include "cli/words.h"
#include "machine/clock.h"
#include "render/json.h"
#include "render/machine.h"
#include "render/render.h"
#include "teach/dialogue.h"
#include "teach/page.h"

#define CANNOT 77 /* the exit status of a lesson that cannot be held here */

/* ---- the command line ---------------------------------------------------------------------------------------- */

enum { KEY_PREDICT = KEY_OWN, KEY_NO_INPUT, KEY_WORKERS, KEY_SIZE };

struct lesson_options {
    const char *name; /* NULL: list them; "all" */
    const char *predict;
    bool no_input;
    struct knobs knobs;
    int64_t budget_ns; /* 0: as the lesson says */
};

static const struct argp_option table[] = {
    {"predict", KEY_PREDICT, "ANSWER", 0, "your guess, instead of being asked", 0},
    {"no-input", KEY_NO_INPUT, 0, 0, "do not ask", 0},
    {0, 0, 0, 0, "What you can change, where the lesson heeds it:", 0},
    {"workers", KEY_WORKERS, "N", 0, "how many workers", 0},
    {"size", KEY_SIZE, "SIZE", 0, "how many bytes: of a message, or of memory", 0},
    {"pin", KEY_PIN, "WHERE", 0, "none, same (all on one CPU), auto, or P:C", 0},
    {"budget", KEY_BUDGET, "TIME", 0, "as many rounds as fit: 500ms, 10s", 0},
    {0, 0, 0, 0, 0, 0},
};

static const char *const *lesson_names(void)
{
    static const char *names[64];
    size_t count = 0;
    while (lesson_at(count) != NULL && count < 60) {
        names[count] = lesson_at(count)->name;
        count++;
    }
    names[count++] = "all";
    names[count] = NULL;
    return names;
}

static int take_name(struct lesson_options *options, const char *text, struct weir_error *error)
{
    if (options->name != NULL)
        return weir_error_set(error, WEIR_EINVAL, "lesson takes one NAME, not also '%s'", text), -1;
    if (find_word("lesson", text, lesson_names(), error) < 0)
        return -1;
    options->name = text;
    return TAKEN;
}

static int take_size(const char *text, size_t *ret, struct weir_error *error)
{
    size_t *sizes = NULL, count = 0;
    int result = parse_list(&size_list, text, (void **)&sizes, &count, error);
    if (result == 0 && count != 1)
        result = (weir_error_set(error, WEIR_EINVAL, "--size takes one size here, not a list"), -1);
    if (result == 0)
        *ret = sizes[0];
    free(sizes);
    return result;
}

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct lesson_options *options = values;
    uint64_t number = 0;
    int result = TAKEN;
    switch (key) {
    case ARGP_KEY_ARG:
        return take_name(options, text, error);
    case KEY_PREDICT:
        options->predict = text;
        return TAKEN;
    case KEY_NO_INPUT:
        options->no_input = true;
        return TAKEN;
    case KEY_WORKERS:
        result = parse_count("number of workers", text, 1, 64, &number, error);
        options->knobs.workers = (uint32_t)number;
        return result;
    case KEY_SIZE:
        return take_size(text, &options->knobs.size, error);
    case KEY_PIN:
        options->knobs.pin = text;
        return weir_placement((int[2]){0}, text, 1, 1, error) == 0 ? TAKEN : -1;
    case KEY_BUDGET:
        return parse_duration(text, &options->budget_ns, error);
    default:
        return NOT_MINE;
    }
}

static const char *const *words(int key)
{
    return key == ARGP_KEY_ARG ? lesson_names() : NULL;
}

static const struct option_group own_group = {table, take, words};

const struct syntax lesson_syntax = {
    "[NAME|all]",
    "Guess, measure and understand: each lesson tests a piece of folklore about threads and processes on this "
    "machine.\v"
    "Without NAME: the lessons there are. If the variable WEIR_LESSONS names a file, what was done is noted there.\n\n"
    "Exit status: 0 the lesson was held, 1 something went wrong, 2 bad usage, 77 it cannot be held here, 130 "
    "interrupted.",
    {&own_group, &output_group},
};

/* What the lesson does not heed would be passed over without a word. */
static void check_options(const struct lesson_options *options)
{
    const struct lesson *lesson = NULL;
    for (size_t i = 0; options->name != NULL && lesson_at(i) != NULL; i++)
        if (strcmp(lesson_at(i)->name, options->name) == 0)
            lesson = lesson_at(i);
    const struct {
        bool given;
        enum knob knob;
        const char *option;
    } given[] = {{options->knobs.workers != 0, KNOB_WORKERS, "--workers"},
                 {options->knobs.size != 0, KNOB_SIZE, "--size"},
                 {options->knobs.pin != NULL, KNOB_PIN, "--pin"}};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        if (given[i].given && (lesson == NULL || (lesson->heeds & given[i].knob) == 0))
            usage_error("%s changes nothing in %s%s", given[i].option, lesson != NULL ? "the lesson " : "",
                        lesson != NULL ? lesson->name : "a list, or in all lessons together");
    if (options->predict == NULL)
        return;
    const char *choices[16];
    size_t count = 0;
    struct weir_error error;
    if (lesson == NULL)
        usage_error("--predict is the answer to one lesson's question");
    for (; lesson->choices[count].word != NULL && count < 15; count++)
        choices[count] = lesson->choices[count].word;
    choices[count] = NULL;
    if (find_word("answer", options->predict, choices, &error) < 0)
        usage_error("%s", error.text);
}

/* ---- the list ------------------------------------------------------------------------------------------------ */

static int list_lessons(void)
{
    for (size_t i = 0; lesson_at(i) != NULL; i++) {
        const struct lesson *lesson = lesson_at(i);
        printf("%-9s %3u s %s %s\n", lesson->name, lesson->seconds, history_holds(lesson->name) ? "done" : "    ",
               lesson->question);
    }
    say(stdout, "\n`weir lesson NAME` holds one; `weir lesson all --no-input --markdown FILE` writes a hand-out.\n");
    return 0;
}

/* ---- holding lessons ----------------------------------------------------------------------------------------- */

struct school {
    const struct lesson_options *options;
    const struct output_options *output;
    struct environment environment;
    struct checks checks;
    int interrupt_fd;
    struct page *pages;
    struct experiment *experiments;
    size_t count; /* of lessons held, or tried */
    bool unnoted; /* the history could not be written */
};

static int hold(struct school *school, const struct lesson *lesson)
{
    const struct lesson_options *options = school->options;
    bool tells = !output_takes_stdout(school->output);
    struct page *page = &school->pages[school->count];
    struct experiment *experiment = &school->experiments[school->count++];
    *experiment = (struct experiment){
        .lesson = lesson,
        .knobs = options->knobs,
        .budget_ns = options->budget_ns != 0 ? options->budget_ns : lesson->seconds * INT64_C(1000000000),
        .interrupt_fd = school->interrupt_fd,
        .progress = {.on = output_wants_progress(school->output)},
    };
    *page = (struct page){.lesson = lesson,
                          .experiment = experiment,
                          .end = EXPERIMENT_INTERRUPTED,
                          .predicted = options->predict,
                          .color = output_wants_color(school->output)};
    if (tells)
        page_open(stdout, page);
    if (tells && !options->no_input && options->predict == NULL && dialogue_is_possible() &&
        dialogue_ask(lesson, school->interrupt_fd, &page->predicted) != 0)
        return EXPERIMENT_INTERRUPTED;
    fflush(stdout);
    page->end = experiment_run(experiment);
    if (page->end == EXPERIMENT_DONE && tells)
        page_show(stdout, page);
    if (page->end == EXPERIMENT_CANNOT)
        fprintf(stderr, "weir: the lesson %s cannot be held here: %s\n", lesson->name, experiment->obstacle);
    if (page->end == EXPERIMENT_FAILED)
        fprintf(stderr, "weir: the lesson %s went wrong: %s\n", lesson->name, experiment->obstacle);
    if (page->end == EXPERIMENT_DONE && history_add(page) != 0)
        school->unnoted = true;
    return (int)page->end;
}

static void print_json(FILE *file, void *result)
{
    const struct school *school = result;
    json_t *lessons = json_array();
    for (size_t i = 0; i < school->count; i++)
        json_array_append_new(lessons, page_json(&school->pages[i]));
    bool all = strcmp(school->options->name, "all") == 0;
    json_t *root = all ? json_pack("{s:s, s:o}", "schema", "weir.lessons/1", "lessons", lessons)
                       : json_incref(json_array_get(lessons, 0));
    if (!all)
        json_decref(lessons);
    json_object_set_new(root, "tool", tool_json());
    json_object_set_new(root, "env", environment_json(&school->environment, &school->checks));
    json_print(file, root);
}

static void print_csv(FILE *file, void *result)
{
    const struct school *school = result;
    fputs("lesson,verdict,row,column,median\n", file);
    for (size_t i = 0; i < school->count; i++)
        page_csv(file, &school->pages[i]);
}

static void print_markdown(FILE *file, void *result)
{
    const struct school *school = result;
    fputs("# Threads and processes, as measured here\n\n", file);
    render_machine(file, &school->environment);
    for (size_t i = 0; i < school->count; i++) {
        fputc('\n', file);
        page_markdown(file, &school->pages[i]);
    }
}

static void print_nothing(FILE *file, void *result) /* it stands there already */
{
    (void)file;
    (void)result;
}

static int hold_all(struct school *school)
{
    static const struct output_formats formats = {print_json, print_csv, print_markdown, print_nothing};
    bool all = strcmp(school->options->name, "all") == 0;
    int end = EXPERIMENT_DONE, status = 0;
    for (size_t i = 0; lesson_at(i) != NULL && end != EXPERIMENT_INTERRUPTED; i++) {
        if (!all && strcmp(lesson_at(i)->name, school->options->name) != 0)
            continue;
        if (school->count > 0 && !output_takes_stdout(school->output))
            puts("\n");
        end = hold(school, lesson_at(i));
        if (end == EXPERIMENT_FAILED)
            status = 1;
    }
    if (end == EXPERIMENT_INTERRUPTED)
        experiment_free(&school->experiments[--school->count]); /* those before it are whole */
    if ((school->count > 0 && output_write(school->output, &formats, school) != 0) || school->unnoted)
        status = 1;
    if (end == EXPERIMENT_INTERRUPTED) {
        int signal = interrupt_read(school->interrupt_fd);
        fprintf(stderr, "weir: interrupted\n");
        return 128 + (signal != 0 ? signal : SIGINT);
    }
    return status == 0 && !all && end == EXPERIMENT_CANNOT ? CANNOT : status;
}

int command_lesson(int argc, char **argv)
{
    struct lesson_options options = {0};
    struct output_options output = {0};
    struct weir_error error;
    void *const values[] = {&options, &output};
    syntax_parse(&lesson_syntax, values, NULL, argc, argv);
    check_options(&options);
    if (output_check(&output, &error) != 0)
        usage_error("%s", error.text);
    if (options.name == NULL && (output.json != NULL || output.csv != NULL || output.markdown != NULL))
        usage_error("a list is not written to a file: give a lesson's name, or 'all'");
    if (options.name == NULL)
        return list_lessons();
    size_t lessons = 0;
    while (lesson_at(lessons) != NULL)
        lessons++;
    struct school school = {.options = &options, .output = &output};
    school.pages = calloc(lessons + 1, sizeof *school.pages);
    school.experiments = calloc(lessons + 1, sizeof *school.experiments);
    clock_calibrate();
    environment_read(&school.environment, "");
    checks_make(&school.checks, &school.environment);
    school.interrupt_fd = interrupt_open();
    int status = 1;
    if (school.pages == NULL || school.experiments == NULL)
        fprintf(stderr, "weir: no memory for the lessons\n");
    else if (school.interrupt_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        perror("weir: signals");
    else
        status = hold_all(&school);
    for (size_t i = 0; i < school.count; i++)
        experiment_free(&school.experiments[i]);
    free(school.pages);
    free(school.experiments);
    return status;
}

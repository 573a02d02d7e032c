/* SPDX-License-Identifier: MIT
 *
 * `weir limits`: what this machine allows at best.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "commands.h"
#include "cli/interrupt.h"
#include "cli/lists.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/words.h"
#include "machine/clock.h"
#include "measure/order.h"
#include "render/limits.h"
#include "render/machine.h"

#define BUDGET_NS INT64_C(3000000000)
#define GAUGE_NS  INT64_C(1000000)

/* ---- the command line ---------------------------------------------------------------------------------------- */

struct limits_options {
    bool wants[YARDSTICK_COUNT];
    bool some; /* were named */
    int64_t budget_ns;
};

/* Groups follow each other in the table of yardsticks. */
static const char *const *group_names(void)
{
    static const char *names[YARDSTICK_COUNT + 1];
    size_t count = 0;
    for (int i = 0; i < YARDSTICK_COUNT; i++) {
        const char *group = yardstick_facts((enum yardstick)i)->group;
        if (count == 0 || strcmp(names[count - 1], group) != 0)
            names[count++] = group;
    }
    names[count] = NULL;
    return names;
}

static const struct argp_option table[] = {
    {0, 0, 0, 0, "How long:", 0},
    {"budget", KEY_BUDGET, "TIME", 0, "as many rounds as fit: 3s (default), 500ms, 1m", 0},
    {0, 0, 0, 0, 0, 0},
};

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct limits_options *options = values;
    const char *const *groups = group_names();
    if (key == KEY_BUDGET)
        return parse_duration(text, &options->budget_ns, error);
    if (key != ARGP_KEY_ARG)
        return NOT_MINE;
    int index = find_word("limit", text, groups, error);
    if (index < 0)
        return -1;
    for (int i = 0; i < YARDSTICK_COUNT; i++)
        if (strcmp(yardstick_facts((enum yardstick)i)->group, groups[index]) == 0)
            options->wants[i] = true;
    options->some = true;
    return TAKEN;
}

static const char *const *words(int key)
{
    return key == ARGP_KEY_ARG ? group_names() : NULL;
}

static const struct option_group own_group = {table, take, words};

const struct syntax limits_syntax = {
    "[LIMIT...]",
    "Measure what this machine allows at best, and so what no channel can beat: line, syscall, transit, write, switch, "
    "wake, copy, clock, skew, create.\v"
    "Without LIMIT: all of them. Between CPUs each is measured for one pair of each distance, and the line's round "
    "trip for every pair where there are 8 CPUs or fewer; with -v, up to 32, as a matrix.",
    {&own_group, &output_group},
};

/* ---- measuring ----------------------------------------------------------------------------------------------- */

struct survey_run {
    struct survey *survey;
    struct progress progress;
    int64_t begin_ns, budget_ns;
    int interrupt_fd;
    uint64_t random;
    uint32_t *order;
};

static bool is_interrupted(int interrupt_fd)
{
    struct pollfd fd = {.fd = interrupt_fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

enum round_end { ROUND_WHOLE, ROUND_INTERRUPTED, ROUND_NO_MEMORY };

/* All gauges once, in an order drawn anew: whatever the machine does in the meantime happens to all alike. */
static enum round_end go_round(struct survey_run *run, uint64_t round)
{
    order_draw(run->order, run->survey->gauges.count, round, &run->random);
    for (size_t i = 0; i < run->survey->gauges.count; i++) {
        if (is_interrupted(run->interrupt_fd))
            return ROUND_INTERRUPTED;
        progress_show(&run->progress, "measuring", (uint64_t)(weir_now_ns() - run->begin_ns), (uint64_t)run->budget_ns);
        if (gauge_measure(&run->survey->gauges.items[run->order[i]], GAUGE_NS) != 0)
            return ROUND_NO_MEMORY;
    }
    return ROUND_WHOLE;
}

/* One round at least; then as many as there is surely time for. */
static enum round_end go_on(struct survey_run *run, uint64_t *ret_rounds)
{
    enum round_end end = ROUND_WHOLE;
    int64_t round_ns = 0, left_ns = run->budget_ns;
    for (*ret_rounds = 0; end == ROUND_WHOLE && left_ns >= round_ns; *ret_rounds += end == ROUND_WHOLE) {
        int64_t begin_ns = weir_now_ns();
        end = go_round(run, *ret_rounds);
        round_ns = weir_now_ns() - begin_ns;
        left_ns = run->begin_ns + run->budget_ns - weir_now_ns();
    }
    progress_clear(&run->progress);
    return end;
}

static enum round_end measure(struct survey *survey, const struct limits_options *options,
                              const struct output_options *output, int interrupt_fd, uint64_t *ret_rounds)
{
    struct survey_run run = {
        .survey = survey,
        .progress = {.on = output_wants_progress(output)},
        .begin_ns = weir_now_ns(),
        .budget_ns = options->budget_ns != 0 ? options->budget_ns : BUDGET_NS,
        .interrupt_fd = interrupt_fd,
        .random = (uint64_t)weir_now_ns(),
        .order = calloc(survey->gauges.count + 1, sizeof *run.order),
    };
    if (run.order == NULL)
        return ROUND_NO_MEMORY;
    enum round_end end = go_on(&run, ret_rounds);
    free(run.order);
    return end;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static void parse(struct limits_options *options, struct output_options *output, int argc, char **argv)
{
    struct weir_error error;
    void *const values[] = {options, output};
    syntax_parse(&limits_syntax, values, NULL, argc, argv);
    for (int i = 0; i < YARDSTICK_COUNT; i++)
        options->wants[i] |= !options->some;
    if (output_check(output, &error) != 0)
        usage_error("%s", error.text);
}

static int prepare(struct survey *ret, const struct limits_options *options, bool whole)
{
    int count = weir_cpus_allowed(NULL, 0);
    int *cpus = calloc(count > 0 ? (size_t)count : 1, sizeof *cpus);
    if (cpus == NULL)
        return -1;
    int got = weir_cpus_allowed(cpus, (size_t)(count > 0 ? count : 0));
    int result = survey_make(ret, "", cpus, (size_t)(got < count ? (got > 0 ? got : 0) : count), options->wants, whole);
    free(cpus);
    return result;
}

int command_limits(int argc, char **argv)
{
    static const struct output_formats formats = {render_limits_json, render_limits_csv, render_limits_markdown,
                                                  render_limits_table};
    struct limits_options options = {0};
    struct output_options output = {0};
    struct environment environment;
    struct checks checks;
    struct survey survey = {0};
    struct limits_result result = {.survey = &survey, .environment = &environment, .checks = &checks};
    parse(&options, &output, argc, argv);
    clock_calibrate();
    environment_read(&environment, "");
    checks_make(&checks, &environment);
    session_stamp(result.started, sizeof result.started);
    result.verbose = output.verbose;
    result.color = output_wants_color(&output);
    int interrupt_fd = interrupt_open(), status = 1;
    if (interrupt_fd < 0) {
        perror("weir: signals");
        return 1;
    }
    if (!output.quiet) {
        render_machine(stderr, &environment);
        render_warnings(stderr, &checks, NULL);
        fputc('\n', stderr);
    }
    int64_t begin_ns = weir_now_ns();
    bool prepared = prepare(&survey, &options, output.verbose) == 0;
    if (prepared && survey.gauges.count == 0) {
        fprintf(stderr,
                "weir: nothing was measured: what was asked for takes two CPUs, and this program may use one\n");
        goto done;
    }
    if (!prepared || measure(&survey, &options, &output, interrupt_fd, &result.rounds) == ROUND_NO_MEMORY) {
        fprintf(stderr, "weir: no memory for the limits\n");
        goto done;
    }
    result.wall_s = (double)(weir_now_ns() - begin_ns) / 1e9;
    result.interrupted = interrupt_read(interrupt_fd);
    environment_sample(&environment);
    status = output_write(&output, &formats, &result);
    if (result.interrupted != 0)
        status = 128 + result.interrupted;
done:
    survey_free(&survey);
    return status;
}

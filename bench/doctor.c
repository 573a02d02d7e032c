/* SPDX-License-Identifier: MIT
 *
 * `weir doctor`: what about this machine makes figures less certain, and what to do about it.
 */
#include <jansson.h>

#include <weir/weir.h>

#include "commands.h"
#include "cli/output.h"
#include "cli/words.h"
#include "render/json.h"
#include "render/machine.h"
#include "render/render.h"

/* A hundred ticks of /proc/stat for each CPU, so that one is a hundredth. */
#define SAMPLE_NS INT64_C(1000000000)

/* ---- the command line ---------------------------------------------------------------------------------------- */

enum { KEY_STRICT = KEY_OWN };

static const struct argp_option table[] = {
    {"strict", KEY_STRICT, 0, 0, "exit with 1 if there is any warning", 0},
    {0, 0, 0, 0, 0, 0},
};

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    bool *strict = values;
    (void)text;
    (void)error;
    if (key != KEY_STRICT)
        return NOT_MINE;
    *strict = true;
    return TAKEN;
}

static const struct option_group own_group = {table, take, NULL};

const struct syntax doctor_syntax = {
    "",
    "Look for what makes figures less certain on this machine, each with its remedy. Takes a second, in which one CPU "
    "is "
    "kept busy to see what others take of it.\v"
    "What the machine does not tell is n/a, never ok. `weir run` gives the same warnings.\n\n"
    "Exit status: 0 all was looked at, 1 a file could not be written or, with --strict, there is a warning, 2 bad "
    "usage.",
    {&own_group, &output_group},
};

/* ---- results ------------------------------------------------------------------------------------------------- */

struct findings {
    struct environment environment;
    struct checks checks;
    bool quiet, color;
};

static const char *text_of(const void *data, size_t row, size_t column)
{
    const struct check *check = &((const struct checks *)data)->items[row];
    const char *const texts[] = {check->id, check_state_name(check->state), check->text, check->fix};
    return texts[column];
}

static const char *color_of(const void *data, size_t row)
{
    return ((const struct checks *)data)->items[row].state == CHECK_WARNING ? "yellow" : NULL;
}

/* Remedies stay on one line, because a command that is broken cannot be copied. */
static void print_fix(FILE *file, const struct check *check)
{
    int length = snprintf(NULL, 0, "fix: %s: %s", check->id, check->fix);
    fprintf(file, "fix: %s:%s%s\n", check->id, length > COLUMNS ? "\n    " : " ", check->fix);
}

static void print_table(FILE *file, void *result)
{
    static const char *const heads[] = {"CHECK", "STATE", "FOUND"};
    const struct findings *findings = result;
    const struct sheet sheet = {.rows = CHECK_COUNT,
                                .columns = 3,
                                .heads = heads,
                                .text = text_of,
                                .color = color_of,
                                .data = &findings->checks};
    if (!findings->quiet) {
        render_machine(file, &findings->environment);
        fputc('\n', file);
    }
    sheet_print(file, &sheet, findings->color);
    for (size_t i = 0; i < CHECK_COUNT; i++)
        if (findings->checks.items[i].state == CHECK_WARNING)
            print_fix(file, &findings->checks.items[i]);
}

static struct sheet whole_sheet(const struct findings *findings)
{
    static const char *const heads[] = {"check", "state", "found", "fix"};
    return (struct sheet){
        .rows = CHECK_COUNT, .columns = 4, .heads = heads, .text = text_of, .data = &findings->checks};
}

static void print_markdown(FILE *file, void *result)
{
    const struct sheet sheet = whole_sheet(result);
    sheet_print_markdown(file, &sheet);
}

static void print_csv(FILE *file, void *result)
{
    const struct sheet sheet = whole_sheet(result);
    sheet_print_csv(file, &sheet);
}

static void print_json(FILE *file, void *result)
{
    const struct findings *findings = result;
    json_t *checks = json_array();
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check *check = &findings->checks.items[i];
        json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s?}", "id", check->id, "state",
                                                check_state_name(check->state), "text", check->text, "fix",
                                                check->state == CHECK_WARNING ? check->fix : NULL));
    }
    json_print(file, json_pack("{s:s, s:o, s:o, s:o}", "schema", "weir.doctor/1", "tool", tool_json(), "env",
                               environment_json(&findings->environment, &findings->checks), "checks", checks));
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

/* Nothing can be taken from a CPU that has nothing to do. */
static void keep_busy(int64_t duration_ns)
{
    for (int64_t end_ns = weir_now_ns() + duration_ns; weir_now_ns() < end_ns;)
        ;
}

int command_doctor(int argc, char **argv)
{
    static const struct output_formats formats = {print_json, print_csv, print_markdown, print_table};
    struct output_options output = {0};
    struct findings findings;
    struct weir_error error;
    bool strict = false;
    void *const values[] = {&strict, &output};
    syntax_parse(&doctor_syntax, values, NULL, argc, argv);
    if (output_check(&output, &error) != 0)
        usage_error("%s", error.text);
    clock_calibrate();
    environment_read(&findings.environment, "");
    environment_seat(&findings.environment, "auto", 1, 1);
    keep_busy(SAMPLE_NS);
    environment_sample(&findings.environment);
    checks_make(&findings.checks, &findings.environment);
    findings.quiet = output.quiet;
    findings.color = output_wants_color(&output);
    int failed = output_write(&output, &formats, &findings);
    return failed != 0 || (strict && checks_warnings(&findings.checks) > 0);
}

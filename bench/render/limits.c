/* SPDX-License-Identifier: MIT
 *
 * Limits as a table, and as data.
 */
#include "limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "render.h"

static const struct slice all_rounds = {NULL, 0};

/* ---- one limit ----------------------------------------------------------------------------------------------- */

static const struct gauge *gauge_at(const struct survey *survey, size_t row)
{
    return &survey->gauges.items[row];
}

static const char *gauge_name(const struct gauge *gauge)
{
    return gauge->name != NULL ? gauge->name : yardstick_facts(gauge->yardstick)->name;
}

static void format_cpus(char *text, size_t capacity, const struct gauge *gauge)
{
    *text = '\0';
    if (gauge->cpu_b >= 0)
        snprintf(text, capacity, "%d:%d", gauge->cpu_a, gauge->cpu_b);
    else if (gauge->cpu_a >= 0)
        snprintf(text, capacity, "%d", gauge->cpu_a);
}

/* "line/round-trip/0:1", "copy/L1/0/12288" */
static void format_id(char *text, size_t capacity, const struct gauge *gauge)
{
    char cpus[32], size[32] = "";
    format_cpus(cpus, sizeof cpus, gauge);
    if (gauge->size != 0)
        snprintf(size, sizeof size, "/%zu", gauge->size);
    snprintf(text, capacity, "%s/%s%s%s%s", yardstick_facts(gauge->yardstick)->group, gauge_name(gauge),
             cpus[0] ? "/" : "", cpus, size);
    for (char *at = text; *at != '\0'; at++)
        if (*at == ' ')
            *at = '-';
}

/* "13.1 GB/s": three digits, in powers of ten as bandwidths are told. */
static void format_rate(char *text, size_t capacity, double bytes_per_s)
{
    static const char *const units[] = {"MB/s", "GB/s", "TB/s"};
    size_t unit = 0;
    double value = bytes_per_s / 1e6;
    for (; value >= 999.5 && unit < 2; unit++)
        value /= 1000;
    if (isfinite(bytes_per_s))
        snprintf(text, capacity, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
    else
        snprintf(text, capacity, "n/a");
}

static void format_median(char *text, size_t capacity, const struct gauge *gauge)
{
    double median = gauge_estimate(gauge, all_rounds).median;
    if (yardstick_facts(gauge->yardstick)->is_rate)
        format_rate(text, capacity, median);
    else
        format_ns(text, capacity, median);
}

/* Half the interval, as a share; of what may be about zero, as a time. */
static void format_spread(char *text, size_t capacity, const struct gauge *gauge)
{
    struct estimate estimate = gauge_estimate(gauge, all_rounds);
    double half = (estimate.high - estimate.low) / 2;
    if (!isfinite(half))
        snprintf(text, capacity, "n/a");
    else if (gauge->yardstick == YARDSTICK_SKEW)
        format_ns(text, capacity, half);
    else
        snprintf(text, capacity, "%.0f%%", ceil(100 * half / estimate.median));
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

enum { COLUMN_NAME, COLUMN_CPUS, COLUMN_SIZE, COLUMN_MEDIAN, COLUMN_SPREAD, COLUMN_MEANS, COLUMN_COUNT };

struct rows {
    const struct survey *survey;
    size_t *indices; /* of the gauges that have a row */
    size_t count;
};

static enum yardstick yardstick_at(const struct rows *rows, size_t row)
{
    return gauge_at(rows->survey, rows->indices[row])->yardstick;
}

/* Each thing is explained once. */
static const char *means_at(const struct rows *rows, size_t row)
{
    enum yardstick yardstick = yardstick_at(rows, row);
    return row > 0 && yardstick_at(rows, row - 1) == yardstick ? "" : yardstick_facts(yardstick)->means;
}

static const char *text_at(const void *data, size_t row, size_t column)
{
    static char text[64];
    const struct rows *rows = data;
    const struct gauge *gauge = gauge_at(rows->survey, rows->indices[row]);
    *text = '\0';
    if (column == COLUMN_NAME)
        snprintf(text, sizeof text, "%s %s", yardstick_facts(gauge->yardstick)->group, gauge_name(gauge));
    else if (column == COLUMN_CPUS)
        format_cpus(text, sizeof text, gauge);
    else if (column == COLUMN_SIZE && gauge->size != 0)
        format_bytes(text, sizeof text, gauge->size);
    else if (column == COLUMN_MEDIAN)
        format_median(text, sizeof text, gauge);
    else if (column == COLUMN_SPREAD)
        format_spread(text, sizeof text, gauge);
    else if (column == COLUMN_MEANS)
        return means_at(rows, row);
    return text;
}

static void print_rows(FILE *file, const struct survey *survey, bool markdown, bool color)
{
    const char *const heads[COLUMN_COUNT] = {"LIMIT", "CPUS", "SIZE", "MEDIAN", speaks_utf8() ? "±" : "+-", "MEANS"};
    static const bool right[COLUMN_COUNT] = {
        [COLUMN_CPUS] = true, [COLUMN_SIZE] = true, [COLUMN_MEDIAN] = true, [COLUMN_SPREAD] = true};
    struct rows rows = {survey, calloc(survey->gauges.count + 1, sizeof *rows.indices), 0};
    for (size_t i = 0; rows.indices != NULL && i < survey->gauges.count; i++)
        if (!survey->gauges.items[i].minor)
            rows.indices[rows.count++] = i;
    const struct sheet sheet = {
        .rows = rows.count, .columns = COLUMN_COUNT, .heads = heads, .right = right, .text = text_at, .data = &rows};
    if (markdown)
        sheet_print_markdown(file, &sheet);
    else
        sheet_print(file, &sheet, color);
    free(rows.indices);
}

/* What each pair of the table is an example of. */
static void print_distances(FILE *file, const struct survey *survey)
{
    bool told[DISTANCE_COUNT] = {false};
    for (size_t i = 0; i < survey->gauges.count; i++) {
        const struct gauge *gauge = gauge_at(survey, i);
        if (gauge->cpu_b < 0 || told[survey_distance(survey, gauge)])
            continue;
        enum distance distance = survey_distance(survey, gauge);
        say(file, "CPUs %d and %d %s\n", gauge->cpu_a, gauge->cpu_b, distance_text(distance));
        told[distance] = true;
    }
}

/* ---- the matrix ---------------------------------------------------------------------------------------------- */

static double line_between(const struct survey *survey, int cpu_a, int cpu_b)
{
    for (size_t i = 0; i < survey->gauges.count; i++) {
        const struct gauge *gauge = gauge_at(survey, i);
        if (gauge->yardstick == YARDSTICK_LINE_STORE &&
            ((gauge->cpu_a == cpu_a && gauge->cpu_b == cpu_b) || (gauge->cpu_a == cpu_b && gauge->cpu_b == cpu_a)))
            return gauge_estimate(gauge, all_rounds).median;
    }
    return NAN;
}

static void print_matrix(FILE *file, const struct survey *survey)
{
    if (survey->spot_count < 2 || survey->spot_count > SURVEY_MOST_CPUS)
        return;
    fprintf(file, "\nround trip of a line, ns\n%4s", "");
    for (size_t column = 0; column < survey->spot_count; column++)
        fprintf(file, " %5d", survey->spots[column].cpu);
    for (size_t row = 0; row < survey->spot_count; row++) {
        fprintf(file, "\n%4d", survey->spots[row].cpu);
        for (size_t column = 0; column < survey->spot_count; column++) {
            double ns = line_between(survey, survey->spots[row].cpu, survey->spots[column].cpu);
            if (isfinite(ns))
                fprintf(file, " %5.0f", ns);
            else
                fprintf(file, " %5s", row == column ? "-" : "n/a");
        }
    }
    fputc('\n', file);
}

void render_limits_table(FILE *file, void *argument)
{
    const struct limits_result *result = argument;
    say(file, "what this machine allows at best; %llu round%s%s\n", (unsigned long long)result->rounds,
        result->rounds == 1 ? "" : "s", result->interrupted ? " (interrupted)" : "");
    print_rows(file, result->survey, false, result->color);
    print_distances(file, result->survey);
    if (result->verbose)
        print_matrix(file, result->survey);
}

/* ---- data ---------------------------------------------------------------------------------------------------- */

static json_t *gauge_json(const struct survey *survey, const struct gauge *gauge)
{
    char id[128], name[64];
    const struct yardstick_facts *facts = yardstick_facts(gauge->yardstick);
    struct estimate estimate = gauge_estimate(gauge, all_rounds);
    bool is_pair = gauge->cpu_b >= 0;
    json_t *cpus = gauge->cpu_a < 0 ? json_null()
                   : is_pair        ? json_pack("[i, i]", gauge->cpu_a, gauge->cpu_b)
                                    : json_pack("[i]", gauge->cpu_a);
    format_id(id, sizeof id, gauge);
    snprintf(name, sizeof name, "%s %s", facts->group, gauge_name(gauge));
    return json_pack("{s:s, s:s, s:s, s:o, s:s?, s:o, s:o, s:o, s:o, s:I}", "id", id, "name", name, "unit",
                     facts->is_rate ? "bytes/s" : "ns", "cpus", cpus, "distance",
                     is_pair ? distance_text(survey_distance(survey, gauge)) : NULL, "size",
                     gauge->size != 0 ? json_integer((json_int_t)gauge->size) : json_null(), "median",
                     number_or_null(estimate.median), "lo", number_or_null(estimate.low), "hi",
                     number_or_null(estimate.high), "n", (json_int_t)gauge_known(gauge));
}

void render_limits_json(FILE *file, void *argument)
{
    const struct limits_result *result = argument;
    json_t *limits = json_array();
    for (size_t i = 0; i < result->survey->gauges.count; i++)
        json_array_append_new(limits, gauge_json(result->survey, gauge_at(result->survey, i)));
    json_t *root = json_pack("{s:s, s:o, s:s, s:f, s:b, s:o, s:I, s:o}", "schema", "weir.limits/1", "tool", tool_json(),
                             "started", result->started, "wall_s", result->wall_s, "interrupted",
                             result->interrupted != 0, "env", environment_json(result->environment, result->checks),
                             "rounds", (json_int_t)result->rounds, "limits", limits);
    json_print(file, root);
}

void render_limits_csv(FILE *file, void *argument)
{
    const struct survey *survey = ((const struct limits_result *)argument)->survey;
    fputs("id,name,unit,cpus,distance,size,median,lo,hi,n\n", file);
    for (size_t i = 0; i < survey->gauges.count; i++) {
        const struct gauge *gauge = gauge_at(survey, i);
        const struct yardstick_facts *facts = yardstick_facts(gauge->yardstick);
        struct estimate estimate = gauge_estimate(gauge, all_rounds);
        char id[128], cpus[32], size[32] = "";
        format_id(id, sizeof id, gauge);
        format_cpus(cpus, sizeof cpus, gauge);
        if (gauge->size != 0)
            snprintf(size, sizeof size, "%zu", gauge->size);
        fprintf(file, "%s,%s %s,%s,%s,%s,%s", id, facts->group, gauge_name(gauge), facts->is_rate ? "bytes/s" : "ns",
                cpus, gauge->cpu_b >= 0 ? distance_text(survey_distance(survey, gauge)) : "", size);
        csv_number(file, estimate.median);
        csv_number(file, estimate.low);
        csv_number(file, estimate.high);
        fprintf(file, ",%zu\n", gauge_known(gauge));
    }
}

void render_limits_markdown(FILE *file, void *argument)
{
    print_rows(file, ((const struct limits_result *)argument)->survey, true, false);
}

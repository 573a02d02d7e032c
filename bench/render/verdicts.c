/* SPDX-License-Identifier: MIT
 *
 * A row for each comparison.
 */
#include "verdicts.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "json.h"
#include "measure/bootstrap.h"
#include "render.h"
#include "sheet.h"

void format_ratio(char *text, size_t capacity, double ratio)
{
    if (!isfinite(ratio))
        snprintf(text, capacity, "n/a");
    else if (ratio < 0.0995)
        snprintf(text, capacity, "%#.2g", ratio);
    else
        snprintf(text, capacity, "%.*f", ratio >= 9.995 ? 1 : ratio > 0.9 && ratio < 1.0995 ? 3 : 2, ratio);
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

enum figure {
    FIGURE_PATTERN,
    FIGURE_REGIME,
    FIGURE_A,
    FIGURE_B,
    FIGURE_RATIO,
    FIGURE_RANGE,
    FIGURE_MDE,
    FIGURE_VERDICT,
    FIGURES
};

#define MOST_COLUMNS (AXIS_COLUMNS + FIGURES)

/* A column is an axis, or, from AXIS_COLUMNS on, a figure. */
struct layout {
    const struct comparisons *comparisons;
    size_t columns[MOST_COLUMNS];
    const char *heads[MOST_COLUMNS];
    bool right[MOST_COLUMNS];
    size_t count;
    char *scratch; /* where a text is until the next one */
};

#define SCRATCH_BYTES 256
#define BETWEEN       " / " /* of A and of B */

static void write_pattern(char *text, size_t capacity, const struct comparison *comparison)
{
    const char *a = pattern_name(comparison->a->setup.pattern), *b = pattern_name(comparison->b->setup.pattern);
    snprintf(text, capacity, "%s%s%s", a, strcmp(a, b) ? BETWEEN : "", strcmp(a, b) ? b : "");
}

static void write_range(char *text, size_t capacity, const struct comparison *comparison)
{
    char low[16], high[16];
    format_ratio(low, sizeof low, comparison->low);
    format_ratio(high, sizeof high, comparison->high);
    if (isfinite(comparison->low))
        snprintf(text, capacity, "%s%s%s", low, speaks_utf8() ? "…" : "..", high);
    else
        snprintf(text, capacity, "n/a");
}

static void write_figure(char *text, size_t capacity, enum figure figure, const struct comparison *comparison)
{
    switch (figure) {
    case FIGURE_PATTERN:
        write_pattern(text, capacity, comparison);
        return;
    case FIGURE_REGIME:
        snprintf(text, capacity, "%s", comparison->regime != NULL ? comparison->regime : "all");
        return;
    case FIGURE_A:
        format_ns(text, capacity, comparison->a_ns);
        return;
    case FIGURE_B:
        format_ns(text, capacity, comparison->b_ns);
        return;
    case FIGURE_RATIO:
        format_ratio(text, capacity, comparison->ratio);
        return;
    case FIGURE_RANGE:
        write_range(text, capacity, comparison);
        return;
    case FIGURE_MDE:
        if (isfinite(comparison->mde))
            snprintf(text, capacity, "%.*f%%", comparison->mde < 0.0995 ? 1 : 0, 100 * comparison->mde);
        else
            snprintf(text, capacity, "n/a");
        return;
    case FIGURE_VERDICT:
        snprintf(text, capacity, "%s", verdict_name(comparison->verdict));
        return;
    case FIGURES:
        return;
    }
}

static void write_axis(char *text, size_t capacity, enum axis_column axis, const struct comparison *comparison)
{
    char a[100], b[100];
    column_write(a, sizeof a, axis, &comparison->a->setup);
    column_write(b, sizeof b, axis, &comparison->b->setup);
    snprintf(text, capacity, "%s%s%s", a, strcmp(a, b) ? BETWEEN : "", strcmp(a, b) ? b : "");
}

static const char *text_of(const void *data, size_t row, size_t column)
{
    const struct layout *layout = data;
    const struct comparison *comparison = &layout->comparisons->items[row];
    size_t what = layout->columns[column];
    if (what < AXIS_COLUMNS)
        write_axis(layout->scratch, SCRATCH_BYTES, (enum axis_column)what, comparison);
    else
        write_figure(layout->scratch, SCRATCH_BYTES, (enum figure)(what - AXIS_COLUMNS), comparison);
    return layout->scratch;
}

static const char *color_of(const void *data, size_t row)
{
    static const char *const colors[] = {"green", "red", NULL, "yellow"};
    return colors[((const struct layout *)data)->comparisons->items[row].verdict];
}

/* ---- layout -------------------------------------------------------------------------------------------------- */

/* Whether the text of the column is not the same in all rows. */
static bool varies(const struct layout *layout, size_t what)
{
    char first[SCRATCH_BYTES], text[SCRATCH_BYTES];
    for (size_t row = 0; row < layout->comparisons->count; row++) {
        const struct comparison *comparison = &layout->comparisons->items[row];
        if (what < AXIS_COLUMNS)
            write_axis(text, sizeof text, (enum axis_column)what, comparison);
        else
            write_figure(text, sizeof text, (enum figure)(what - AXIS_COLUMNS), comparison);
        if (row > 0 && strcmp(text, first) != 0)
            return true;
        memcpy(first, text, sizeof first);
    }
    return false;
}

/* Whether the sides differ in an axis. */
static bool differs(const struct layout *layout, size_t axis)
{
    char text[SCRATCH_BYTES];
    for (size_t row = 0; axis < AXIS_COLUMNS && row < layout->comparisons->count; row++) {
        write_axis(text, sizeof text, (enum axis_column)axis, &layout->comparisons->items[row]);
        if (strstr(text, BETWEEN) != NULL)
            return true;
    }
    return false;
}

static void add_column(struct layout *layout, size_t what)
{
    static const char *const heads[FIGURES] = {"PATTERN", "REGIME", "A", "B", "B/A", "95 %", "MDE", "VERDICT"};
    bool axis = what < AXIS_COLUMNS;
    layout->columns[layout->count] = what;
    layout->heads[layout->count] = axis ? column_head((enum axis_column)what) : heads[what - AXIS_COLUMNS];
    layout->right[layout->count] = axis ? column_is_number((enum axis_column)what)
                                        : what >= AXIS_COLUMNS + FIGURE_A && what < AXIS_COLUMNS + FIGURE_VERDICT;
    layout->count++;
}

/* What tells the rows apart, then what they say. */
static void lay_out(struct layout *layout, const struct verdicts *verdicts, char *scratch)
{
    *layout = (struct layout){.comparisons = &verdicts->comparisons, .scratch = scratch};
    for (size_t what = 0; what < AXIS_COLUMNS + FIGURE_A; what++)
        if (varies(layout, what) || what == AXIS_COLUMNS + FIGURE_PATTERN || (verdicts->files && differs(layout, what)))
            add_column(layout, what);
    for (size_t what = AXIS_COLUMNS + FIGURE_A; what < MOST_COLUMNS; what++)
        add_column(layout, what);
}

static struct sheet sheet_of(const struct layout *layout)
{
    return (struct sheet){
        .rows = layout->comparisons->count,
        .columns = layout->count,
        .heads = layout->heads,
        .right = layout->right,
        .text = text_of,
        .color = color_of,
        .data = layout,
    };
}

/* ---- for people ---------------------------------------------------------------------------------------------- */

/* The axes that are the same in all rows, and on both sides: "pairing process:process, size 64 B, …". */
static void print_caption(FILE *file, const struct verdicts *verdicts, const struct layout *layout)
{
    char text[400] = "", value[SCRATCH_BYTES];
    size_t used = 0;
    for (size_t axis = verdicts->files ? COLUMN_CHANNEL : COLUMN_PAIRING;
         layout->comparisons->count > 0 && axis < AXIS_COLUMNS; axis++) {
        write_axis(value, sizeof value, (enum axis_column)axis, layout->comparisons->items);
        if (varies(layout, axis) || differs(layout, axis) || used >= sizeof text)
            continue;
        for (const char *letter = column_head((enum axis_column)axis); *letter != '\0' && used + 2 < sizeof text;
             letter++)
            text[used++] = (char)tolower((unsigned char)*letter);
        used += (size_t)snprintf(text + used, sizeof text - used, " %s, ", value);
    }
    say(file, "A: %s\nB: %s\nboth: %.*s\n", verdicts->names[0], verdicts->names[1], used > 2 ? (int)used - 2 : 0, text);
}

void render_verdicts(FILE *file, const struct verdicts *verdicts, bool color)
{
    char scratch[SCRATCH_BYTES];
    struct layout layout;
    lay_out(&layout, verdicts, scratch);
    struct sheet sheet = sheet_of(&layout);
    print_caption(file, verdicts, &layout);
    sheet_print(file, &sheet, color);
    say(file,
        "A, B: median wall time; B/A: %s, with its 95 %% interval (n/a below %d rounds); MDE: the smallest difference "
        "that "
        "would have been seen 8 times in 10\n",
        verdicts->files ? "ratio of the medians" : "median of the ratios round by round",
        verdicts->files ? BOOTSTRAP_LEAST_ROUNDS : 6);
    render_answers(file, verdicts);
}

void render_verdicts_markdown(FILE *file, const struct verdicts *verdicts)
{
    char scratch[SCRATCH_BYTES];
    struct layout layout;
    lay_out(&layout, verdicts, scratch);
    struct sheet sheet = sheet_of(&layout);
    sheet_print_markdown(file, &sheet);
}

/* ---- for programs -------------------------------------------------------------------------------------------- */

void render_verdicts_csv(FILE *file, const struct verdicts *verdicts)
{
    fputs("a,b,regime,rounds,a_ns,b_ns,ratio,low,high,mde,delta,verdict\n", file);
    for (size_t i = 0; i < verdicts->comparisons.count; i++) {
        const struct comparison *comparison = &verdicts->comparisons.items[i];
        csv_text(file, comparison->a->id);
        fputc(',', file);
        csv_text(file, comparison->b->id);
        fprintf(file, ",%s,", comparison->regime != NULL ? comparison->regime : "");
        if (comparison->pairs > 0)
            fprintf(file, "%zu", comparison->pairs);
        const double figures[] = {comparison->a_ns, comparison->b_ns, comparison->ratio, comparison->low,
                                  comparison->high, comparison->mde,  comparison->delta};
        for (size_t figure = 0; figure < sizeof figures / sizeof figures[0]; figure++)
            csv_number(file, figures[figure]);
        fprintf(file, ",%s\n", verdict_name(comparison->verdict));
    }
}

json_t *verdicts_json(const struct verdicts *verdicts)
{
    json_t *array = json_array();
    for (size_t i = 0; i < verdicts->comparisons.count; i++) {
        const struct comparison *comparison = &verdicts->comparisons.items[i];
        json_t *pairs = comparison->pairs > 0 ? json_integer((json_int_t)comparison->pairs) : json_null();
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "a", comparison->a->id, "b",
                             comparison->b->id, "regime", comparison->regime, "rounds", pairs, "ratio",
                             number_or_null(comparison->ratio), "lo", number_or_null(comparison->low), "hi",
                             number_or_null(comparison->high), "mde", number_or_null(comparison->mde), "delta",
                             number_or_null(comparison->delta), "verdict", verdict_name(comparison->verdict)));
    }
    return array;
}

/* SPDX-License-Identifier: MIT
 *
 * A lesson in the terminal and as Markdown.
 */
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/render.h"

/* ---- figures ------------------------------------------------------------------------------------------------- */

void figure_text(char *text, size_t capacity, enum unit unit, double value)
{
    const char *times = speaks_utf8() ? "×" : "x";
    if (!isfinite(value))
        snprintf(text, capacity, "n/a");
    else if (value < 0 && capacity > 1) {
        text[0] = '-';
        figure_text(text + 1, capacity - 1, unit, -value);
    } else if (unit == UNIT_NS)
        format_ns(text, capacity, value);
    else if (unit == UNIT_BYTES && value < 1024)
        snprintf(text, capacity, "%.0f B", value);
    else if (unit == UNIT_BYTES && value < 1024.0 * 1024)
        snprintf(text, capacity, "%.3g KiB", value / 1024);
    else if (unit == UNIT_BYTES)
        snprintf(text, capacity, "%.*f MiB", value < 100.0 * 1024 * 1024 ? 1 : 0, value / 1024 / 1024);
    else if (unit == UNIT_SHARE)
        snprintf(text, capacity, "%.*f %%", value > 0 && value < 0.0995 ? 1 : 0, 100 * value);
    else if (unit == UNIT_TIMES)
        snprintf(text, capacity, "%.*f%s", value < 9.95 ? 2 : value < 99.5 ? 1 : 0, value, times);
    else if (value >= 100000)
        snprintf(text, capacity, "%.0f k", value / 1000);
    else
        snprintf(text, capacity, "%.*f", value == floor(value) || value >= 100 ? 0 : 1, value);
}

const char *told(enum unit unit, double value)
{
    static char texts[9][48];
    static size_t turn;
    turn = (turn + 1) % 9;
    figure_text(texts[turn], sizeof texts[0], unit, value);
    return texts[turn];
}

const struct lesson_choice *choice_find(const struct lesson *lesson, const char *word)
{
    for (const struct lesson_choice *choice = lesson->choices; choice->word != NULL; choice++)
        if (word != NULL && strcmp(choice->word, word) == 0)
            return choice;
    return NULL;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

/* 0 or -1 (memory). To be freed by grid_free. */
static int make_grid(struct grid *ret, const struct experiment *experiment)
{
    const struct lesson *lesson = experiment->lesson;
    const size_t columns = experiment->columns + 1 + (lesson->remarks != NULL);
    if (grid_alloc(ret, experiment->row_count, columns) != 0)
        return -1;
    ret->heads[0] = "";
    for (size_t i = 0; i < experiment->columns; i++) {
        ret->heads[i + 1] = lesson->columns[i].head;
        ret->right[i + 1] = true;
    }
    if (lesson->remarks != NULL)
        ret->heads[columns - 1] = lesson->remarks;
    for (size_t i = 0; i < experiment->row_count; i++) {
        const struct experiment_row *row = &experiment->rows[i];
        char(*texts)[sizeof ret->texts[0]] = &ret->texts[i * columns];
        snprintf(texts[0], sizeof texts[0], "%s", row->label);
        for (size_t k = 0; k < experiment->columns; k++)
            figure_text(texts[k + 1], sizeof texts[0], lesson->columns[k].unit, row->medians[k]);
        if (lesson->remarks != NULL)
            snprintf(texts[columns - 1], sizeof texts[0], "%s", row->remark);
    }
    return 0;
}

/* ---- the terminal -------------------------------------------------------------------------------------------- */

static void title(FILE *file, const char *text, bool color)
{
    fprintf(file, "%s%s%s\n", color ? "\033[1m" : "", text, color ? "\033[0m" : "");
}

static const char *dash(void)
{
    return speaks_utf8() ? "—" : "-";
}

/* "--workers 1 --pin same": what the student has changed; empty: nothing. */
static const char *changes_text(const struct knobs *knobs, char *text, size_t capacity)
{
    char workers[32] = "", size[40] = "", pin[64] = "";
    if (knobs->workers != 0)
        snprintf(workers, sizeof workers, " --workers %u", knobs->workers);
    if (knobs->size != 0)
        snprintf(size, sizeof size, " --size %zu", knobs->size);
    if (knobs->pin != NULL)
        snprintf(pin, sizeof pin, " --pin %.48s", knobs->pin);
    snprintf(text, capacity, "%s%s%s", workers, size, pin);
    return text[0] != '\0' ? text + 1 : text;
}

void page_open(FILE *file, const struct page *page)
{
    const struct lesson *lesson = page->lesson;
    char text[256], changes[160];
    snprintf(text, sizeof text, "%s: %s", lesson->name, lesson->question);
    title(file, text, page->color);
    say(file, "\nIt is said: %s\n\n%s\n", lesson->claim, lesson->ask);
    for (const struct lesson_choice *choice = lesson->choices; choice->word != NULL; choice++)
        say(file, "  %s %s %s\n", choice->word, dash(), choice->text);
    const char *changed = changes_text(&page->experiment->knobs, changes, sizeof changes);
    if (*changed != '\0')
        say(file, "\nChanged this time, whatever the question says: %s\n", changed);
}

/* The guess beside what came true. */
static void tell_guess(FILE *file, const struct page *page)
{
    const char *answer = page->experiment->answer;
    if (answer != NULL && page->predicted == NULL)
        say(file, "Right was: %s %s %s.\n", answer, dash(), choice_find(page->lesson, answer)->text);
    else if (answer != NULL && strcmp(answer, page->predicted) == 0)
        say(file, "Your guess was right: %s %s %s.\n", answer, dash(), choice_find(page->lesson, answer)->text);
    else if (answer != NULL)
        say(file, "Your guess was %s; right was: %s %s %s.\n", page->predicted, answer, dash(),
            choice_find(page->lesson, answer)->text);
}

static void tell_twists(FILE *file, const struct lesson *lesson)
{
    for (const struct lesson_twist *twist = lesson->twists; twist->command != NULL; twist++) {
        fprintf(file, "  %s\n", twist->command);
        say(file, "      %s\n", twist->shows);
    }
}

void page_show(FILE *file, const struct page *page)
{
    const struct experiment *experiment = page->experiment;
    struct grid grid;
    title(file, "\nWhat happened", page->color);
    if (make_grid(&grid, experiment) == 0) {
        const struct sheet sheet = grid_sheet(&grid);
        sheet_print(file, &sheet, page->color);
        grid_free(&grid);
    }
    size_t width = terminal_width(file) < COLUMNS ? terminal_width(file) : COLUMNS;
    fputc('\n', file);
    picture_print(file, experiment, width, page->color);
    if (experiment->answer != NULL)
        fputc('\n', file);
    tell_guess(file, page);
    title(file, "\nThe verdict", page->color);
    say(file, "%s %s\n", verdict_text(experiment->verdict), experiment->figure);
    title(file, "\nWhy", page->color);
    say(file, "%s\n", page->lesson->why);
    say(file, "Read on: %s; the experiment is bench/lessons/%s.c.\n", page->lesson->see, page->lesson->name);
    title(file, "\nNow break it", page->color);
    tell_twists(file, page->lesson);
}

/* ---- Markdown ------------------------------------------------------------------------------------------------ */

void page_markdown(FILE *file, const struct page *page)
{
    const struct lesson *lesson = page->lesson;
    const struct experiment *experiment = page->experiment;
    struct grid grid;
    fprintf(file, "## %s: %s\n\n**It is said:** %s\n\n**The question:** %s\n\n", lesson->name, lesson->question,
            lesson->claim, lesson->ask);
    for (const struct lesson_choice *choice = lesson->choices; choice->word != NULL; choice++)
        fprintf(file, "- *%s*: %s\n", choice->word, choice->text);
    char changes[160];
    const char *changed = changes_text(&experiment->knobs, changes, sizeof changes);
    if (*changed != '\0')
        fprintf(file, "\nChanged this time, whatever the question says: `%s`\n", changed);
    fputc('\n', file);
    if (page->end != EXPERIMENT_DONE) {
        fprintf(file, "It could not be held on this machine: %s.\n", experiment->obstacle);
        return;
    }
    if (make_grid(&grid, experiment) == 0) {
        const struct sheet sheet = grid_sheet(&grid);
        sheet_print_markdown(file, &sheet);
        grid_free(&grid);
    }
    fputs("\n```\n", file);
    picture_print(file, experiment, COLUMNS, false);
    fputs("```\n\n", file);
    tell_guess(file, page);
    fprintf(file, "\n**%s** %s\n\n%s\n\nRead on: %s; `bench/lessons/%s.c`.\n\nNow break it:\n\n",
            verdict_text(experiment->verdict), experiment->figure, lesson->why, lesson->see, lesson->name);
    for (const struct lesson_twist *twist = lesson->twists; twist->command != NULL; twist++)
        fprintf(file, "- `%s`: %s\n", twist->command, twist->shows);
}

/* ---- CSV and JSON -------------------------------------------------------------------------------------------- */

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {NULL, "holds", "refuted", "depends"};
    return words[verdict];
}

void page_csv(FILE *file, const struct page *page)
{
    const struct experiment *experiment = page->experiment;
    const char *verdict = verdict_word(experiment->verdict);
    for (size_t i = 0; i < experiment->row_count; i++)
        for (size_t k = 0; k < experiment->columns; k++) {
            fprintf(file, "%s,%s,%s,%s", page->lesson->name, verdict != NULL ? verdict : "", experiment->rows[i].key,
                    page->lesson->columns[k].key);
            csv_number(file, experiment->rows[i].medians[k]);
            fputc('\n', file);
        }
}

static json_t *measured_json(const struct experiment *experiment)
{
    json_t *measured = json_object();
    for (size_t i = 0; i < experiment->row_count; i++) {
        const struct experiment_row *row = &experiment->rows[i];
        json_t *figures = json_object();
        for (size_t k = 0; k < experiment->columns; k++)
            json_object_set_new(figures, experiment->lesson->columns[k].key,
                                isfinite(row->medians[k]) ? json_real(row->medians[k]) : json_null());
        if (experiment->lesson->remarks != NULL)
            json_object_set_new(figures, "remark", json_string(row->remark));
        json_object_set_new(measured, row->key, figures);
    }
    return measured;
}

json_t *page_json(const struct page *page)
{
    char changes[160];
    const char *changed = changes_text(&page->experiment->knobs, changes, sizeof changes);
    const struct experiment *experiment = page->experiment;
    bool done = page->end == EXPERIMENT_DONE;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:o, s:I, s:s?, s:s?, s:s, s:s?}", "schema", "weir.lesson/1", "lesson",
        page->lesson->name, "claim", page->lesson->claim, "question", page->lesson->ask, "changed",
        *changed != '\0' ? changed : NULL, "predicted", page->predicted, "answer", done ? experiment->answer : NULL,
        "measured", done ? measured_json(experiment) : json_null(), "rounds", (json_int_t)experiment->rounds, "verdict",
        done ? verdict_word(experiment->verdict) : NULL, "figure", done ? experiment->figure : NULL, "explanation",
        page->lesson->why, "cannot", done ? NULL : experiment->obstacle);
}

/* SPDX-License-Identifier: MIT
 *
 * Printing sheets.
 */
#include "sheet.h"

#include <libsmartcols/libsmartcols.h>
#include <math.h>
#include <string.h>

/* ---- a terminal ---------------------------------------------------------------------------------------------- */

static int fill_line(struct libscols_table *table, const struct sheet *sheet, size_t row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    const char *color = sheet->color != NULL ? sheet->color(sheet->data, row) : NULL;
    int result = line != NULL ? 0 : -1;
    if (result == 0 && color != NULL)
        result = scols_line_set_color(line, color);
    for (size_t column = 0; result == 0 && column < sheet->columns; column++)
        result = scols_line_set_data(line, column, sheet->text(sheet->data, row, column));
    return result;
}

void sheet_print(FILE *file, const struct sheet *sheet, bool color)
{
    struct libscols_table *table = scols_new_table();
    if (table == NULL)
        return;
    scols_table_set_stream(table, file);
    scols_table_enable_colors(table, color);
    for (size_t column = 0; column < sheet->columns; column++)
        scols_table_new_column(table, sheet->heads[column], 0,
                               sheet->right != NULL && sheet->right[column] ? SCOLS_FL_RIGHT : 0);
    int result = 0;
    for (size_t row = 0; row < sheet->rows && result == 0; row++)
        result = fill_line(table, sheet, row);
    if (result == 0)
        scols_print_table(table);
    scols_unref_table(table);
}

/* ---- Markdown ------------------------------------------------------------------------------------------------ */

/* A bar in a text would end its cell. */
static void markdown_text(FILE *file, const char *text)
{
    fputs("| ", file);
    for (; *text != '\0'; text++)
        fprintf(file, *text == '|' ? "\\%c" : "%c", *text);
    fputc(' ', file);
}

void sheet_print_markdown(FILE *file, const struct sheet *sheet)
{
    for (size_t column = 0; column < sheet->columns; column++)
        markdown_text(file, sheet->heads[column]);
    fputs("|\n", file);
    for (size_t column = 0; column < sheet->columns; column++)
        fputs(sheet->right != NULL && sheet->right[column] ? "|---:" : "|---", file);
    fputs("|\n", file);
    for (size_t row = 0; row < sheet->rows; row++) {
        for (size_t column = 0; column < sheet->columns; column++)
            markdown_text(file, sheet->text(sheet->data, row, column));
        fputs("|\n", file);
    }
}

/* ---- CSV ----------------------------------------------------------------------------------------------------- */

void csv_text(FILE *file, const char *text)
{
    if (strpbrk(text, ",\"\n") == NULL) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text != '\0'; text++)
        fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', file);
}

void csv_number(FILE *file, double number)
{
    fputc(',', file);
    if (isfinite(number))
        fprintf(file, "%.9g", number);
}

void sheet_print_csv(FILE *file, const struct sheet *sheet)
{
    for (size_t column = 0; column < sheet->columns; column++) {
        fputs(column > 0 ? "," : "", file);
        csv_text(file, sheet->heads[column]);
    }
    for (size_t row = 0; row < sheet->rows; row++) {
        fputc('\n', file);
        for (size_t column = 0; column < sheet->columns; column++) {
            fputs(column > 0 ? "," : "", file);
            csv_text(file, sheet->text(sheet->data, row, column));
        }
    }
    fputc('\n', file);
}

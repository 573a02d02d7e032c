/* SPDX-License-Identifier: MIT
 *
 * Texts in rows and columns.
 */
#include <stdlib.h>
#include <string.h>

#include "render.h"

int grid_alloc(struct grid *ret, size_t rows, size_t columns)
{
    struct grid grid = {.rows = rows, .columns = columns};
    grid.heads = calloc(columns + 1, sizeof *grid.heads);
    grid.right = calloc(columns + 1, sizeof *grid.right);
    grid.texts = calloc(rows * columns + 1, sizeof *grid.texts);
    if (grid.heads == NULL || grid.right == NULL || grid.texts == NULL) {
        grid_free(&grid);
        return -1;
    }
    *ret = grid;
    return 0;
}

void grid_free(struct grid *grid)
{
    free(grid->heads);
    free(grid->right);
    free(grid->texts);
    *grid = (struct grid){0};
}

/* A column is as wide as its widest text; a space lies between two. */
size_t grid_width(const struct grid *grid)
{
    size_t width = grid->columns > 0 ? grid->columns - 1 : 0;
    for (size_t column = 0; column < grid->columns; column++) {
        size_t widest = text_width(grid->heads[column], strlen(grid->heads[column]));
        for (size_t row = 0; row < grid->rows; row++) {
            const char *text = grid->texts[row * grid->columns + column];
            size_t wide = text_width(text, strlen(text));
            widest = wide > widest ? wide : widest;
        }
        width += widest;
    }
    return width;
}

static const char *text_of(const void *data, size_t row, size_t column)
{
    const struct grid *grid = data;
    return grid->texts[row * grid->columns + column];
}

static const char *color_of(const void *data, size_t row)
{
    const struct grid *grid = data;
    for (size_t column = 0; column < grid->columns; column++)
        if (strcmp(text_of(grid, row, column), status_name(CELL_FAILED)) == 0)
            return "red";
    return NULL;
}

struct sheet grid_sheet(const struct grid *grid)
{
    return (struct sheet){
        .rows = grid->rows,
        .columns = grid->columns,
        .heads = grid->heads,
        .right = grid->right,
        .text = text_of,
        .color = color_of,
        .data = grid,
    };
}

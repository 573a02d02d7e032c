/* SPDX-License-Identifier: MIT
 *
 * The columns that say which cell a row is about: the same in every table.
 */
#ifndef WEIR_BENCH_COLUMNS_H
#define WEIR_BENCH_COLUMNS_H

#include "measure/cell.h"

enum axis_column {
    COLUMN_CHANNEL,
    COLUMN_PAIRING,
    COLUMN_SIZE,
    COLUMN_WORKERS,
    COLUMN_CODEC,
    COLUMN_WAIT,
    COLUMN_DEPTH,
    COLUMN_BATCH,
    COLUMN_ACCESS,
    COLUMN_PIN,
    AXIS_COLUMNS
};

/* The channel, the pairing or not, and of the other axes those that have several values. `ret` has room for
 * AXIS_COLUMNS. */
size_t columns_of_axes(const struct axes *axes, bool pairing, enum axis_column *ret);

const char *column_head(enum axis_column column);
bool column_is_number(enum axis_column column);
void column_write(char *text, size_t capacity, enum axis_column column, const struct setup *setup);

#endif

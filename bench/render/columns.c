/* SPDX-License-Identifier: MIT
 *
 * The axes as columns.
 */
#include "columns.h"

#include <stdio.h>

#include "render.h"

size_t columns_of_axes(const struct axes *axes, bool pairing, enum axis_column *ret)
{
    const size_t values[AXIS_COLUMNS] = {2,
                                         pairing ? 2 : 1,
                                         axes->size_count,
                                         axes->workers_count,
                                         axes->codec_count,
                                         axes->wait_count,
                                         axes->depth_count,
                                         axes->batch_count,
                                         axes->access_count,
                                         axes->pin_count};
    size_t count = 0;
    for (size_t i = 0; i < AXIS_COLUMNS; i++)
        if (values[i] > 1)
            ret[count++] = (enum axis_column)i;
    return count;
}

const char *column_head(enum axis_column column)
{
    static const char *const heads[AXIS_COLUMNS] = {"CHANNEL", "PAIRING", "SIZE",  "WORKERS", "CODEC",
                                                    "WAIT",    "DEPTH",   "BATCH", "ACCESS",  "PIN"};
    return heads[column];
}

bool column_is_number(enum axis_column column)
{
    return column == COLUMN_SIZE || column == COLUMN_DEPTH || column == COLUMN_BATCH;
}

void column_write(char *text, size_t capacity, enum axis_column column, const struct setup *setup)
{
    switch (column) {
    case COLUMN_CHANNEL:
        snprintf(text, capacity, "%s", setup->spec);
        return;
    case COLUMN_PAIRING:
        snprintf(text, capacity, "%s", pairing_name(setup->pairing));
        return;
    case COLUMN_SIZE:
        format_bytes(text, capacity, setup->size);
        return;
    case COLUMN_WORKERS:
        snprintf(text, capacity, "%ux%u", setup->workers.producers, setup->workers.consumers);
        return;
    case COLUMN_CODEC:
        snprintf(text, capacity, "%s", codec_name(setup->codec));
        return;
    case COLUMN_WAIT:
        snprintf(text, capacity, "%s", wait_name(setup->wait));
        return;
    case COLUMN_DEPTH:
        snprintf(text, capacity, "%zu", setup->depth);
        return;
    case COLUMN_BATCH:
        snprintf(text, capacity, "%u", setup->batch);
        return;
    case COLUMN_ACCESS:
        snprintf(text, capacity, "%s", access_name(setup->access));
        return;
    case COLUMN_PIN:
        snprintf(text, capacity, "%s", setup->pin);
        return;
    case AXIS_COLUMNS:
        break;
    }
    *text = '\0';
}

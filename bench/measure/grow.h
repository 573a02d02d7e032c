/* SPDX-License-Identifier: MIT
 *
 * Arrays that grow by one item at a time.
 */
#ifndef WEIR_BENCH_GROW_H
#define WEIR_BENCH_GROW_H

#include <stddef.h>
#include <stdlib.h>

/* The items, with room for one more than `count`, perhaps moved. NULL: no memory; the items are then as they were. */
static inline void *grow(void *items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return items;
    size_t more = *capacity > 0 ? 2 * *capacity : 32;
    void *moved = realloc(items, more * item_bytes);
    if (moved != NULL)
        *capacity = more;
    return moved;
}

#endif

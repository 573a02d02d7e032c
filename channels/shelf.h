/* SPDX-License-Identifier: MIT
 *
 * Small blocks of memory that processes share, several to a mapping: a page for each of ten thousand channels would be
 * most of what an idle channel takes.
 */
#ifndef WEIR_SHELF_H
#define WEIR_SHELF_H

#include <stddef.h>

struct weir_shelf;

/* `bytes` of zeroed memory, aligned to 128, that processes forked later see at the same address; its shelf goes to
 * *ret_shelf. NULL without memory. Thread-safe. */
void *weir_shelf_take(size_t bytes, struct weir_shelf **ret_shelf);

/* Gives a block back. In a forked process it gives back that process's copy. NULL is a no-op. */
void weir_shelf_give(struct weir_shelf *shelf);

#endif

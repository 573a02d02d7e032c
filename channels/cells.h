/* SPDX-License-Identifier: MIT
 *
 * A lock-free ring of cells of one size, from one producer to many consumers, in memory that all see.
 *
 * Each cell carries one word that says everything about it: the position whose turn it is, and whether it is free, full
 * or taken, and by which consumer. A consumer takes a cell by one compare-and-swap of that word, so a cell that a dead
 * consumer has taken names its taker, and the producer frees it when it comes round: nobody hangs. (The idea of a turn
 * in each cell: Vyukov's bounded queue. That a taker signs with its name is ours.)
 *
 *   free(p) --producer: write, release--> full(p) --consumer c: CAS--> taken(p, c) --release--> free(p + cells)
 *
 * `head` is a hint where the next full cell is; whoever finds it behind moves it on.
 */
#ifndef WEIR_CELLS_H
#define WEIR_CELLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <weir/driver.h>

#define CELL_FREE                 UINT64_C(0)
#define CELL_FULL                 UINT64_C(1)
#define CELL_TAKEN                UINT64_C(2) /* plus the consumer's index, below 1024 */
#define CELL_TURN(position, code) ((uint64_t)(position) << 12 | (code))

struct weir_cell {
    _Alignas(64) _Atomic uint64_t turn;
    uint64_t length;
    unsigned char body[];
};

struct weir_cells_words {
    _Alignas(4096) _Atomic uint64_t head; /* a hint; written by consumers */
    _Alignas(4096) _Atomic uint64_t tail; /* written by the producer, for its successor after a re-attach */
    _Alignas(128) unsigned char cells[];
};

/* One lane of cells, as an end sees it. */
struct weir_cells {
    struct weir_cells_words *words;
    uint64_t count;
    size_t stride;
    size_t max_message_bytes;
    uint64_t position; /* producer: of the next cell to fill; consumer: of the cell taken */
};

static inline size_t weir_cell_stride(size_t max_message_bytes)
{
    return (sizeof(struct weir_cell) + max_message_bytes + 63) / 64 * 64;
}

static inline size_t weir_cells_bytes(uint64_t count, size_t stride)
{
    return (offsetof(struct weir_cells_words, cells) + count * stride + 4095) / 4096 * 4096;
}

static inline struct weir_cell *weir_cell_at(const struct weir_cells *cells, uint64_t position)
{
    return (struct weir_cell *)(void *)(cells->words->cells + position % cells->count * cells->stride);
}

/* Once, on zeroed memory. */
static inline void weir_cells_format(const struct weir_cells *cells)
{
    for (uint64_t i = 0; i < cells->count; i++)
        atomic_store_explicit(&weir_cell_at(cells, i)->turn, CELL_TURN(i, CELL_FREE), memory_order_relaxed);
}

/* ---- the producer's end -------------------------------------------------------------------------------------- */

/* Frees the cell if the consumer that took it has died: its message died with it. */
static inline bool weir_cell_bury(const struct weir_cells *cells, struct weir_cell *cell, uint64_t turn,
                                  const struct weir_driver_endpoint *endpoint)
{
    uint64_t code = turn & 0xfff;
    if (code < CELL_TAKEN || !weir_driver_has_died(endpoint, WEIR_CONSUMER, (uint32_t)(code - CELL_TAKEN)))
        return false;
    uint64_t freed = CELL_TURN((turn >> 12) + cells->count, CELL_FREE);
    return atomic_compare_exchange_strong(&cell->turn, &turn, freed);
}

static inline int weir_cells_reserve(struct weir_cells *cells, const struct weir_driver_endpoint *endpoint,
                                     void **ret_body)
{
    struct weir_cell *cell = weir_cell_at(cells, cells->position);
    /* Acquire: partner of the release in weir_cells_release; the body is no longer read. */
    uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
    if (turn != CELL_TURN(cells->position, CELL_FREE)) {
        if (turn >> 12 != cells->position - cells->count)
            return WEIR_ECORRUPT;
        if (!weir_cell_bury(cells, cell, turn, endpoint))
            return WEIR_EAGAIN;
    }
    *ret_body = cell->body;
    return 0;
}

static inline void weir_cells_commit(struct weir_cells *cells, size_t length)
{
    struct weir_cell *cell = weir_cell_at(cells, cells->position);
    cell->length = length;
    /* Before the cell is full: a successor must not fill it again. It skips a cell that was never filled. */
    atomic_store_explicit(&cells->words->tail, cells->position + 1, memory_order_relaxed);
    /* Release: partner of the acquire in weir_cells_peek. */
    atomic_store_explicit(&cell->turn, CELL_TURN(cells->position, CELL_FULL), memory_order_release);
    cells->position++;
}

/* After a re-attach: the predecessor may have died between counting a cell and filling it. */
static inline void weir_cells_resume_producer(struct weir_cells *cells)
{
    cells->position = atomic_load_explicit(&cells->words->tail, memory_order_acquire);
    if (cells->position > 0 &&
        atomic_load(&weir_cell_at(cells, cells->position - 1)->turn) == CELL_TURN(cells->position - 1, CELL_FREE))
        cells->position--;
}

/* ---- a consumer's end ---------------------------------------------------------------------------------------- */

/* Takes the next full cell: the length of its message, shown at *ret_body, or WEIR_EAGAIN, WEIR_ECORRUPT. */
static inline ssize_t weir_cells_peek(struct weir_cells *cells, uint32_t consumer, const void **ret_body)
{
    /* Honest ends move the head at most once round while we look; more is somebody's malice. */
    for (uint64_t looks = 0; looks < 2 * cells->count + 64; looks++) {
        uint64_t head = atomic_load_explicit(&cells->words->head, memory_order_relaxed);
        struct weir_cell *cell = weir_cell_at(cells, head);
        /* Acquire: partner of the release in weir_cells_commit. */
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        uint64_t position = turn >> 12;
        /* Nothing there yet: the cell waits to be filled, or is still being read by the consumer of the lap before. */
        if (turn == CELL_TURN(head, CELL_FREE) || position + cells->count == head)
            return WEIR_EAGAIN;
        if (position < head && atomic_load_explicit(&cells->words->head, memory_order_relaxed) == head)
            return WEIR_ECORRUPT;
        bool mine = turn == CELL_TURN(head, CELL_FULL) &&
                    atomic_compare_exchange_strong_explicit(&cell->turn, &turn, CELL_TURN(head, CELL_TAKEN + consumer),
                                                            memory_order_acq_rel, memory_order_relaxed);
        uint64_t expected = head;
        atomic_compare_exchange_strong_explicit(&cells->words->head, &expected, head + 1, memory_order_relaxed,
                                                memory_order_relaxed);
        if (!mine)
            continue;
        cells->position = head;
        uint64_t length = cell->length;
        *ret_body = cell->body;
        return length <= cells->max_message_bytes ? (ssize_t)length : WEIR_ECORRUPT;
    }
    return WEIR_EAGAIN;
}

static inline void weir_cells_release(struct weir_cells *cells)
{
    struct weir_cell *cell = weir_cell_at(cells, cells->position);
    /* Release: partner of the acquire in weir_cells_reserve. */
    atomic_store_explicit(&cell->turn, CELL_TURN(cells->position + cells->count, CELL_FREE), memory_order_release);
}

/* After a re-attach: what the predecessor at this place had taken died with it. */
static inline void weir_cells_resume_consumer(struct weir_cells *cells, uint32_t consumer)
{
    for (uint64_t i = 0; i < cells->count; i++) {
        struct weir_cell *cell = weir_cell_at(cells, i);
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_relaxed);
        if ((turn & 0xfff) == CELL_TAKEN + consumer)
            atomic_compare_exchange_strong(&cell->turn, &turn, CELL_TURN((turn >> 12) + cells->count, CELL_FREE));
    }
}

#endif

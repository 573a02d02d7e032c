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
 * Every consumer goes its own way from cell to cell and takes the first that is full. So a message costs one
 * read-modify-write, of a word that nobody else wants unless two consumers are at the same cell. Who finds that others
 * have gone past takes a leap: a cell's turn tells how far they have come at least, and `head`, which is stored now and
 * then, tells it better. It is only a hint. (docs/design/0005-lanes-and-cells.md)
 */
#ifndef WEIR_CELLS_H
#define WEIR_CELLS_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <weir/driver.h>

#include "cpu.h"
#include "ring.h"

#define CELL_FREE                 UINT64_C(0)
#define CELL_FULL                 UINT64_C(1)
#define CELL_TAKEN                UINT64_C(2) /* plus the consumer's index, below 1024 */
#define CELL_TURN(position, code) ((uint64_t)(position) << 12 | (code))

struct weir_cell {
    _Alignas(64) _Atomic uint64_t turn;
    uint64_t length;
    unsigned char body[];
};

/* A consumer tells of its place once in so many cells (a power of two): more often, and the line of the word goes to
 * and fro between them. */
#define CELLS_BETWEEN_HINTS UINT64_C(8)

struct weir_cells_words {
    _Alignas(128) _Atomic uint64_t head; /* a hint: all before it have been taken; written by consumers */
    _Alignas(128) _Atomic uint64_t tail; /* written by the producer, for its successor, and as a hint for consumers */
    _Alignas(128) unsigned char cells[];
};

/* One lane of cells, as an end sees it. */
struct weir_cells {
    struct weir_cells_words *words;
    uint64_t count;
    size_t stride;
    size_t max_message_bytes;
    size_t ahead;      /* how far ahead cells are fetched, in bytes */
    uint64_t position; /* of the next cell to fill, to look at, or of the one taken */
    size_t offset;     /* of that cell */
    uint64_t known;    /* to fetch ahead. Producer: up to here cells are free; consumer: up to here they are full */
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

/* The cell of `position`. */
static inline struct weir_cell *weir_cell_here(const struct weir_cells *cells)
{
    return (struct weir_cell *)(void *)(cells->words->cells + cells->offset);
}

static inline void weir_cells_leap(struct weir_cells *cells, uint64_t position)
{
    cells->position = position;
    cells->offset = position % cells->count * cells->stride;
}

static inline void weir_cells_step(struct weir_cells *cells)
{
    cells->position++;
    cells->offset += cells->stride;
    if (cells->offset == cells->count * cells->stride)
        cells->offset = 0;
}

/* Fetches the cell that lies ahead, to write its turn at least, if it is known to be this side's. Long ones are left to
 * the CPU, as in ring.h. */
static inline void weir_cells_fetch(const struct weir_cells *cells)
{
    const size_t bytes = cells->count * cells->stride, stride = cells->stride;
    const int64_t more = (int64_t)(cells->known - cells->position); /* anything, where `known` comes from a liar */
    if (stride > RING_MOST_AHEAD || more <= 0 || (uint64_t)more * stride <= cells->ahead)
        return;
    size_t offset =
        cells->offset + cells->ahead < bytes ? cells->offset + cells->ahead : cells->offset + cells->ahead - bytes;
    for (size_t line = 0; line < stride; line += RING_LINE)
        weir_cpu_fetch_to_write(cells->words->cells + offset + line);
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
    struct weir_cell *cell = weir_cell_here(cells);
    /* Acquire: partner of the release in weir_cells_release; the body is no longer read. */
    uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
    if (turn != CELL_TURN(cells->position, CELL_FREE)) {
        if (turn >> 12 != cells->position - cells->count)
            return WEIR_ECORRUPT;
        if (!weir_cell_bury(cells, cell, turn, endpoint))
            return WEIR_EAGAIN;
    }
    if ((int64_t)(cells->known - cells->position) <= 0)
        cells->known = atomic_load_explicit(&cells->words->head, memory_order_relaxed) + cells->count;
    weir_cells_fetch(cells);
    *ret_body = cell->body;
    return 0;
}

static inline void weir_cells_commit(struct weir_cells *cells, size_t length)
{
    struct weir_cell *cell = weir_cell_here(cells);
    cell->length = length;
    /* Before the cell is full: a successor must not fill it again. It skips a cell that was never filled. */
    atomic_store_explicit(&cells->words->tail, cells->position + 1, memory_order_relaxed);
    /* Release: partner of the acquire in weir_cells_peek. */
    atomic_store_explicit(&cell->turn, CELL_TURN(cells->position, CELL_FULL), memory_order_release);
    weir_cells_step(cells);
}

/* After a re-attach: the predecessor may have died between counting a cell and filling it. */
static inline void weir_cells_resume_producer(struct weir_cells *cells)
{
    uint64_t position = atomic_load_explicit(&cells->words->tail, memory_order_acquire);
    if (position > 0 && atomic_load(&weir_cell_at(cells, position - 1)->turn) == CELL_TURN(position - 1, CELL_FREE))
        position--;
    weir_cells_leap(cells, position);
}

/* ---- a consumer's end ---------------------------------------------------------------------------------------- */

/* The cell at `position` is not to be had and says `turn`: 0 after a step or a leap to where more may be; WEIR_EAGAIN:
 * there is nothing; WEIR_ECORRUPT. Since messages are taken in their order, all before one that was taken are taken. */
static inline int weir_cells_pass(struct weir_cells *cells, uint64_t turn)
{
    uint64_t position = turn >> 12;
    /* The cell waits to be filled, or is still being read by the consumer of the lap before. */
    if (turn == CELL_TURN(cells->position, CELL_FREE) || position + cells->count == cells->position)
        return WEIR_EAGAIN;
    if (position < cells->position || (position - cells->position) % cells->count != 0)
        return WEIR_ECORRUPT;
    uint64_t next = position == cells->position ? position + 1 : position - cells->count + 1;
    uint64_t head = atomic_load_explicit(&cells->words->head, memory_order_relaxed);
    if (head > next)
        weir_cells_leap(cells, head);
    else if (next == cells->position + 1)
        weir_cells_step(cells);
    else
        weir_cells_leap(cells, next);
    return 0;
}

/* Takes the next full cell: the length of its message, shown at *ret_body, or WEIR_EAGAIN, WEIR_ECORRUPT. */
static inline ssize_t weir_cells_peek(struct weir_cells *cells, uint32_t consumer, const void **ret_body)
{
    /* Honest ends go at most once round while we look; more is somebody's malice. */
    for (uint64_t looks = 0; looks < 2 * cells->count + 64; looks++) {
        struct weir_cell *cell = weir_cell_here(cells);
        /* Acquire: partner of the release in weir_cells_commit. */
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn == CELL_TURN(cells->position, CELL_FULL) &&
            atomic_compare_exchange_strong_explicit(&cell->turn, &turn,
                                                    CELL_TURN(cells->position, CELL_TAKEN + consumer),
                                                    memory_order_acq_rel, memory_order_relaxed)) {
            uint64_t length = cell->length;
            *ret_body = cell->body;
            return length <= cells->max_message_bytes ? (ssize_t)length : WEIR_ECORRUPT;
        }
        /* Somebody else is at work here: to look at each cell that he takes costs both of us a line, so leave him alone
         * for a moment, or give him, or the producer, this CPU. */
        if (looks == 0 && turn >> 12 == cells->position && (turn & 0xfff) >= CELL_TAKEN)
            sched_yield();
        int result = weir_cells_pass(cells, turn);
        if (result != 0)
            return result;
    }
    return WEIR_EAGAIN;
}

static inline void weir_cells_release(struct weir_cells *cells)
{
    if ((int64_t)(cells->known - cells->position) <= 0)
        cells->known = atomic_load_explicit(&cells->words->tail, memory_order_relaxed);
    weir_cells_fetch(cells);
    /* Release: partner of the acquire in weir_cells_reserve. */
    atomic_store_explicit(&weir_cell_here(cells)->turn, CELL_TURN(cells->position + cells->count, CELL_FREE),
                          memory_order_release);
    weir_cells_step(cells);
    if (cells->position % CELLS_BETWEEN_HINTS == 0)
        atomic_store_explicit(&cells->words->head, cells->position, memory_order_relaxed);
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
    weir_cells_leap(cells, atomic_load_explicit(&cells->words->head, memory_order_relaxed));
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Cache lines between two CPUs: the round trip of one, by store and load or by compare-and-swap, and a stream of them.
 */
#include "yard.h"

#include <math.h>
#include <string.h>

/* One line, and its neighbour, which some CPUs fetch along with it. */
struct ball {
    _Alignas(128) _Atomic uint32_t turn; /* even: the measuring thread's; odd: the partner's */
    _Alignas(128) int64_t give_up_ns;
};

/* ---- there and back, by store and load ----------------------------------------------------------------------- */

/* Release and acquire are plain stores and loads on most CPUs: neither side needs more than to see the other's. */
static int64_t pass_by_store(void *state, unsigned times)
{
    struct ball *ball = state;
    uint32_t turn = atomic_load_explicit(&ball->turn, memory_order_relaxed);
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++) {
        atomic_store_explicit(&ball->turn, turn + 1, memory_order_release); /* pairs with the partner's await */
        turn += 2;
        if (!yard_await(&ball->turn, turn, ball->give_up_ns))
            return -1;
    }
    return clock_now_ns() - begin;
}

static void return_by_store(void *state)
{
    struct ball *ball = state;
    for (uint32_t turn = 1; yard_await(&ball->turn, turn, ball->give_up_ns); turn += 2)
        atomic_store_explicit(&ball->turn, turn + 1, memory_order_release); /* pairs with pass_by_store's await */
}

/* ---- there and back, by compare-and-swap --------------------------------------------------------------------- */

static bool swap(struct ball *ball, uint32_t turn)
{
    do {
        for (int tries = 0; tries < 4096; tries++) {
            uint32_t expected = turn;
            if (atomic_compare_exchange_strong(&ball->turn, &expected, turn + 1))
                return true;
        }
    } while (clock_now_ns() < ball->give_up_ns);
    return false;
}

static int64_t pass_by_swap(void *state, unsigned times)
{
    static uint32_t turn;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++, turn += 2)
        if (!swap(state, turn))
            return -1;
    return clock_now_ns() - begin;
}

static void return_by_swap(void *state)
{
    for (uint32_t turn = 1; swap(state, turn); turn += 2)
        ;
}

static double play(const struct yard *yard, yard_batch *pass, void (*answer)(void *))
{
    static struct ball ball;
    ball.give_up_ns = yard_patience(yard);
    if (yard_partner(yard, answer, &ball) != 0)
        return NAN;
    return yard_repeat(yard, pass, &ball);
}

double yard_line_store(const struct yard *yard)
{
    return play(yard, pass_by_store, return_by_store);
}

double yard_line_swap(const struct yard *yard)
{
    return play(yard, pass_by_swap, return_by_swap);
}

/* ---- one way ------------------------------------------------------------------------------------------------- */

/* What a queue can do at best: a block of whole lines is written by one CPU and then read by the other, by turns, and
 * the slower of the two counts; a queue in which both happen at once goes no faster than the slower by itself. Lines
 * are fetched ahead and moved by memset and memcpy, which know the widest loads and stores of this CPU. The block is a
 * good deal more than a CPU's first cache holds, which is slower to give lines away than the next, and more pages than
 * hardware prefetchers keep track of (channels/ring.h). */
#define BLOCK_LINES 8192 /* 512 KiB */
#define PIECE_LINES 16   /* at a time, and fetched ahead */
#define LINE_BYTES  64

struct block {
    _Alignas(4096) unsigned char lines[BLOCK_LINES + PIECE_LINES][LINE_BYTES]; /* the last ones are only fetched */
    _Alignas(128) _Atomic uint32_t turn; /* even: the measuring thread's; odd: the partner's */
    _Alignas(128) int64_t give_up_ns;
    int64_t read_ns;                              /* the partner's time for the last block */
    unsigned char piece[PIECE_LINES][LINE_BYTES]; /* what was read last */
};

static void fetch_to_read(const struct block *block, uint32_t first)
{
    for (uint32_t i = first; i < first + PIECE_LINES; i++)
        __builtin_prefetch(block->lines[i]);
}

static void fetch_to_write(const struct block *block, uint32_t first)
{
    for (uint32_t i = first; i < first + PIECE_LINES; i++)
#if defined(__x86_64__)
        __asm__ volatile("prefetchw %0" : : "m"(*block->lines[i])); /* gcc's needs -mprfchw */
#else
        __builtin_prefetch(block->lines[i], 1);
#endif
}

static int64_t write_block(struct block *block, int value)
{
    int64_t begin = clock_now_ns();
    for (uint32_t at = 0; at < BLOCK_LINES; at += PIECE_LINES) {
        fetch_to_write(block, at + PIECE_LINES);
        memset(block->lines[at], value, sizeof block->piece);
    }
    return clock_now_ns() - begin;
}

static int64_t read_block(struct block *block)
{
    int64_t begin = clock_now_ns();
    for (uint32_t at = 0; at < BLOCK_LINES; at += PIECE_LINES) {
        fetch_to_read(block, at + PIECE_LINES);
        memcpy(block->piece, block->lines[at], sizeof block->piece);
        __asm__ volatile("" : : "r"(block->piece) : "memory"); /* as if somebody looked at it */
    }
    return clock_now_ns() - begin;
}

static int64_t pass_blocks(void *state, unsigned times)
{
    struct block *block = state;
    uint32_t turn = atomic_load_explicit(&block->turn, memory_order_relaxed);
    int64_t sum = 0;
    for (unsigned i = 0; i < times; i++) {
        int64_t write_ns = write_block(block, (int)(turn & 0xff));
        atomic_store_explicit(&block->turn, turn + 1, memory_order_release); /* pairs with the partner's await */
        turn += 2;
        if (!yard_await(&block->turn, turn, block->give_up_ns))
            return -1;
        sum += write_ns > block->read_ns ? write_ns : block->read_ns;
    }
    return sum;
}

static void take_blocks(void *state)
{
    struct block *block = state;
    for (uint32_t turn = 1; yard_await(&block->turn, turn, block->give_up_ns); turn += 2) {
        block->read_ns = read_block(block);
        atomic_store_explicit(&block->turn, turn + 1, memory_order_release); /* pairs with pass_blocks' await */
    }
}

double yard_line_stream(const struct yard *yard)
{
    static struct block block;
    block.give_up_ns = yard_patience(yard);
    if (yard_partner(yard, take_blocks, &block) != 0)
        return NAN;
    return yard_repeat(yard, pass_blocks, &block) / BLOCK_LINES;
}

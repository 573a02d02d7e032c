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

/* What a queue can do at best: a ring of whole lines, all of them written and all of them read, whose two counters are
 * published rarely, so that their lines travel once for many. Blocks are written and read by memset and memcpy, which
 * know the widest stores of this CPU, and fetched ahead: by the reader once they are known to be written, by the writer
 * once they are known to be read. 4096 lines (256 KiB) stay in the caches next to a CPU, and are more pages than
 * hardware prefetchers keep track of (channels/ring.h). */
#define RING_LINES  4096
#define BLOCK_LINES 64
#define PIECE_LINES 16 /* at a time, and fetched ahead */
#define LINE_BYTES  64

struct ring {
    _Alignas(128) _Atomic uint32_t written; /* lines ever; the measuring thread's */
    _Alignas(128) _Atomic uint32_t read;    /* lines ever; the partner's */
    _Alignas(128) int64_t give_up_ns;
    unsigned char piece[PIECE_LINES][LINE_BYTES]; /* what was read last */
    _Alignas(4096) unsigned char lines[RING_LINES][LINE_BYTES];
};

/* Until a counter of the other side has come this far, modulo 2^32. */
static bool await_count(const _Atomic uint32_t *count, uint32_t least, int64_t give_up_ns)
{
    do
        for (int looks = 0; looks < 4096; looks++)
            if ((int32_t)(atomic_load_explicit(count, memory_order_acquire) - least) >= 0)
                return true;
    while (clock_now_ns() < give_up_ns);
    return false;
}

static void fetch_to_read(const struct ring *ring, uint32_t first)
{
    for (uint32_t i = 0; i < PIECE_LINES; i++)
        __builtin_prefetch(ring->lines[(first + i) % RING_LINES]);
}

static void fetch_to_write(const struct ring *ring, uint32_t first)
{
    for (uint32_t i = 0; i < PIECE_LINES; i++)
#if defined(__x86_64__)
        __asm__ volatile("prefetchw %0" : : "m"(*ring->lines[(first + i) % RING_LINES])); /* gcc's needs -mprfchw */
#else
        __builtin_prefetch(ring->lines[(first + i) % RING_LINES], 1);
#endif
}

/* So many blocks; the clock stops when the last was read. */
static int64_t write_blocks(void *state, unsigned times)
{
    struct ring *ring = state;
    uint32_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    int64_t begin = clock_now_ns();
    for (unsigned block = 0; block < times; block++) {
        if (!await_count(&ring->read, at + BLOCK_LINES + PIECE_LINES - RING_LINES, ring->give_up_ns))
            return -1;
        for (uint32_t end = at + BLOCK_LINES; at != end; at += PIECE_LINES) {
            fetch_to_write(ring, at + PIECE_LINES);
            memset(ring->lines[at % RING_LINES], (int)block, sizeof ring->piece);
        }
        atomic_store_explicit(&ring->written, at, memory_order_release); /* pairs with read_blocks */
    }
    return await_count(&ring->read, at, ring->give_up_ns) ? clock_now_ns() - begin : -1;
}

static void read_blocks(void *state)
{
    struct ring *ring = state;
    for (uint32_t at = 0; await_count(&ring->written, at + BLOCK_LINES, ring->give_up_ns);) {
        uint32_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
        for (uint32_t end = at + BLOCK_LINES; at != end; at += PIECE_LINES) {
            if ((int32_t)(written - at) >= 2 * PIECE_LINES)
                fetch_to_read(ring, at + PIECE_LINES);
            memcpy(ring->piece, ring->lines[at % RING_LINES], sizeof ring->piece);
        }
        atomic_store_explicit(&ring->read, at, memory_order_release); /* pairs with write_blocks */
    }
}

double yard_line_stream(const struct yard *yard)
{
    static struct ring ring;
    ring.give_up_ns = yard_patience(yard);
    if (yard_partner(yard, read_blocks, &ring) != 0)
        return NAN;
    return yard_repeat(yard, write_blocks, &ring) / BLOCK_LINES;
}

/* SPDX-License-Identifier: MIT
 *
 * Copies, with the memcpy of libc, in bytes per second (of what is copied, not of reads and writes together): of memory
 * that is in a cache of this CPU, in none, or just written by another CPU.
 */
#include "yard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

struct copy {
    _Alignas(128) _Atomic uint32_t turn; /* even: the measuring thread's; odd: the partner's */
    _Alignas(128) unsigned char *to, *from;
    size_t size;
    int64_t give_up_ns;
};

static unsigned char *make_block(size_t size)
{
    unsigned char *block = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    if (block != NULL)
        memset(block, 1, size);
    return block;
}

static bool make_blocks(struct copy *copy, const struct yard *yard)
{
    copy->size = yard->size;
    copy->to = make_block(yard->size);
    copy->from = make_block(yard->size);
    copy->give_up_ns = yard_patience(yard);
    return copy->to != NULL && copy->from != NULL; /* freed with the process */
}

static void copy_once(const struct copy *copy)
{
    memcpy(copy->to, copy->from, copy->size);
    __asm__ volatile("" : : "r"(copy->to) : "memory"); /* nobody reads it, and it must be done all the same */
}

static double bytes_per_s(size_t size, double ns)
{
    return (double)size / ns * 1e9;
}

/* ---- from where the size puts it ----------------------------------------------------------------------------- */

static int64_t copy_again(void *state, unsigned times)
{
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++)
        copy_once(state);
    return clock_now_ns() - begin;
}

double yard_copy(const struct yard *yard)
{
    struct copy copy = {0};
    return make_blocks(&copy, yard) ? bytes_per_s(yard->size, yard_repeat(yard, copy_again, &copy)) : NAN;
}

/* ---- from memory --------------------------------------------------------------------------------------------- */

/* Puts a block out of all caches, of other CPUs too. Better than a block larger than the last cache: that may be larger
 * than what memory there is, or be shared with other virtual machines. */
static bool flush(const unsigned char *block, size_t size)
{
#if defined(__x86_64__)
    for (size_t at = 0; at < size; at += 64)
        _mm_clflush(block + at);
    _mm_mfence();
    return true;
#elif defined(__aarch64__)
    for (size_t at = 0; at < size; at += 16) /* the least that a line can have */
        __asm__ volatile("dc civac, %0" : : "r"(block + at) : "memory");
    __asm__ volatile("dsb sy" : : : "memory");
    return true;
#else
    (void)block;
    (void)size;
    return false;
#endif
}

static int64_t copy_from_memory(void *state, unsigned times)
{
    const struct copy *copy = state;
    int64_t took = 0;
    for (unsigned i = 0; i < times; i++) {
        if (!flush(copy->from, copy->size) || !flush(copy->to, copy->size))
            return -1;
        int64_t begin = clock_now_ns();
        copy_once(copy);
        took += clock_now_ns() - begin;
    }
    return took;
}

double yard_copy_memory(const struct yard *yard)
{
    struct copy copy = {0};
    return make_blocks(&copy, yard) ? bytes_per_s(yard->size, yard_repeat(yard, copy_from_memory, &copy)) : NAN;
}

/* ---- from another CPU ---------------------------------------------------------------------------------------- */

/* As the consumer of a message copies it: the partner writes the whole block anew each time, before the clock runs. */
static int64_t copy_written(void *state, unsigned times)
{
    struct copy *copy = state;
    uint32_t turn = atomic_load(&copy->turn);
    int64_t took = 0;
    for (unsigned i = 0; i < times; i++) {
        atomic_store(&copy->turn, turn + 1);
        turn += 2;
        if (!yard_await(&copy->turn, turn, copy->give_up_ns))
            return -1;
        int64_t begin = clock_now_ns();
        copy_once(copy);
        took += clock_now_ns() - begin;
    }
    return took;
}

static void write_again(void *state)
{
    struct copy *copy = state;
    for (uint32_t turn = 1; yard_await(&copy->turn, turn, copy->give_up_ns); turn += 2) {
        memset(copy->from, (int)(turn & 0xff), copy->size);
        atomic_store(&copy->turn, turn + 1);
    }
}

double yard_copy_written(const struct yard *yard)
{
    static struct copy copy;
    if (!make_blocks(&copy, yard) || yard_partner(yard, write_again, &copy) != 0)
        return NAN;
    return bytes_per_s(yard->size, yard_repeat(yard, copy_written, &copy));
}

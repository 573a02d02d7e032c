/* SPDX-License-Identifier: MIT
 *
 * Bodies of samples: 64-bit little-endian words base, base + STEP, base + 2 STEP, ... cut to length, written and
 * compared at memory speed: 32 bytes at a time in two independent vectors, without an early exit.
 * The base is a hash of who the message is, so every byte differs from message to message but by chance (1 in 256).
 */
#ifndef WEIR_PROTO_BODY_H
#define WEIR_PROTO_BODY_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BODY_STEP  UINT64_C(0xd6e8feb86659fd93) /* odd: no word comes twice */
#define BODY_BLOCK 32u                          /* bytes at a time */

typedef uint64_t body_pair __attribute__((vector_size(16)));

static inline uint64_t body_load(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

static inline void body_store(unsigned char *bytes, uint64_t word)
{
    word = htole64(word);
    memcpy(bytes, &word, sizeof word);
}

static inline body_pair body_load_pair(const unsigned char *bytes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    body_pair pair;
    memcpy(&pair, bytes, sizeof pair);
    return pair;
#else
    return (body_pair){body_load(bytes), body_load(bytes + 8)};
#endif
}

static inline void body_store_pair(unsigned char *bytes, body_pair pair)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(bytes, &pair, sizeof pair);
#else
    body_store(bytes, pair[0]);
    body_store(bytes + 8, pair[1]);
#endif
}

/* What the blocks of a body add to the base: its two vectors at the start, and the step from block to block. */
#define BODY_FIRST(base, i) ((body_pair){(base), (base)} + (body_pair){2 * (i)*BODY_STEP, (2 * (i) + 1) * BODY_STEP})
#define BODY_NEXT           ((body_pair){4 * BODY_STEP, 4 * BODY_STEP})

/* The last bytes of a body, fewer than a block; the most common sizes have none. */
static inline void body_fill_rest(unsigned char *bytes, size_t length, uint64_t word)
{
    for (; length >= 8; length -= 8) {
        body_store(bytes, word);
        bytes += 8;
        word += BODY_STEP;
    }
    for (; length > 0; length--) {
        *bytes++ = (unsigned char)word;
        word >>= 8;
    }
}

static inline uint64_t body_rest_differs(const unsigned char *bytes, size_t length, uint64_t word)
{
    uint64_t wrong = 0;
    for (; length >= 8; length -= 8) {
        wrong |= body_load(bytes) ^ word;
        bytes += 8;
        word += BODY_STEP;
    }
    for (; length > 0; length--) {
        wrong |= *bytes++ ^ (word & 0xff);
        word >>= 8;
    }
    return wrong;
}

static inline void body_fill(unsigned char *bytes, size_t length, uint64_t word)
{
    body_pair a = BODY_FIRST(word, 0), b = BODY_FIRST(word, 1);
    size_t whole = length - length % BODY_BLOCK;
    for (size_t i = 0; i < whole; i += BODY_BLOCK) {
        body_store_pair(bytes + i, a);
        body_store_pair(bytes + i + 16, b);
        a += BODY_NEXT, b += BODY_NEXT;
    }
    if (length > whole)
        body_fill_rest(bytes + whole, length - whole, a[0]);
}

/* 0 if the body is what body_fill would write. */
static inline uint64_t body_differs(const unsigned char *bytes, size_t length, uint64_t word)
{
    body_pair a = BODY_FIRST(word, 0), b = BODY_FIRST(word, 1);
    body_pair wrong_a = {0}, wrong_b = {0};
    size_t whole = length - length % BODY_BLOCK;
    for (size_t i = 0; i < whole; i += BODY_BLOCK) {
        wrong_a |= body_load_pair(bytes + i) ^ a;
        wrong_b |= body_load_pair(bytes + i + 16) ^ b;
        a += BODY_NEXT, b += BODY_NEXT;
    }
    wrong_a |= wrong_b;
    uint64_t wrong = wrong_a[0] | wrong_a[1];
    return length > whole ? wrong | body_rest_differs(bytes + whole, length - whole, a[0]) : wrong;
}

/* ---- the same, made or read in place ------------------------------------------------------------------------- */

/* A long body in place comes from another CPU line by line, and the CPU's own fetching ahead follows each page for
 * itself. So several parts are gone through side by side, a line of each in turn: from so many bytes on, in 4 parts of
 * two pages at most: an odd number of lines, so that lines of several parts do not fall into the same places of the
 * cache. */
#define BODY_LEAST_SIDE_BY_SIDE ((size_t)16 << 10)
#define BODY_LINE               ((size_t)64)
#define BODY_PARTS              ((size_t)4)
#define BODY_MOST_LINES         ((size_t)127)

/* Of a body that begins on a word: how much of it comes before a line begins, and how long each part is that follows.
 * False: it is to be gone through straight. */
static inline bool body_part(const unsigned char *bytes, size_t length, size_t *ret_lead, size_t *ret_part)
{
    const size_t lead = -(uintptr_t)bytes % BODY_LINE;
    if (length < BODY_LEAST_SIDE_BY_SIDE || lead % sizeof(uint64_t) != 0)
        return false;
    const size_t lines = (length - lead) / BODY_LINE / BODY_PARTS;
    *ret_lead = lead;
    *ret_part = (((lines < BODY_MOST_LINES ? lines : BODY_MOST_LINES) - 1) | 1) * BODY_LINE;
    return true;
}

/* The word that lies so many bytes behind. */
static inline uint64_t body_word(uint64_t word, size_t bytes)
{
    return word + bytes / sizeof word * BODY_STEP;
}

static inline void body_fill_far(unsigned char *bytes, size_t length, uint64_t word)
{
    size_t lead, part;
    while (body_part(bytes, length, &lead, &part)) {
        body_fill(bytes, lead, word);
        for (size_t line = lead; line < lead + part; line += BODY_LINE)
            for (size_t at = line; at < line + BODY_PARTS * part; at += part)
                body_fill(bytes + at, BODY_LINE, body_word(word, at));
        const size_t done = lead + BODY_PARTS * part;
        bytes += done, length -= done, word = body_word(word, done);
    }
    body_fill(bytes, length, word);
}

static inline uint64_t body_differs_far(const unsigned char *bytes, size_t length, uint64_t word)
{
    uint64_t wrong = 0;
    size_t lead, part;
    while (body_part(bytes, length, &lead, &part)) {
        wrong |= body_differs(bytes, lead, word);
        for (size_t line = lead; line < lead + part; line += BODY_LINE)
            for (size_t at = line; at < line + BODY_PARTS * part; at += part)
                wrong |= body_differs(bytes + at, BODY_LINE, body_word(word, at));
        const size_t done = lead + BODY_PARTS * part;
        bytes += done, length -= done, word = body_word(word, done);
    }
    return wrong | body_differs(bytes, length, word);
}

/* Of a body of one block, which a message of 64 bytes has, without a loop: the most common size. `is_far`: it lies
 * where another CPU has read, or written. */
static inline void body_fill_usual(unsigned char *bytes, size_t length, uint64_t word, bool is_far)
{
    if (length == BODY_BLOCK)
        body_fill(bytes, BODY_BLOCK, word);
    else if (is_far)
        body_fill_far(bytes, length, word);
    else
        body_fill(bytes, length, word);
}

static inline uint64_t body_differs_usual(const unsigned char *bytes, size_t length, uint64_t word, bool is_far)
{
    return length == BODY_BLOCK ? body_differs(bytes, BODY_BLOCK, word)
           : is_far             ? body_differs_far(bytes, length, word)
                                : body_differs(bytes, length, word);
}

#endif

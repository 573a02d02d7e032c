/* SPDX-License-Identifier: MIT
 *
 * Bodies of samples: 64-bit little-endian words base, base + STEP, base + 2 STEP, ... cut to length, written and
 * compared at memory speed: 32 bytes at a time in two independent vectors, without an early exit.
 * The base is a hash of who the message is, so every byte differs from message to message but by chance (1 in 256).
 */
#ifndef WEIR_PROTO_BODY_H
#define WEIR_PROTO_BODY_H

#include <endian.h>
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

/* The same, where a body of one block, which a message of 64 bytes has, is to take no loop: the most common size. */
static inline void body_fill_usual(unsigned char *bytes, size_t length, uint64_t word)
{
    if (length == BODY_BLOCK)
        body_fill(bytes, BODY_BLOCK, word);
    else
        body_fill(bytes, length, word);
}

static inline uint64_t body_differs_usual(const unsigned char *bytes, size_t length, uint64_t word)
{
    return length == BODY_BLOCK ? body_differs(bytes, BODY_BLOCK, word) : body_differs(bytes, length, word);
}

#endif

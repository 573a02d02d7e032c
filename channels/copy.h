/* SPDX-License-Identifier: MIT
 *
 * Copies of messages. A message that its maker has just written by single fields lies in the CPU's store buffer, and a
 * load that is wider than the stores it needs cannot be served from there: it waits until they, and every store before
 * them, have reached the cache. The stores before them are the last messages, whose lines come from another CPU. So
 * short messages are copied in pieces of 16 bytes, of which compilers make their own copies, and not in the widest
 * that the CPU has, as memcpy does.
 *
 * Of long messages the lines that come from the other CPU are what costs, so as many as can be are to be under way at
 * once. They are fetched some way ahead; and of several parts a line of each is copied in turn, because the CPU's own
 * fetching ahead follows each page for itself. memcpy does neither: it leaves long copies to one instruction.
 */
#ifndef WEIR_COPY_H
#define WEIR_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cpu.h"

#define COPY_SHORT_BYTES ((size_t)256)
#define COPY_LONG_BYTES  ((size_t)2048) /* longer ones are long */
#define COPY_LINE        ((size_t)64)

/* From so many bytes on 8 parts are copied side by side, of two pages at most: an odd number of lines, so that lines of
 * several parts do not fall into the same places of the cache. */
#define COPY_LEAST_SIDE_BY_SIDE ((size_t)32 << 10)
#define COPY_PARTS              ((size_t)8)
#define COPY_MOST_LINES         ((size_t)127)

typedef uint64_t weir_copy_piece __attribute__((vector_size(16)));

static inline void weir_copy_one(unsigned char *to, const unsigned char *from)
{
    weir_copy_piece piece;
    memcpy(&piece, from, sizeof piece);
    memcpy(to, &piece, sizeof piece);
}

static inline void weir_copy(void *to, const void *from, size_t length)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if (length < sizeof(weir_copy_piece) || length > COPY_SHORT_BYTES) {
        if (length > 0) /* `from` may be NULL then */
            memcpy(out, in, length);
        return;
    }
    size_t last = length - sizeof(weir_copy_piece); /* the last piece may overlap the one before */
    for (size_t i = 0; i < last; i += sizeof(weir_copy_piece)) {
        weir_copy_one(out + i, in + i);
        __asm__ volatile("" : : : "memory"); /* else the compiler makes wider pieces of them */
    }
    weir_copy_one(out + last, in + last);
}

/* All loads before the stores, in variables of their own: compilers keep an array in memory. */
static inline void weir_copy_line(unsigned char *to, const unsigned char *from)
{
    weir_copy_piece a, b, c, d;
    memcpy(&a, from, sizeof a);
    memcpy(&b, from + 16, sizeof b);
    memcpy(&c, from + 32, sizeof c);
    memcpy(&d, from + 48, sizeof d);
    memcpy(to, &a, sizeof a);
    memcpy(to + 16, &b, sizeof b);
    memcpy(to + 32, &c, sizeof c);
    memcpy(to + 48, &d, sizeof d);
}

/* Parts of so many lines, a line of each in turn. */
static inline void weir_copy_parts(unsigned char *to, const unsigned char *from, size_t lines)
{
    const size_t part = lines * COPY_LINE;
    for (size_t line = 0; line < part; line += COPY_LINE)
        for (size_t at = line; at < COPY_PARTS * part; at += part)
            weir_copy_line(to + at, from + at);
}

/* What comes from the other CPU is fetched `ahead`, but behind the message only its first `beyond` bytes. */
static inline void weir_copy_lines(unsigned char *to, const unsigned char *from, size_t length, bool is_sent,
                                   size_t ahead, size_t beyond)
{
    size_t line = 0;
    for (; line + COPY_LINE <= length; line += COPY_LINE) {
        if (line + ahead < length + beyond) {
            if (is_sent)
                weir_cpu_fetch_to_write(to + line + ahead);
            else
                __builtin_prefetch(from + line + ahead);
        }
        weir_copy_line(to + line, from + line);
    }
    memcpy(to + line, from + line, length - line);
}

/* A message of any length into memory that another CPU has read, with `is_sent`, or out of what it has written. */
static inline void weir_copy_far(void *to, const void *from, size_t length, bool is_sent, size_t ahead, size_t beyond)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if (length <= COPY_LONG_BYTES) {
        weir_copy(to, from, length);
        return;
    }
    while (length >= COPY_LEAST_SIDE_BY_SIDE) {
        size_t most = length / COPY_LINE / COPY_PARTS;
        size_t part = ((most < COPY_MOST_LINES ? most : COPY_MOST_LINES) - 1) | 1;
        size_t bytes = COPY_PARTS * part * COPY_LINE;
        weir_copy_parts(out, in, part);
        out += bytes, in += bytes, length -= bytes;
    }
    weir_copy_lines(out, in, length, is_sent, ahead, beyond);
}

#endif

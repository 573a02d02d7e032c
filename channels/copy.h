/* SPDX-License-Identifier: MIT
 *
 * Copies of messages. A message that its maker has just written by single fields lies in the CPU's store buffer, and a
 * load that is wider than the stores it needs cannot be served from there: it waits until they, and every store before
 * them, have reached the cache. The stores before them are the last messages, whose lines come from another CPU. So
 * short messages are copied in pieces of 16 bytes, of which compilers make their own copies, and not in the widest
 * that the CPU has, as memcpy does.
 */
#ifndef WEIR_COPY_H
#define WEIR_COPY_H

#include <stdint.h>
#include <string.h>

#define COPY_SHORT_BYTES ((size_t)256)

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

#endif

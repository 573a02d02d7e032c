/* SPDX-License-Identifier: MIT
 *
 * What the tests of samples share: an encoder and a decoder that agree, and a message between them.
 */
#ifndef WEIR_TESTS_SAMPLE_HELPERS_H
#define WEIR_TESTS_SAMPLE_HELPERS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/sample.h"

#define RUN      7u
#define PRODUCER 3u
#define MOST     65536

static struct sample_encoder encoder;
static struct sample_decoder decoder;
static unsigned char message[MOST + 64];

static const enum codec codecs[] = {CODEC_RAW, CODEC_NANOPB};

static inline bool possible(enum codec codec, size_t size)
{
    char reason[80];
    return codec_size_check(codec, size, reason, sizeof reason) == 0;
}

static inline size_t next_size(size_t size)
{
    static const size_t others[] = {4096, 16419, 16420, 16421, MOST - 1, MOST};
    for (size_t i = 0; size >= 200 && i < sizeof others / sizeof others[0]; i++) {
        if (others[i] > size) {
            return others[i];
        }
    }
    return size < 200 ? size + 1 : 0;
}

static inline void prepare(enum codec codec, size_t size)
{
    sample_encoder_init(&encoder, codec, RUN, PRODUCER, size);
    sample_decoder_init(&decoder, codec, RUN, size, true);
}

static inline int64_t sent_at(uint64_t sequence)
{
    return (int64_t)(sequence * 1000003 + 17);
}

static inline void encode(uint64_t sequence)
{
    assert_int_equal(sample_encode(&encoder, sequence, sent_at(sequence), message), 0);
}

static inline enum sample_verdict decode(const unsigned char *bytes, size_t length, struct sample_seen *ret)
{
    /* From memory of just that length, so that a sanitizer sees each byte read beyond it. */
    unsigned char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    enum sample_verdict verdict = sample_decode(&decoder, copy, length, ret);
    free(copy);
    return verdict;
}

static inline void assert_seen(enum codec codec, size_t size, uint64_t sequence, const struct sample_seen *seen)
{
    bool full = codec == CODEC_NANOPB || size >= 32;
    assert_int_equal(seen->sequence, sequence);
    assert_int_equal(seen->producer, size >= 8 ? PRODUCER : 0);
    assert_int_equal(seen->sent_ns, full ? sent_at(sequence) : 0);
}

#endif

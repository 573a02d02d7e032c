/* SPDX-License-Identifier: MIT
 *
 * Samples: that both codecs write exactly the size asked for and read it back, that no flipped bit, no truncation and
 * no leftover passes, and that no input at all makes the decoder crash.
 */
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
#define GUARD    0xa5
#define MOST     65536

static struct sample_encoder encoder;
static struct sample_decoder decoder;
static unsigned char message[MOST + 64];
static unsigned char scratch[MOST + 64];

static const enum codec codecs[] = {CODEC_RAW, CODEC_NANOPB};

/* A small generator of our own (xorshift64), so that a failure repeats. */
static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 16) % limit;
}

static bool possible(enum codec codec, size_t size)
{
    char reason[80];
    return codec_size_check(codec, size, reason, sizeof reason) == 0;
}

static size_t next_size(size_t size)
{
    static const size_t others[] = {4096, 16419, 16420, 16421, MOST - 1, MOST};
    for (size_t i = 0; size >= 200 && i < sizeof others / sizeof others[0]; i++) {
        if (others[i] > size) {
            return others[i];
        }
    }
    return size < 200 ? size + 1 : 0;
}

/* How much of a raw message must be there to know which one it is; mirrors the table in sample.h. */
static size_t header_bytes(size_t size)
{
    return size >= 32 ? 32 : size >= 8 ? 8 : SIZE_MAX;
}

static void prepare(enum codec codec, size_t size)
{
    sample_encoder_init(&encoder, codec, RUN, PRODUCER, size);
    sample_decoder_init(&decoder, codec, RUN, size, true);
}

static int64_t sent_at(uint64_t sequence)
{
    return (int64_t)(sequence * 1000003 + 17);
}

static void encode(uint64_t sequence)
{
    assert_int_equal(sample_encode(&encoder, sequence, sent_at(sequence), message), 0);
}

static enum sample_verdict decode(const unsigned char *bytes, size_t length, struct sample_seen *ret)
{
    /* From memory of just that length, so that a sanitizer sees each byte read beyond it. */
    unsigned char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    enum sample_verdict verdict = sample_decode(&decoder, copy, length, ret);
    free(copy);
    return verdict;
}

static void assert_seen(enum codec codec, size_t size, uint64_t sequence, const struct sample_seen *seen)
{
    bool full = codec == CODEC_NANOPB || size >= 32;
    assert_int_equal(seen->sequence, sequence);
    assert_int_equal(seen->producer, size >= 8 ? PRODUCER : 0);
    assert_int_equal(seen->sent_ns, full ? sent_at(sequence) : 0);
}

static void codecs_have_names(void **state)
{
    (void)state;
    assert_int_equal(codec_find("raw"), CODEC_RAW);
    assert_int_equal(codec_find("nanopb"), CODEC_NANOPB);
    assert_int_equal(codec_find("json"), -1);
    assert_string_equal(codec_name(CODEC_RAW), "raw");
    assert_string_equal(codec_name(CODEC_NANOPB), "nanopb");
    assert_null(codec_name(2));
}

static void sizes_out_of_range_are_refused_in_words(void **state)
{
    (void)state;
    char reason[80];
    assert_int_equal(codec_size_check(CODEC_RAW, 0, reason, sizeof reason), -1);
    assert_string_equal(reason, "a raw sample takes at least 1 bytes");
    assert_int_equal(codec_size_check(CODEC_NANOPB, 34, reason, sizeof reason), -1);
    assert_string_equal(reason, "a nanopb sample takes at least 35 bytes");
    assert_int_equal(codec_size_check(CODEC_NANOPB, MOST + 1, reason, sizeof reason), -1);
    assert_string_equal(reason, "a nanopb sample takes at most 65536 bytes");
    assert_int_equal(codec_size_check(CODEC_NANOPB, 35, reason, sizeof reason), 0);
    assert_int_equal(codec_size_check(CODEC_NANOPB, MOST, reason, sizeof reason), 0);
    assert_int_equal(codec_size_check(CODEC_RAW, 1, reason, sizeof reason), 0);
    assert_int_equal(codec_size_check(CODEC_RAW, MOST + 1, reason, sizeof reason), 0);
}

static void round_trip(enum codec codec, size_t size, uint64_t count)
{
    prepare(codec, size);
    for (uint64_t sequence = 0; sequence < count; sequence++) {
        memset(message, GUARD, size + 8);
        encode(sequence);
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(message[size + i], GUARD);
        }
        struct sample_seen seen;
        assert_int_equal(decode(message, size, &seen), SAMPLE_OK);
        assert_seen(codec, size, sequence, &seen);
    }
}

static void every_size_comes_back(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        for (size_t size = 1; size != 0; size = next_size(size)) {
            if (possible(codecs[c], size)) {
                round_trip(codecs[c], size, size > 200 ? 50 : 1500);
            }
        }
    }
}

/* The same message, written by hand. */
static void raw_layout_is_fixed(void **state)
{
    (void)state;
    static const unsigned char header[28] = {7,  0, 0, 0,                /* run */
                                             3,  0, 0, 0,                /* producer */
                                             8,  7, 6, 5, 4, 3, 2, 1,    /* sequence */
                                             1,  0, 0, 0, 0, 0, 0, 0x80, /* send time */
                                             64, 0, 0, 0};               /* size */
    prepare(CODEC_RAW, 64);
    assert_int_equal(sample_encode(&encoder, 0x0102030405060708, INT64_MIN + 1, message), 0);
    assert_memory_equal(message, header, sizeof header);

    prepare(CODEC_RAW, 8);
    assert_int_equal(sample_encode(&encoder, 0x0504030201, 0, message), 0);
    assert_memory_equal(message, "\1\2\3\4\5\3", 6);

    prepare(CODEC_RAW, 3);
    assert_int_equal(sample_encode(&encoder, 0x0504030201, 0, message), 0);
    assert_memory_equal(message, "\1\2\3", 3);
}

/* Every single flip is found; what is said to be placed is placed right. */
static void flip_each_bit(enum codec codec, size_t size, uint64_t sequence)
{
    prepare(codec, size);
    encode(sequence);
    for (size_t bit = 0; bit < size * 8; bit++) {
        memcpy(scratch, message, size);
        scratch[bit / 8] ^= (unsigned char)(1u << bit % 8);
        struct sample_seen seen = {0};
        enum sample_verdict verdict = decode(scratch, size, &seen);
        assert_int_not_equal(verdict, SAMPLE_OK);
        if (codec == CODEC_RAW) {
            assert_int_equal(verdict, bit / 8 < header_bytes(size) ? SAMPLE_UNPLACED : SAMPLE_DAMAGED);
        }
        if (verdict == SAMPLE_DAMAGED) {
            assert_seen(codec, size, sequence, &seen);
        }
    }
}

static void no_flipped_bit_passes(void **state)
{
    (void)state;
    for (uint64_t sequence = 0; sequence < 300; sequence++) {
        flip_each_bit(CODEC_RAW, 64, sequence * sequence * sequence);
        flip_each_bit(CODEC_NANOPB, 64, sequence * sequence * sequence);
        flip_each_bit(CODEC_RAW, 8 + sequence % 40, sequence);
        flip_each_bit(CODEC_NANOPB, 35 + sequence % 40, sequence);
    }
    flip_each_bit(CODEC_RAW, 4096, 5);
    flip_each_bit(CODEC_NANOPB, 163, 5); /* padded */
    flip_each_bit(CODEC_NANOPB, 4096, 5);
}

static void no_other_length_passes(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        for (size_t size = 1; size <= 200; size++) {
            if (!possible(codecs[c], size)) {
                continue;
            }
            prepare(codecs[c], size);
            encode(size);
            memset(message + size, 0, 8);
            for (size_t length = 0; length <= size + 8; length++) {
                struct sample_seen seen = {0};
                enum sample_verdict verdict = decode(message, length, &seen);
                assert_true(length == size ? verdict == SAMPLE_OK : verdict != SAMPLE_OK);
                if (codecs[c] == CODEC_RAW && length != size) {
                    assert_int_equal(verdict, length < header_bytes(size) ? SAMPLE_UNPLACED : SAMPLE_DAMAGED);
                }
                if (verdict == SAMPLE_DAMAGED) {
                    assert_seen(codecs[c], size, size, &seen);
                }
            }
        }
    }
}

static void assert_unplaced(size_t size)
{
    struct sample_seen seen;
    assert_int_equal(decode(message, size, &seen), SAMPLE_UNPLACED);
}

static void another_run_and_blank_memory_do_not_pass(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        for (size_t size = 8; size != 0; size = next_size(size)) {
            if (!possible(codecs[c], size)) {
                continue;
            }
            prepare(codecs[c], size);
            sample_encoder_init(&encoder, codecs[c], RUN + 1, PRODUCER, size);
            encode(12);
            assert_unplaced(size);
            sample_decoder_init(&decoder, codecs[c], 0, size, true);
            memset(message, 0, size);
            assert_unplaced(size);
            memset(message, 0xff, size);
            assert_unplaced(size);
        }
    }
}

/* A body must not be mistaken for that of another message, at any place: bytes agree by chance only. */
static void stale_bytes_are_found(void **state)
{
    (void)state;
    static const uint64_t distances[] = {1, 2, 7, 64, 251, 256, 512, 1024, 4096, 65536};
    const size_t size = 32 + 256;
    unsigned agree[256] = {0}, pairs = 0;
    prepare(CODEC_RAW, size);
    for (size_t d = 0; d < sizeof distances / sizeof distances[0]; d++) {
        for (uint64_t sequence = 0; sequence < 200; sequence++, pairs++) {
            encode(sequence);
            memcpy(scratch, message, size);
            encode(sequence + distances[d]);
            for (size_t i = 0; i < 256; i++) {
                agree[i] += message[32 + i] == scratch[32 + i];
            }
            struct sample_seen seen;
            memcpy(message + 32 + sequence, scratch + 32 + sequence, 8);
            assert_int_equal(decode(message, size, &seen), SAMPLE_DAMAGED);
        }
    }
    for (size_t i = 0; i < 256; i++) {
        assert_true(agree[i] < pairs / 50); /* 1 in 256 is expected */
    }
}

/* Right bytes in the wrong place: a body whose blocks come in another order. */
static void a_body_out_of_order_is_found(void **state)
{
    (void)state;
    prepare(CODEC_RAW, 32 + 256);
    for (size_t shift = 1; shift < 256; shift++) {
        struct sample_seen seen;
        encode(shift);
        memcpy(scratch, message, 32);
        memcpy(scratch + 32, message + 32 + shift, 256 - shift);
        memcpy(scratch + 32 + 256 - shift, message + 32, shift);
        assert_int_equal(decode(scratch, 32 + 256, &seen), SAMPLE_DAMAGED);
    }
}

static void assert_completed(uint64_t sequence)
{
    struct sample_seen seen;
    encode(sequence);
    assert_int_equal(decode(message, 1, &seen), SAMPLE_OK);
    assert_int_equal(seen.sequence, sequence);
}

/* Tiny messages tell the low bytes of the sequence; the rest follows from what came before. */
static void tiny_sequences_are_completed(void **state)
{
    (void)state;
    prepare(CODEC_RAW, 1);
    for (uint64_t sequence = 0; sequence < 1000; sequence++) {
        assert_completed(sequence);
    }
    assert_completed(998);  /* again */
    assert_completed(1005); /* ahead */
    prepare(CODEC_RAW, 1);
    assert_completed(255); /* never below 0 */
}

static void unnumbered_samples_are_counted(void **state)
{
    (void)state;
    assert_true(codec_numbers(CODEC_RAW, 1, 1, 1));
    assert_false(codec_numbers(CODEC_RAW, 7, 2, 1));
    assert_false(codec_numbers(CODEC_RAW, 1, 1, 2));
    assert_true(codec_numbers(CODEC_RAW, 8, 256, 4));
    assert_false(codec_numbers(CODEC_RAW, 31, 257, 1));
    assert_true(codec_numbers(CODEC_RAW, 32, 1024, 1024));
    assert_true(codec_numbers(CODEC_NANOPB, 35, 1024, 1024));

    static const size_t sizes[] = {2, 16};
    for (size_t i = 0; i < 2; i++) {
        sample_encoder_init(&encoder, CODEC_RAW, RUN, 300, sizes[i]);
        sample_decoder_init(&decoder, CODEC_RAW, RUN, sizes[i], false);
        for (uint64_t count = 0; count < 10; count++) {
            struct sample_seen seen;
            encode(count * 77);
            assert_int_equal(decode(message, sizes[i], &seen), SAMPLE_OK);
            assert_int_equal(seen.producer, 0);
            assert_int_equal(seen.sequence, count);
        }
    }
}

static void mutate(size_t length)
{
    for (uint64_t edits = random_below(4); edits > 0; edits--) {
        size_t at = random_below(length);
        switch (random_below(3)) {
        case 0:
            message[at] ^= (unsigned char)(1u << random_below(8));
            break;
        case 1:
            message[at] = (unsigned char)random_below(256);
            break;
        default:
            memmove(message + at, message, random_below(length - at + 1));
        }
    }
}

/* Whatever comes: no crash, and nothing passes but what was written. Nothing is claimed of messages whose headers have
 * a check of 16 bits or none. */
static void fuzz(enum codec codec, size_t size, unsigned rounds)
{
    prepare(codec, size);
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t sequence = random_below(1000);
        size_t length = random_below(8) == 0 ? random_below(size + 16) : size;
        memset(message + size, 0, 16);
        encode(sequence);
        memcpy(scratch, message, size);
        if (random_below(4) == 0) {
            for (size_t at = 0; at < size; at++) {
                message[at] = (unsigned char)random_below(256);
            }
        } else {
            mutate(size);
        }
        struct sample_seen seen;
        enum sample_verdict verdict = decode(message, length, &seen);
        if (size >= 32) {
            bool same = length == size && memcmp(message, scratch, size) == 0;
            assert_true((verdict == SAMPLE_OK) == same);
        }
    }
}

static void no_input_crashes(void **state)
{
    (void)state;
    for (size_t size = 1; size != 0; size = next_size(size)) {
        unsigned rounds = size > 200 ? 20 : 600;
        fuzz(CODEC_RAW, size, rounds);
        if (possible(CODEC_NANOPB, size)) {
            fuzz(CODEC_NANOPB, size, rounds);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_have_names),
        cmocka_unit_test(sizes_out_of_range_are_refused_in_words),
        cmocka_unit_test(every_size_comes_back),
        cmocka_unit_test(raw_layout_is_fixed),
        cmocka_unit_test(no_flipped_bit_passes),
        cmocka_unit_test(no_other_length_passes),
        cmocka_unit_test(another_run_and_blank_memory_do_not_pass),
        cmocka_unit_test(stale_bytes_are_found),
        cmocka_unit_test(a_body_out_of_order_is_found),
        cmocka_unit_test(tiny_sequences_are_completed),
        cmocka_unit_test(unnumbered_samples_are_counted),
        cmocka_unit_test(no_input_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

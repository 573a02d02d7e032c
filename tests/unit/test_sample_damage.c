/* SPDX-License-Identifier: MIT
 *
 * Damaged samples: that no flipped bit, no truncation and no leftover passes, and that no input at all makes the
 * decoder crash.
 */
#include "random.h"
#include "sample_helpers.h"

static unsigned char scratch[MOST + 64];

/* How much of a raw message must be there to know which one it is; mirrors the table in sample.h. */
static size_t header_bytes(size_t size)
{
    return size >= 32 ? 32 : size >= 8 ? 8 : SIZE_MAX;
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
        cmocka_unit_test(no_flipped_bit_passes),
        cmocka_unit_test(no_other_length_passes),
        cmocka_unit_test(another_run_and_blank_memory_do_not_pass),
        cmocka_unit_test(stale_bytes_are_found),
        cmocka_unit_test(a_body_out_of_order_is_found),
        cmocka_unit_test(no_input_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Samples: that both codecs write exactly the size asked for and read it back, and that what is too short to say which
 * message it is is counted.
 */
#include "sample_helpers.h"

#define GUARD 0xa5

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

/* Made side by side or straight, at any place on a word or beside it: the same bytes, and every one is checked. */
static void far_bodies_are_the_same(void **state)
{
    enum { LONGEST = 100000 };
    static _Alignas(64) unsigned char straight[LONGEST + 64], far[LONGEST + 64];
    static const size_t lengths[] = {0, 1, 64, 16383, 16384, 16385, 32768 + 7, 65536 - 32, LONGEST};
    static const size_t places[] = {0, 8, 13, 32, 56};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
            unsigned char *a = straight + places[k], *b = far + places[k];
            memset(far, 0x55, sizeof far);
            memset(straight, 0x55, sizeof straight);
            body_fill(a, lengths[i], 0x0123456789abcdef);
            body_fill_far(b, lengths[i], 0x0123456789abcdef);
            assert_memory_equal(straight, far, sizeof far);
            assert_true(body_differs_far(b, lengths[i], 0x0123456789abcdef) == 0);
            for (size_t at = 0; at < lengths[i]; at += 61) {
                b[at] ^= 4;
                assert_true(body_differs_far(b, lengths[i], 0x0123456789abcdef) != 0);
                b[at] ^= 4;
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_have_names),
        cmocka_unit_test(sizes_out_of_range_are_refused_in_words),
        cmocka_unit_test(every_size_comes_back),
        cmocka_unit_test(far_bodies_are_the_same),
        cmocka_unit_test(raw_layout_is_fixed),
        cmocka_unit_test(tiny_sequences_are_completed),
        cmocka_unit_test(unnumbered_samples_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_Sample field by field, against nanopb's generated code: random messages, in the usual form and in others that
 * the format allows, damaged and cut short. Both write the same bytes, and both accept and refuse the same and read the
 * same from it.
 */
#include "random.h"
#include "sample_helpers.h"

#include <pb_decode.h>
#include <pb_encode.h>

#include "proto/fields.h"

enum { DRAWS = 30000, LONGEST_BODY = 300, ROOM = 1024 };

static weir_Sample drawn, expected, scratch;
static unsigned char bytes[MOST + 64], others[MOST + 64];

static uint64_t random_word(void)
{
    uint64_t word = random_below(UINT64_C(1) << 32) << 32 | random_below(UINT64_C(1) << 32);
    return word >> random_below(64);
}

static void draw(size_t body_bytes)
{
    drawn.run = (uint32_t)random_word();
    drawn.producer = (uint32_t)random_word();
    drawn.sequence = random_word();
    drawn.sent_ns = (int64_t)random_word();
    drawn.check = (uint32_t)random_word();
    drawn.body.size = (pb_size_t)body_bytes;
    for (size_t i = 0; i < body_bytes; i++) {
        drawn.body.bytes[i] = (unsigned char)random_below(256);
    }
}

static struct sample_fields fields_of(const weir_Sample *sample)
{
    return (struct sample_fields){.run = sample->run,
                                  .producer = sample->producer,
                                  .sequence = sample->sequence,
                                  .sent_ns = sample->sent_ns,
                                  .check = sample->check,
                                  .body_bytes = sample->body.size,
                                  .body = sample->body.bytes};
}

static size_t write_generated(unsigned char *buffer, size_t capacity)
{
    pb_ostream_t stream = pb_ostream_from_buffer(buffer, capacity);
    return pb_encode(&stream, weir_Sample_fields, &drawn) ? stream.bytes_written : 0;
}

static size_t write_by_field(unsigned char *buffer, size_t capacity)
{
    const struct sample_fields fields = fields_of(&drawn);
    size_t body_at = sample_fields_write(&fields, buffer, capacity);
    if (body_at == 0) {
        return 0;
    }
    memcpy(buffer + body_at, drawn.body.bytes, drawn.body.size);
    return body_at + drawn.body.size;
}

static void assert_written_alike(size_t body_bytes)
{
    draw(body_bytes);
    size_t length = write_generated(others, sizeof others);
    assert_true(length > body_bytes);
    memset(bytes, 0xa5, length + 8);
    assert_int_equal(write_by_field(bytes, length), length);
    assert_memory_equal(bytes, others, length);
    assert_int_equal(bytes[length], 0xa5);
    size_t short_of = random_below(35 + body_bytes); /* the rest takes 35 bytes or more */
    assert_int_equal(write_by_field(bytes, short_of), 0);
    assert_int_equal(write_generated(others, short_of), 0);
}

static void the_same_bytes_are_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DRAWS; i++) {
        assert_written_alike(random_below(LONGEST_BODY));
    }
    static const size_t edges[] = {0, 127, 128, 16383, 16384, 65498, 65499};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_written_alike(edges[i]);
    }
}

/* From memory of just that length, so that a sanitizer sees each byte read beyond it. Whether it was accepted. */
static bool assert_read_alike(const unsigned char *from, size_t length)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, from, length);
    pb_istream_t stream = pb_istream_from_buffer(copy, length);
    bool accepted = pb_decode_ex(&stream, weir_Sample_fields, &expected, PB_DECODE_NOINIT);
    struct sample_fields fields;
    assert_int_equal(sample_fields_read(copy, length, &scratch, &fields), accepted);
    if (accepted) {
        const struct sample_fields right = fields_of(&expected);
        assert_int_equal(fields.run, right.run);
        assert_int_equal(fields.producer, right.producer);
        assert_int_equal(fields.sequence, right.sequence);
        assert_int_equal(fields.sent_ns, right.sent_ns);
        assert_int_equal(fields.check, right.check);
        assert_int_equal(fields.body_bytes, right.body_bytes);
        assert_memory_equal(fields.body, right.body, right.body_bytes);
    }
    free(copy);
    return accepted;
}

static void the_same_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DRAWS; i++) {
        draw(random_below(LONGEST_BODY));
        assert_true(assert_read_alike(bytes, write_generated(bytes, sizeof bytes)));
    }
    draw(65499);
    assert_true(assert_read_alike(bytes, write_generated(bytes, sizeof bytes)));
    assert_false(assert_read_alike(bytes, 0));
}

static void append_varint(pb_ostream_t *stream, uint64_t value)
{
    if (random_below(8) == 0 && value < 128) { /* longer than it need be, which is allowed */
        const unsigned char padded[2] = {(unsigned char)(value | 0x80), 0};
        pb_write(stream, padded, sizeof padded);
    } else {
        pb_encode_varint(stream, value);
    }
}

/* One field of random number, known or not, and of random type, now and then not the right one. */
static void append_field(pb_ostream_t *stream, uint32_t number)
{
    static const pb_wire_type_t right[] = {0,           PB_WT_32BIT, PB_WT_32BIT, PB_WT_64BIT,
                                           PB_WT_64BIT, PB_WT_32BIT, PB_WT_STRING};
    static const pb_wire_type_t any[] = {PB_WT_VARINT, PB_WT_64BIT, PB_WT_STRING, PB_WT_32BIT};
    bool is_known = number >= 1 && number <= 6;
    pb_wire_type_t type = is_known && random_below(50) != 0 ? right[number] : any[random_below(4)];
    uint64_t word = random_word();
    append_varint(stream, (uint64_t)number << 3 | type);
    switch (type) {
    case PB_WT_32BIT:
        pb_encode_fixed32(stream, &(uint32_t){(uint32_t)word});
        break;
    case PB_WT_64BIT:
        pb_encode_fixed64(stream, &word);
        break;
    case PB_WT_STRING:
        append_varint(stream, word % 40);
        pb_write(stream, drawn.body.bytes, word % 40);
        break;
    default:
        append_varint(stream, word);
    }
}

/* All fields in an order that is drawn, some twice, some missing, unknown ones between them. */
static size_t write_in_other_forms(void)
{
    pb_ostream_t stream = pb_ostream_from_buffer(bytes, ROOM);
    uint32_t numbers[6] = {1, 2, 3, 4, 5, 6};
    bool is_shuffled = random_below(2) == 0;
    for (size_t i = 0; i < 6; i++) {
        size_t with = is_shuffled ? random_below(6) : i;
        uint32_t number = numbers[i];
        numbers[i] = numbers[with];
        numbers[with] = number;
    }
    for (size_t i = 0; i < 6; i++) {
        if (random_below(40) != 0) {
            append_field(&stream, numbers[i]);
        }
        if (random_below(10) == 0) {
            append_field(&stream, (uint32_t)random_below(20));
        }
    }
    return stream.bytes_written;
}

static void other_forms_are_read_alike(void **state)
{
    (void)state;
    unsigned accepted = 0;
    draw(LONGEST_BODY);
    for (unsigned i = 0; i < DRAWS; i++) {
        accepted += assert_read_alike(bytes, write_in_other_forms());
    }
    assert_in_range(accepted, DRAWS / 4, DRAWS - DRAWS / 20);
}

static void damaged_messages_are_read_alike(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (unsigned i = 0; i < 2 * DRAWS; i++) {
        draw(random_below(60));
        size_t length = i % 2 == 0 ? write_generated(bytes, sizeof bytes) : write_in_other_forms();
        for (uint64_t edits = 1 + random_below(3); edits > 0 && length > 0; edits--) {
            size_t at = random_below(random_below(2) == 0 && length > 37 ? 37 : length);
            switch (random_below(4)) {
            case 0:
                bytes[at] ^= (unsigned char)(1u << random_below(8));
                break;
            case 1:
                bytes[at] = (unsigned char)random_below(256);
                break;
            case 2:
                memmove(bytes + at, bytes + at + 1, --length - at);
                break;
            default:
                length = random_below(length + 1);
            }
        }
        accepted += assert_read_alike(bytes, length);
    }
    assert_in_range(accepted, DRAWS / 20, 2 * DRAWS - DRAWS / 20);
}

static void what_is_cut_short_or_prolonged_is_read_alike(void **state)
{
    (void)state;
    for (size_t body = 0; body < LONGEST_BODY; body += 1 + body / 8) {
        draw(body);
        size_t length = write_generated(bytes, sizeof bytes);
        memset(bytes + length, 0, 8);
        for (size_t cut = 0; cut <= length + 8; cut++) {
            assert_int_equal(assert_read_alike(bytes, cut), cut == length);
        }
        bytes[length] = 7 << 3;
        assert_true(assert_read_alike(bytes, length + 2));
    }
    draw(65499); /* then bodies that are longer than there is room for */
    size_t length = write_generated(bytes, sizeof bytes);
    for (size_t more = 1; more < 5; more++) {
        bytes[length - 65499 - 3]++;
        assert_true(assert_read_alike(bytes, length + more) == (more == 1)); /* one byte fits into the alignment */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_are_written),
        cmocka_unit_test(the_same_is_read),
        cmocka_unit_test(other_forms_are_read_alike),
        cmocka_unit_test(damaged_messages_are_read_alike),
        cmocka_unit_test(what_is_cut_short_or_prolonged_is_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Each field is its tag, of one byte, and its value, of a fixed width: one pb_write or pb_read for both.
 */
#include "proto/fields.h"

#include <endian.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

#define TAG(field, wire_type) ((unsigned char)(weir_Sample_##field##_tag << 3 | (wire_type)))

static bool write_32(pb_ostream_t *stream, unsigned char tag, uint32_t value)
{
    unsigned char field[1 + sizeof value] = {tag};
    value = htole32(value);
    memcpy(field + 1, &value, sizeof value);
    return pb_write(stream, field, sizeof field);
}

static bool write_64(pb_ostream_t *stream, unsigned char tag, uint64_t value)
{
    unsigned char field[1 + sizeof value] = {tag};
    value = htole64(value);
    memcpy(field + 1, &value, sizeof value);
    return pb_write(stream, field, sizeof field);
}

size_t sample_fields_write(const struct sample_fields *fields, unsigned char *bytes, size_t capacity)
{
    pb_ostream_t stream = pb_ostream_from_buffer(bytes, capacity);
    bool fits = write_32(&stream, TAG(run, PB_WT_32BIT), fields->run) &&
                write_32(&stream, TAG(producer, PB_WT_32BIT), fields->producer) &&
                write_64(&stream, TAG(sequence, PB_WT_64BIT), fields->sequence) &&
                write_64(&stream, TAG(sent_ns, PB_WT_64BIT), (uint64_t)fields->sent_ns) &&
                write_32(&stream, TAG(check, PB_WT_32BIT), fields->check) &&
                pb_encode_tag(&stream, PB_WT_STRING, weir_Sample_body_tag) &&
                pb_encode_varint(&stream, fields->body_bytes) && fields->body_bytes <= capacity - stream.bytes_written;
    return fits ? stream.bytes_written : 0;
}

static bool read_32(pb_istream_t *stream, unsigned char tag, uint32_t *ret)
{
    unsigned char field[1 + sizeof *ret];
    if (!pb_read(stream, field, sizeof field) || field[0] != tag)
        return false;
    memcpy(ret, field + 1, sizeof *ret);
    *ret = le32toh(*ret);
    return true;
}

static bool read_64(pb_istream_t *stream, unsigned char tag, uint64_t *ret)
{
    unsigned char field[1 + sizeof *ret];
    if (!pb_read(stream, field, sizeof field) || field[0] != tag)
        return false;
    memcpy(ret, field + 1, sizeof *ret);
    *ret = le64toh(*ret);
    return true;
}

/* Each field once, in the order of their numbers, and nothing else: as sample_fields_write and the generated code have
 * it. */
static bool read_in_order(const unsigned char *bytes, size_t length, struct sample_fields *ret)
{
    pb_istream_t stream = pb_istream_from_buffer(bytes, length);
    uint64_t sent_ns;
    uint32_t tag, body_bytes;
    pb_wire_type_t type;
    bool at_end;
    bool good = read_32(&stream, TAG(run, PB_WT_32BIT), &ret->run) &&
                read_32(&stream, TAG(producer, PB_WT_32BIT), &ret->producer) &&
                read_64(&stream, TAG(sequence, PB_WT_64BIT), &ret->sequence) &&
                read_64(&stream, TAG(sent_ns, PB_WT_64BIT), &sent_ns) &&
                read_32(&stream, TAG(check, PB_WT_32BIT), &ret->check) &&
                pb_decode_tag(&stream, &type, &tag, &at_end) && tag == weir_Sample_body_tag && type == PB_WT_STRING &&
                pb_decode_varint32(&stream, &body_bytes) && body_bytes == stream.bytes_left &&
                body_bytes <= sizeof((weir_Sample *)NULL)->body.bytes;
    if (!good)
        return false;
    ret->sent_ns = (int64_t)sent_ns;
    ret->body_bytes = body_bytes;
    ret->body = bytes + length - body_bytes;
    return true;
}

bool sample_fields_read(const unsigned char *bytes, size_t length, weir_Sample *scratch, struct sample_fields *ret)
{
    if (read_in_order(bytes, length, ret))
        return true;
    pb_istream_t stream = pb_istream_from_buffer(bytes, length);
    if (!pb_decode_ex(&stream, weir_Sample_fields, scratch, PB_DECODE_NOINIT)) /* clearing would cost 64 KiB */
        return false;
    *ret = (struct sample_fields){
        .run = scratch->run,
        .producer = scratch->producer,
        .sequence = scratch->sequence,
        .sent_ns = scratch->sent_ns,
        .check = scratch->check,
        .body_bytes = scratch->body.size,
        .body = scratch->body.bytes,
    };
    return true;
}

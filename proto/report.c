/* SPDX-License-Identifier: MIT
 *
 * Writing and reading envelopes. One on the stream is its length as a varint of one or two bytes, then that many bytes
 * of protobuf.
 */
#include "proto/report.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

_Static_assert(weir_Envelope_size >= 1 << 7 && weir_Envelope_size < 1 << 14, "a length takes one or two bytes");

static int write_all(int fd, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

int report_forward(int fd, const weir_Envelope *envelope)
{
    unsigned char bytes[REPORT_MOST_BYTES];
    pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof bytes);
    if (!pb_encode_ex(&stream, weir_Envelope_fields, envelope, PB_ENCODE_DELIMITED)) {
        return -1;
    }
    return write_all(fd, bytes, stream.bytes_written);
}

int report_write(int fd, const weir_Report *report)
{
    return report_forward(fd, &(weir_Envelope){.which_content = weir_Envelope_report_tag, .content.report = *report});
}

int report_write_latency(int fd, const weir_Latency *latency)
{
    return report_forward(fd,
                          &(weir_Envelope){.which_content = weir_Envelope_latency_tag, .content.latency = *latency});
}

/* What protobuf leaves open. */
static bool is_sound(const weir_Envelope *envelope)
{
    if (envelope->which_content == weir_Envelope_report_tag) {
        return envelope->content.report.role <= _weir_Role_MAX;
    }
    return envelope->which_content == weir_Envelope_latency_tag;
}

/* Takes a whole envelope off the front of the buffer, if one is there. */
static enum report_result take(struct report_reader *reader, weir_Envelope *ret)
{
    size_t prefix = reader->filled > 0 && reader->bytes[0] >= 0x80 ? 2 : 1;
    if (reader->filled < prefix) {
        return REPORT_NONE;
    }
    size_t length = reader->bytes[0] & 0x7fU;
    if (prefix == 2) {
        length |= (size_t)reader->bytes[1] << 7; /* a third byte would make it too long anyway */
    }
    if (length > weir_Envelope_size) {
        return REPORT_MALFORMED;
    }
    if (reader->filled < prefix + length) {
        return REPORT_NONE;
    }
    weir_Envelope envelope;
    pb_istream_t stream = pb_istream_from_buffer(reader->bytes + prefix, length);
    if (!pb_decode(&stream, weir_Envelope_fields, &envelope) || !is_sound(&envelope)) {
        return REPORT_MALFORMED;
    }
    reader->filled -= prefix + length;
    memmove(reader->bytes, reader->bytes + prefix + length, reader->filled);
    *ret = envelope;
    return REPORT_READY;
}

enum report_result report_read(struct report_reader *reader, int fd, weir_Envelope *ret)
{
    for (;;) {
        enum report_result result = take(reader, ret);
        if (result != REPORT_NONE) {
            return result;
        }
        ssize_t count = read(fd, reader->bytes + reader->filled, sizeof reader->bytes - reader->filled);
        if (count > 0) {
            reader->filled += (size_t)count;
        } else if (count == 0) {
            return reader->filled == 0 ? REPORT_END : REPORT_MALFORMED;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return REPORT_NONE;
        } else if (errno != EINTR) {
            return REPORT_MALFORMED;
        }
    }
}

/* SPDX-License-Identifier: MIT
 *
 * The codecs of samples, but for the form that sample.h has inline.
 */
#include "proto/sample.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/fields.h"

/* Of nanopb's half: its calls would make the raw half save registers. */
#define OUT_OF_LINE __attribute__((noinline))

enum {
    SHORT_BYTES = 8,
    SHORT_PRODUCER_BIT = 40,
    SHORT_CHECK_BIT = 48,

    /* of a nanopb sample: each field is a one-byte tag and its value */
    NANOPB_FIXED_BYTES = 5 + 5 + 9 + 9 + 5 + 1, /* run, producer, sequence, sent_ns, check, the body's tag */
    NANOPB_LEAST_BYTES = NANOPB_FIXED_BYTES + 1,
    NANOPB_MOST_BYTES = NANOPB_FIXED_BYTES + 3 + (int)sizeof(((weir_Sample *)NULL)->body.bytes),
};
static const unsigned char nanopb_padding[2] = {7 << 3, 0}; /* field 7, a varint, 0 */
_Static_assert(NANOPB_MOST_BYTES == 65536, "sample.options and this file agree on the largest sample");

/* ---- sizes ------------------------------------------------------------------------------------------------- */

static const char *const codec_names[] = {[CODEC_RAW] = "raw", [CODEC_NANOPB] = "nanopb"};
#define CODECS (sizeof codec_names / sizeof codec_names[0])

int codec_find(const char *name)
{
    for (size_t i = 0; i < CODECS; i++) {
        if (strcmp(name, codec_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *codec_name(size_t i)
{
    return i < CODECS ? codec_names[i] : NULL;
}

int codec_size_check(enum codec codec, size_t size, char *ret_reason, size_t capacity)
{
    size_t least = codec == CODEC_NANOPB ? NANOPB_LEAST_BYTES : 1;
    size_t most = codec == CODEC_NANOPB ? NANOPB_MOST_BYTES : UINT32_MAX;
    if (size < least) {
        snprintf(ret_reason, capacity, "a %s sample takes at least %zu bytes", codec_names[codec], least);
        return -1;
    }
    if (size > most) {
        snprintf(ret_reason, capacity, "a %s sample takes at most %zu bytes", codec_names[codec], most);
        return -1;
    }
    return 0;
}

static enum sample_form form_of(enum codec codec, size_t size)
{
    if (codec == CODEC_NANOPB) {
        return SAMPLE_FORM_NANOPB;
    }
    return size >= SAMPLE_FULL_BYTES ? SAMPLE_FORM_FULL : size >= SHORT_BYTES ? SAMPLE_FORM_SHORT : SAMPLE_FORM_TINY;
}

bool codec_numbers(enum codec codec, size_t size, uint32_t producers, uint32_t consumers)
{
    switch (form_of(codec, size)) {
    case SAMPLE_FORM_TINY:
        return producers == 1 && consumers == 1;
    case SAMPLE_FORM_SHORT:
        return producers <= 256;
    default:
        return true;
    }
}

bool codec_stamps(enum codec codec, size_t size)
{
    enum sample_form form = form_of(codec, size);
    return form == SAMPLE_FORM_FULL || form == SAMPLE_FORM_NANOPB;
}

/* How long the body's own length is, as a varint. */
static size_t prefix_bytes(size_t body_bytes)
{
    return body_bytes < 1 << 7 ? 1 : body_bytes < 1 << 14 ? 2 : 3;
}

/* The body that makes a nanopb sample `size` bytes long. Its prefix grows at bodies of 128 and 16384 bytes; at the size
 * that is skipped there, 163 and 16420, no body fits, and a field of two bytes that decoders skip takes up the slack.
 */
static size_t nanopb_body_bytes(size_t size, size_t *ret_padding_bytes)
{
    *ret_padding_bytes = 0;
    for (size_t prefix = 1; prefix <= 3; prefix++) {
        if (prefix_bytes(size - NANOPB_FIXED_BYTES - prefix) == prefix) {
            return size - NANOPB_FIXED_BYTES - prefix;
        }
    }
    *ret_padding_bytes = sizeof nanopb_padding;
    size_t ignored;
    return nanopb_body_bytes(size - sizeof nanopb_padding, &ignored);
}

static size_t body_bytes_of(enum sample_form form, size_t size, size_t *ret_padding_bytes)
{
    *ret_padding_bytes = 0;
    switch (form) {
    case SAMPLE_FORM_FULL:
        return size - SAMPLE_FULL_BYTES;
    case SAMPLE_FORM_SHORT:
        return size - SHORT_BYTES;
    case SAMPLE_FORM_TINY:
        return 0;
    case SAMPLE_FORM_NANOPB:
        break;
    }
    return nanopb_body_bytes(size, ret_padding_bytes);
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

void sample_encoder_init(struct sample_encoder *encoder, enum codec codec, uint32_t run, uint32_t producer, size_t size)
{
    assert(codec_size_check(codec, size, NULL, 0) == 0);
    enum sample_form form = form_of(codec, size);
    encoder->form = form;
    encoder->run = run;
    encoder->producer = form == SAMPLE_FORM_SHORT ? producer & 0xff : producer;
    encoder->size = size;
    encoder->body_bytes = body_bytes_of(form, size, &encoder->padding_bytes);
    encoder->name_key = name_key(name_who(run, encoder->producer));
    encoder->check_key = name_check_key(size);
}

static void encode_short(const struct sample_encoder *encoder, uint64_t sequence, unsigned char *bytes)
{
    sequence &= (UINT64_C(1) << SHORT_PRODUCER_BIT) - 1;
    uint64_t name = name_of(encoder->name_key, sequence);
    uint64_t check = name_short_check(encoder->check_key, name);
    body_store(bytes, check << SHORT_CHECK_BIT | (uint64_t)encoder->producer << SHORT_PRODUCER_BIT | sequence);
    body_fill(bytes + SHORT_BYTES, encoder->body_bytes, name_body(name));
}

OUT_OF_LINE static int encode_nanopb(const struct sample_encoder *encoder, uint64_t sequence, int64_t sent_ns,
                                     unsigned char *bytes)
{
    uint64_t name = name_of(encoder->name_key, sequence);
    const struct sample_fields fields = {
        .run = encoder->run,
        .producer = encoder->producer,
        .sequence = sequence,
        .sent_ns = sent_ns,
        .check = name_check(encoder->check_key, name, (uint64_t)sent_ns),
        .body_bytes = encoder->body_bytes,
    };
    size_t body_at = sample_fields_write(&fields, bytes, encoder->size);
    size_t end = body_at + encoder->body_bytes;
    if (body_at == 0 || end + encoder->padding_bytes != encoder->size) {
        return -1;
    }
    body_fill(bytes + body_at, encoder->body_bytes, name_body(name));
    memcpy(bytes + end, nanopb_padding, encoder->padding_bytes);
    return 0;
}

int sample_encode_other(struct sample_encoder *encoder, uint64_t sequence, int64_t sent_ns, void *buffer)
{
    switch (encoder->form) {
    case SAMPLE_FORM_SHORT:
        encode_short(encoder, sequence, buffer);
        return 0;
    case SAMPLE_FORM_TINY:
        body_fill(buffer, encoder->size, sequence); /* a word cut to length: its low bytes */
        return 0;
    case SAMPLE_FORM_FULL: /* the caller's */
    case SAMPLE_FORM_NANOPB:
        break;
    }
    return encode_nanopb(encoder, sequence, sent_ns, buffer);
}

/* ---- checking ---------------------------------------------------------------------------------------------- */

void sample_decoder_init(struct sample_decoder *decoder, enum codec codec, uint32_t run, size_t size, bool numbered)
{
    assert(codec_size_check(codec, size, NULL, 0) == 0);
    enum sample_form form = form_of(codec, size);
    decoder->form = form;
    decoder->numbered = numbered;
    decoder->run = run;
    decoder->size = size;
    decoder->body_bytes = body_bytes_of(form, size, &decoder->padding_bytes);
    decoder->check_key = name_check_key(size);
    decoder->next = 0;
}

static enum sample_verdict verdict_of(bool right)
{
    return right ? SAMPLE_OK : SAMPLE_DAMAGED;
}

/* Of all sequences that end in `low`, the one nearest to the expected one. */
static uint64_t nearest(uint64_t next, uint64_t low, unsigned bits)
{
    uint64_t ahead = (low - next) << (64 - bits) >> (64 - bits);
    uint64_t behind = (next - low) << (64 - bits) >> (64 - bits);
    return behind < ahead && behind <= next ? next - behind : next + ahead;
}

/* Which message it was, as far as the message tells: see codec_numbers. */
static struct sample_seen seen_in_part(struct sample_decoder *decoder, uint32_t producer, uint64_t sequence)
{
    if (!decoder->numbered) {
        return (struct sample_seen){0, decoder->next++, 0};
    }
    return (struct sample_seen){producer, sequence, 0};
}

static enum sample_verdict decode_short(struct sample_decoder *decoder, const unsigned char *bytes, size_t length,
                                        struct sample_seen *ret)
{
    if (length < SHORT_BYTES) {
        return SAMPLE_UNPLACED;
    }
    uint64_t header = body_load(bytes);
    uint64_t sequence = header & ((UINT64_C(1) << SHORT_PRODUCER_BIT) - 1);
    uint32_t producer = header >> SHORT_PRODUCER_BIT & 0xff;
    uint64_t name = name_of(name_key(name_who(decoder->run, producer)), sequence);
    if (header >> SHORT_CHECK_BIT != name_short_check(decoder->check_key, name)) {
        return SAMPLE_UNPLACED;
    }
    *ret = seen_in_part(decoder, producer, sequence);
    return verdict_of(length == decoder->size &&
                      body_differs(bytes + SHORT_BYTES, decoder->body_bytes, name_body(name)) == 0);
}

static enum sample_verdict decode_tiny(struct sample_decoder *decoder, const unsigned char *bytes, size_t length,
                                       struct sample_seen *ret)
{
    if (length != decoder->size) {
        return SAMPLE_UNPLACED;
    }
    uint64_t low = 0;
    for (size_t i = length; i > 0; i--) {
        low = low << 8 | bytes[i - 1];
    }
    uint64_t sequence = nearest(decoder->next, low, (unsigned)length * 8);
    *ret = seen_in_part(decoder, 0, sequence);
    if (decoder->numbered && sequence >= decoder->next) {
        decoder->next = sequence + 1;
    }
    return SAMPLE_OK;
}

OUT_OF_LINE static enum sample_verdict decode_nanopb(struct sample_decoder *decoder, const unsigned char *bytes,
                                                     size_t length, struct sample_seen *ret)
{
    struct sample_fields fields;
    if (!sample_fields_read(bytes, length, &decoder->scratch, &fields)) {
        return SAMPLE_UNPLACED;
    }
    uint64_t name = name_of(name_key(name_who(fields.run, fields.producer)), fields.sequence);
    uint32_t check = name_check(decoder->check_key, name, (uint64_t)fields.sent_ns);
    if (fields.check != check || fields.run != decoder->run) {
        return SAMPLE_UNPLACED;
    }
    *ret = (struct sample_seen){fields.producer, fields.sequence, fields.sent_ns};
    return verdict_of(length == decoder->size && fields.body_bytes == decoder->body_bytes &&
                      memcmp(bytes + length - decoder->padding_bytes, nanopb_padding, decoder->padding_bytes) == 0 &&
                      body_differs(fields.body, decoder->body_bytes, name_body(name)) == 0);
}

enum sample_verdict sample_decode_other(struct sample_decoder *decoder, const void *buffer, size_t length,
                                        struct sample_seen *ret)
{
    switch (decoder->form) {
    case SAMPLE_FORM_SHORT:
        return decode_short(decoder, buffer, length, ret);
    case SAMPLE_FORM_TINY:
        return decode_tiny(decoder, buffer, length, ret);
    case SAMPLE_FORM_FULL: /* the caller's */
    case SAMPLE_FORM_NANOPB:
        break;
    }
    return decode_nanopb(decoder, buffer, length, ret);
}

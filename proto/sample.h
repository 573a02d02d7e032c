/* SPDX-License-Identifier: MIT
 *
 * Samples: the messages of a benchmark, of exactly `size` bytes in either codec, every bit of which the consumer
 * checks. The body is drawn from (run, producer, sequence), so that bytes left over from another message are found.
 *
 * What fits into the size:
 *   raw, 32 bytes or more: run u32, producer u32, sequence u64, sent_ns i64, size u32, check u32, then the body
 *   raw, 8 to 31 bytes:    sequence 40 bits, producer 8 bits, check 16 bits (of run and size too), then the body
 *   raw, 1 to 7 bytes:     the low bytes of the sequence
 *   nanopb, 35 to 65536:   weir_Sample of sample.proto, with the fields of the first
 * Raw integers are little-endian.
 *
 * Nothing here allocates, and nothing here counts: see tracker.h. The first form is inline: its cost is part of every
 * message's, and a call would be a good part of it.
 */
#ifndef WEIR_PROTO_SAMPLE_H
#define WEIR_PROTO_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/body.h"
#include "proto/name.h"
#include "proto/sample.pb.h"

enum codec { CODEC_RAW, CODEC_NANOPB };

/* The codec of that name, or -1. */
int codec_find(const char *name);

/* "raw", "nanopb": a static string; NULL past the last, so that i = 0, 1, ... lists them. */
const char *codec_name(size_t i);

/* Whether a sample can have that size: 0, or -1 with the reason in words. */
int codec_size_check(enum codec codec, size_t size, char *ret_reason, size_t capacity);

/* Whether each sample says which one it is: true of all sizes with a header. Without (below 8 bytes and more than one
 * worker on a side, below 32 bytes and more than 256 producers) only lengths, bodies and totals can be checked. */
bool codec_numbers(enum codec codec, size_t size, uint32_t producers, uint32_t consumers);

#define SAMPLE_FULL_BYTES 32 /* the header of the first form */

/* Whether such a sample has room for the time of its sending. */
bool codec_stamps(enum codec codec, size_t size);

/* How a sample is laid out: the lines of the table above. */
enum sample_form { SAMPLE_FORM_FULL, SAMPLE_FORM_SHORT, SAMPLE_FORM_TINY, SAMPLE_FORM_NANOPB };

/* ---- writing ----------------------------------------------------------------------------------------------- */

/* One producer's. */
struct sample_encoder {
    enum sample_form form;
    uint32_t run;
    uint32_t producer;
    size_t size;
    size_t body_bytes;
    size_t padding_bytes; /* nanopb's: see sample.c */
    uint64_t name_key;    /* what run and producer add to the hash of the message's name */
    uint64_t check_key;   /* what the size adds to the check */
    bool is_far;          /* to be set: buffers are a channel's own, in place, and not in a cache near by */
};

/* `size` has passed codec_size_check. */
void sample_encoder_init(struct sample_encoder *encoder, enum codec codec, uint32_t run, uint32_t producer,
                         size_t size);

/* sample_encode of all forms but the first. */
int sample_encode_other(struct sample_encoder *encoder, uint64_t sequence, int64_t sent_ns, void *buffer);

static inline void sample_encode_full(const struct sample_encoder *encoder, uint64_t sequence, uint64_t sent_ns,
                                      unsigned char *bytes)
{
    uint64_t name = name_of(encoder->name_key, sequence);
    uint64_t check = name_check(encoder->check_key, name, sent_ns);
    body_store(bytes, name_who(encoder->run, encoder->producer));
    body_store(bytes + 8, sequence);
    body_store(bytes + 16, sent_ns);
    body_store(bytes + 24, check << 32 | encoder->size);
    body_fill_usual(bytes + SAMPLE_FULL_BYTES, encoder->body_bytes, name_body(name), encoder->is_far);
}

/* Writes exactly `size` bytes. Sequences count from 0 without a gap. 0, or -1 if nanopb refused. */
static inline int sample_encode(struct sample_encoder *encoder, uint64_t sequence, int64_t sent_ns, void *buffer)
{
    if (encoder->form != SAMPLE_FORM_FULL)
        return sample_encode_other(encoder, sequence, sent_ns, buffer);
    sample_encode_full(encoder, sequence, (uint64_t)sent_ns, buffer);
    return 0;
}

/* ---- checking ---------------------------------------------------------------------------------------------- */

enum sample_verdict {
    SAMPLE_OK,
    SAMPLE_DAMAGED,  /* the header is right, the body or the length is not: it is known which message it was */
    SAMPLE_UNPLACED, /* not even that is known, or it comes from another run */
};

/* Which message it was. */
struct sample_seen {
    uint32_t producer;
    uint64_t sequence;
    int64_t sent_ns; /* 0 where the size has no room for it */
};

/* One consumer's. Large: 64 KiB for nanopb messages in an unusual form, which others never touch. */
struct sample_decoder {
    enum sample_form form;
    bool numbered;
    uint32_t run;
    size_t size;
    size_t body_bytes;
    size_t padding_bytes; /* nanopb's: see sample.c */
    uint64_t check_key;
    bool is_far;   /* as of the encoder */
    uint64_t next; /* the sequence to come, where the message tells a part of it or nothing */
    weir_Sample scratch;
};

/* `numbered` comes from codec_numbers. If false, every sample is seen as the next one of producer 0. */
void sample_decoder_init(struct sample_decoder *decoder, enum codec codec, uint32_t run, size_t size, bool numbered);

/* sample_decode of all forms but the first. */
enum sample_verdict sample_decode_other(struct sample_decoder *decoder, const void *buffer, size_t length,
                                        struct sample_seen *ret);

static inline enum sample_verdict sample_decode_full(const struct sample_decoder *decoder, const unsigned char *bytes,
                                                     size_t length, struct sample_seen *ret)
{
    if (__builtin_expect(length < SAMPLE_FULL_BYTES, 0))
        return SAMPLE_UNPLACED;
    uint64_t who = body_load(bytes);
    uint64_t sequence = body_load(bytes + 8);
    uint64_t sent_ns = body_load(bytes + 16);
    uint64_t size_and_check = body_load(bytes + 24);
    uint64_t name = name_of(name_key(who), sequence);
    uint32_t check = name_check(decoder->check_key, name, sent_ns);
    if (size_and_check != ((uint64_t)check << 32 | decoder->size) || (uint32_t)who != decoder->run)
        return SAMPLE_UNPLACED;
    *ret = (struct sample_seen){(uint32_t)(who >> 32), sequence, (int64_t)sent_ns};
    bool right = length == decoder->size && body_differs_usual(bytes + SAMPLE_FULL_BYTES, decoder->body_bytes,
                                                               name_body(name), decoder->is_far) == 0;
    return right ? SAMPLE_OK : SAMPLE_DAMAGED;
}

/* Checks every byte of a message of any length and content. `ret` is filled unless the verdict is SAMPLE_UNPLACED. */
static inline enum sample_verdict sample_decode(struct sample_decoder *decoder, const void *buffer, size_t length,
                                                struct sample_seen *ret)
{
    if (decoder->form == SAMPLE_FORM_FULL)
        return sample_decode_full(decoder, buffer, length, ret);
    struct sample_seen seen = *ret; /* so that the caller's can live in registers */
    enum sample_verdict verdict = sample_decode_other(decoder, buffer, length, &seen);
    *ret = seen;
    return verdict;
}

#endif

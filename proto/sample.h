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
 * Nothing here allocates, and nothing here counts: see tracker.h.
 */
#ifndef WEIR_PROTO_SAMPLE_H
#define WEIR_PROTO_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* How a sample is laid out: the lines of the table above. */
enum sample_form { SAMPLE_FORM_FULL, SAMPLE_FORM_SHORT, SAMPLE_FORM_TINY, SAMPLE_FORM_NANOPB };

/* ---- writing ----------------------------------------------------------------------------------------------- */

/* One producer's. Large: 64 KiB for nanopb's message, which raw samples never touch. */
struct sample_encoder {
    enum sample_form form;
    uint32_t run;
    uint32_t producer;
    size_t size;
    size_t body_bytes;
    size_t padding_bytes; /* nanopb's: see sample.c */
    uint64_t name_key;    /* what run and producer add to the hash of the message's name */
    uint64_t check_key;   /* what the size adds to the check */
    weir_Sample message;
};

/* `size` has passed codec_size_check. */
void sample_encoder_init(struct sample_encoder *encoder, enum codec codec, uint32_t run, uint32_t producer,
                         size_t size);

/* Writes exactly `size` bytes. Sequences count from 0 without a gap. 0, or -1 if nanopb refused. */
int sample_encode(struct sample_encoder *encoder, uint64_t sequence, int64_t sent_ns, void *buffer);

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

/* One consumer's. Large, as the encoder. */
struct sample_decoder {
    enum sample_form form;
    bool numbered;
    uint32_t run;
    size_t size;
    size_t body_bytes;
    size_t padding_bytes; /* nanopb's: see sample.c */
    uint64_t check_key;
    uint64_t next; /* the sequence to come, where the message tells a part of it or nothing */
    weir_Sample message;
};

/* `numbered` comes from codec_numbers. If false, every sample is seen as the next one of producer 0. */
void sample_decoder_init(struct sample_decoder *decoder, enum codec codec, uint32_t run, size_t size, bool numbered);

/* Checks every byte of a message of any length and content. `ret` is filled unless the verdict is SAMPLE_UNPLACED. */
enum sample_verdict sample_decode(struct sample_decoder *decoder, const void *buffer, size_t length,
                                  struct sample_seen *ret);

#endif

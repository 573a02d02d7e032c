/* SPDX-License-Identifier: MIT
 *
 * Encoding and decoding of one weir_Sample after the other, by one thread, into and out of a buffer. --kind
 *
 *   bare   pb_encode and pb_decode, the message filled and its body checked as the other bare programs do
 *   codec  weir's codec (proto/sample.h) around them: the same message, checked as weir's consumers check it
 *
 * So the two differ by what the codec adds, or saves.
 */
#include "bare.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sample.h"

struct nanopb_work {
    struct bare_work work;
    struct sample_encoder encoder; /* also says how long the body is */
    struct sample_decoder decoder;
    weir_Sample out, in;
    unsigned char buffer[65536];
};

static void fail(const char *what)
{
    errno = 0;
    bare_fail(what);
}

static void run_bare(struct bare_work *work, uint64_t from, uint64_t to)
{
    struct nanopb_work *own = (struct nanopb_work *)work;
    const size_t size = work->how->size, body = own->encoder.body_bytes;
    own->out.run = 1;
    own->out.body.size = (pb_size_t)body;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        own->out.sequence = sequence;
        own->out.sent_ns = (int64_t)sequence;
        own->out.check = (uint32_t)sequence;
        bare_fill(own->out.body.bytes, body, sequence);
        pb_ostream_t out = pb_ostream_from_buffer(own->buffer, size);
        if (!pb_encode(&out, weir_Sample_fields, &own->out) || out.bytes_written != size)
            fail("pb_encode");
        pb_istream_t in = pb_istream_from_buffer(own->buffer, size);
        if (!pb_decode_ex(&in, weir_Sample_fields, &own->in, PB_DECODE_NOINIT))
            fail("pb_decode");
        if (own->in.sequence != sequence || own->in.check != (uint32_t)sequence || own->in.body.size != body)
            fail("a field is damaged");
        bare_check(own->in.body.bytes, body, sequence);
    }
}

static void run_codec(struct bare_work *work, uint64_t from, uint64_t to)
{
    struct nanopb_work *own = (struct nanopb_work *)work;
    const size_t size = work->how->size;
    struct sample_seen seen = {0};
    for (uint64_t sequence = from; sequence < to; sequence++) {
        if (sample_encode(&own->encoder, sequence, (int64_t)sequence, own->buffer) != 0)
            fail("encoding");
        if (sample_decode(&own->decoder, own->buffer, size, &seen) != SAMPLE_OK || seen.sequence != sequence)
            fail("a message was lost or damaged");
    }
}

static void destroy(struct bare_work *work)
{
    free(work);
}

static struct bare_work *create(const struct bare *how)
{
    char reason[200];
    errno = 0;
    if (codec_size_check(CODEC_NANOPB, how->size, reason, sizeof reason) != 0)
        bare_fail(reason);
    struct nanopb_work *own = calloc(1, sizeof *own);
    if (own == NULL)
        bare_fail("memory");
    sample_encoder_init(&own->encoder, CODEC_NANOPB, 1, 0, how->size);
    sample_decoder_init(&own->decoder, CODEC_NANOPB, 1, how->size, true);
    if (own->encoder.padding_bytes != 0)
        fail("the message of this size holds padding: take another");
    own->work = (struct bare_work){
        .how = how, .halves = {strcmp(how->kind, "codec") == 0 ? run_codec : run_bare}, .destroy = destroy};
    return &own->work;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"bare", "codec", NULL};
    static const struct bare_program program = {
        .name = "nanopb-loop",
        .summary = "pb_encode and pb_decode of the same message.",
        .kinds = kinds,
        .create = create,
    };
    return bare_main(&program, argc, argv);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_Sample on the wire, field by field on nanopb's primitives, straight into and out of the caller's buffer: the
 * bytes are those of the generated code, without its walk over the descriptions of the fields and without a copy of the
 * body. Why and how much: docs/design/0017-mutex-zmq-nanopb.md.
 */
#ifndef WEIR_PROTO_FIELDS_H
#define WEIR_PROTO_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/sample.pb.h"

struct sample_fields {
    uint32_t run;
    uint32_t producer;
    uint64_t sequence;
    int64_t sent_ns;
    uint32_t check;
    size_t body_bytes;
    const unsigned char *body; /* of a message that was read */
};

/* Writes all but the body, whose place is at the offset returned; it ends the message. 0 if `capacity` is too small
 * for both. */
size_t sample_fields_write(const struct sample_fields *fields, unsigned char *bytes, size_t capacity);

/* Whether that is a weir_Sample, by the rules of the generated decoder. The body lies in `bytes`, or in `scratch` where
 * it took that decoder: for another order, unknown fields and the like. On false `ret` may be written in part. */
bool sample_fields_read(const unsigned char *bytes, size_t length, weir_Sample *scratch, struct sample_fields *ret);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Whole messages over a byte stream (pipes, stream sockets): a 4-byte length before each body.
 *
 * Sending is all or nothing: a frame goes out by one system call, begun only when the stream surely has room for all
 * of it. So a deadline never cuts a message, a dead sender never leaves half of one, and frames of several producers
 * do not mix. Up to `atomic_bytes` the kernel itself promises this; above, the sender asks how full the stream is
 * (FIONREAD, SIOCOUTQ) and, if there are several senders, takes their lock.
 *
 * Receiving: a lone consumer drains what is there into the channel's read-ahead memory and parses it, so that whoever
 * takes its place goes on exactly where it left; or it reads header and body by two calls (naive, kept for comparison).
 * For several consumers every frame is padded to one size, so that one read
 * takes exactly one frame: no lock, and nothing that a dying consumer could leave half read.
 */
#ifndef WEIR_FRAMING_H
#define WEIR_FRAMING_H

#include <stdbool.h>

#include <weir/driver.h>

#include "lock.h"

#define WEIR_FRAME_HEADER 4

/* What a lone consumer has read ahead: in memory that all ends share. */
struct weir_stream_ahead {
    size_t start, end;
    bool reading; /* a consumer that died with this set took bytes along: nobody knows where frames begin any more */
    unsigned char bytes[];
};

/* What one buffer with `length` bytes costs of a socket's send buffer, at most: the kernel rounds the part that it
 * keeps in one piece (`most_linear` bytes at most) with its own 320 bytes up to a power of two, the rest to pages, and
 * adds its header (alloc_skb_with_frags, net/core/skbuff.c). */
size_t weir_socket_cost(size_t length, size_t most_linear);

/* One direction of a byte stream. The driver fills in all but what weir_stream_init does. */
struct weir_stream {
    int write_fd, read_fd; /* non-blocking */
    size_t atomic_bytes;   /* frames up to this the kernel sends whole or not at all */
    size_t capacity_bytes; /* what the stream holds, by its own accounting */
    bool is_socket;
    bool naive; /* two reads a message */

    size_t longest_bytes;            /* init: of a message; no frame may say more */
    size_t padded_bytes;             /* init: every frame has this length; 0: its own */
    struct weir_lock *senders;       /* init: for frames that the kernel does not keep whole; NULL: not needed */
    struct weir_stream_ahead *ahead; /* init: a lone consumer's; naive: its mark only */
    size_t ahead_capacity;
};

/* A producer's private side: the frames that it keeps back. */
struct weir_stream_end {
    char *kept;
    size_t kept_bytes;
};

/* Checks that such messages fit the stream and settles how: WEIR_EMSGSIZE, WEIR_ENOMEM, WEIR_ESYSTEM. Sets the
 * channel's effective depth. In the driver's `create`. */
int weir_stream_init(struct weir_driver_channel *channel, struct weir_stream *stream, struct weir_error *error);

/* The capacity to ask the kernel for, so that the channel's depth is met. */
size_t weir_stream_wanted_bytes(const struct weir_driver_channel *channel, const struct weir_stream *stream);

/* The driver's operations, for its endpoint's end of the stream. */
int weir_stream_attach(struct weir_driver_endpoint *endpoint, const struct weir_stream *stream,
                       struct weir_stream_end *end);
void weir_stream_detach(struct weir_stream_end *end);
int weir_stream_send(const struct weir_stream *stream, struct weir_stream_end *end, const void *body, size_t length,
                     unsigned flags);
int weir_stream_flush(const struct weir_stream *stream, struct weir_stream_end *end);
ssize_t weir_stream_recv(const struct weir_stream *stream, void *body); /* with room for the longest */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Whole messages through the kernel (pipes, sockets): a 4-byte length before each body.
 *
 * Sending is all or nothing: a frame goes out by one system call, begun only when the stream surely has room for all
 * of it. So a deadline never cuts a message, a dead sender never leaves half of one, and frames of several producers
 * do not mix. Up to `atomic_bytes` the kernel itself promises this; above, the sender asks how full the stream is and,
 * if there are several senders, takes their lock.
 *
 * Receiving: a lone consumer drains what is there into the channel's read-ahead memory and parses it, so that whoever
 * takes its place goes on exactly where it left; or it reads header and body by two calls (naive, kept for comparison).
 * For several consumers every frame is padded to one size, so that one read
 * takes exactly one frame: nothing that a dying consumer could leave half read.
 *
 * The files: framing.c (room, the life of a stream, what its drivers have in common), framing_send.c, framing_recv.c.
 */
#ifndef WEIR_FRAMING_H
#define WEIR_FRAMING_H

#include <stdbool.h>

#include <weir/driver.h>

#include "lock.h"

#define WEIR_FRAME_HEADER 4

/* A packet shorter than any frame: there is news, and no message. */
#define WEIR_NUDGE_BYTES 1

/* What a producer keeps back, and so what one write takes of small messages, at most: PIPE_BUF. */
#define WEIR_KEEP_BACK_BYTES ((size_t)4096)

/* What the frames go through. */
enum weir_stream_kind {
    WEIR_STREAM_PIPE,
    WEIR_STREAM_SOCKET,  /* UNIX, SOCK_STREAM: up to a size the kernel keeps what is sent together in one buffer */
    WEIR_STREAM_TCP,     /* nothing is kept together: several senders take turns, and there is one consumer */
    WEIR_STREAM_PACKETS, /* UNIX: what is sent together arrives together */
};

/* What a lone consumer has read ahead: in memory that all ends share. */
struct weir_stream_ahead {
    size_t start, end;
    uint32_t reading; /* a consumer that died with this set took bytes along: nobody knows where frames begin any more;
                         no bool, for producers may write anything here */
    unsigned char bytes[];
};

/* One direction through the kernel. The first member of the driver's channel state; the driver's `create` fills in all
 * but what weir_stream_init does. */
struct weir_stream {
    bool is_open; /* both descriptors are to be closed */
    enum weir_stream_kind kind;
    int write_fd, read_fd; /* non-blocking, but for `blocks` */
    size_t atomic_bytes;   /* frames up to this the kernel sends whole or not at all */
    size_t capacity_bytes; /* what the stream holds, by its own accounting */
    bool naive;            /* no call for more than one message */
    bool blocks;           /* packets to a lone consumer, who may wait in recv: read_fd blocks, for a slice */

    size_t longest_bytes;            /* init: of a message; no frame may say more */
    size_t padded_bytes;             /* init: every frame has this length; 0: its own */
    bool bare;                       /* init: a packet is a message, without a length */
    bool lone_sender;                /* init: nobody else fills the stream */
    struct weir_lock *senders;       /* init: for frames that the kernel does not keep whole; NULL: not needed */
    struct weir_stream_ahead *ahead; /* init: a lone consumer's; naive: its mark only */
    size_t ahead_capacity;
};

/* An endpoint's private side. */
struct weir_stream_end {
    char *kept; /* a producer's frames that it keeps back */
    size_t kept_bytes;
    size_t room_bytes; /* a lone producer's: surely free, since it last asked */
    unsigned streak;   /* a lone consumer's: reads in a row that each found something at once */
    unsigned vain;     /* pauses for the stream to fill, in a row, that brought too little */
    unsigned taken;    /* messages since the last read */
    size_t last_bytes; /* that it brought */
};

/* Checks that such messages fit the stream and settles how: WEIR_EMSGSIZE, WEIR_ENOMEM, WEIR_ESYSTEM. Sets the
 * channel's effective depth. In the driver's `create`. */
int weir_stream_init(struct weir_driver_channel *channel, struct weir_stream *stream, struct weir_error *error);

/* The capacity to ask the kernel for, so that the channel's depth is met. */
size_t weir_stream_wanted_bytes(const struct weir_driver_channel *channel, const struct weir_stream *stream);

/* ---- the drivers' operations, the same for all of them -------------------------------------------------------- */

#define WEIR_FRAMING_OPTION                                                                                            \
    {                                                                                                                  \
        .name = "framing", .type = WEIR_OPTION_CHOICE, .fallback = "tuned", .choices = "tuned|naive",                  \
        .help = "tuned: messages share calls where they can; naive: no call for more than one message"                 \
    }
enum { WEIR_FRAMING_TUNED, WEIR_FRAMING_NAIVE };

/* For a pipe, or a FIFO with both ends open: asks the kernel for the depth, and initializes the stream. */
int weir_stream_create_pipe(struct weir_driver_channel *channel, int read_fd, int write_fd, bool naive,
                            struct weir_error *error);

/* What `bytes` that lie in the stream take of its capacity, at worst. Pipes count pages, which neighbours may leave
 * half empty (two of them always hold more than one page). Sockets count buffers together with their headers, which the
 * kernel reports as they are. And what a frame that is about to go takes. */
size_t weir_stream_cost_of_queued(const struct weir_stream *stream, size_t bytes);
size_t weir_stream_cost_of_new(const struct weir_stream *stream, size_t frame);

/* A socket's send buffer of about `wanted` bytes, by the kernel's accounting; what it gave. */
size_t weir_socket_size(int fd, size_t wanted);

void weir_stream_destroy(struct weir_driver_channel *channel);
int weir_stream_attach(struct weir_driver_endpoint *endpoint);
void weir_stream_detach(struct weir_driver_endpoint *endpoint);
int weir_stream_send(struct weir_driver_endpoint *endpoint, const void *body, size_t length, unsigned flags);
int weir_stream_flush(struct weir_driver_endpoint *endpoint);
ssize_t weir_stream_recv(struct weir_driver_endpoint *endpoint, void *body, size_t capacity);
ssize_t weir_stream_recv_waiting(struct weir_driver_endpoint *endpoint, void *body, size_t capacity);
void weir_stream_nudge(struct weir_driver_channel *channel);
int weir_stream_fd(struct weir_driver_endpoint *endpoint, short *ret_events);

/* Their lines in a driver's table, given its capabilities: these, or more. */
#define WEIR_STREAM_CAPABILITIES (WEIR_CAP_FD | WEIR_CAP_MORE | WEIR_CAP_KERNEL)
#define WEIR_STREAM_OPERATIONS(bits)                                                                                   \
    .abi = WEIR_DRIVER_ABI, .capabilities = (bits), .wait = WEIR_WAIT_BLOCK,                                           \
    .channel_bytes = sizeof(struct weir_stream), .endpoint_bytes = sizeof(struct weir_stream_end),                     \
    .destroy = weir_stream_destroy, .attach = weir_stream_attach, .detach = weir_stream_detach,                        \
    .send = weir_stream_send, .recv = weir_stream_recv, .flush = weir_stream_flush, .fd = weir_stream_fd

#endif

/* SPDX-License-Identifier: MIT
 *
 * Channels: one-way paths for whole messages, from N producers to M consumers, through any driver.
 *
 *   create (parent)  ->  attach (each worker)  ->  send / recv  ->  detach (each worker)  ->  destroy (parent)
 *
 * Results are 0 or a length on success and a negative WEIR_E* code on failure; errno means nothing here.
 * `ret_*` outputs stay untouched on failure. Deadlines are absolute CLOCK_MONOTONIC nanoseconds.
 * The library never prints, never exits and changes no signal disposition.
 */
#ifndef WEIR_CHANNEL_H
#define WEIR_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/version.h>

#if defined(__GNUC__)
#define WEIR_API                 __attribute__((visibility("default")))
#define WEIR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WEIR_API
#define WEIR_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ------------------------------------------------------------------------------------------------ */

/* The one list of errors: name, number, sentence. */
#define WEIR_ERROR_LIST(X)                                                                                             \
    X(EAGAIN, -1, "not ready: no message is there to receive, or no room is left to send")                             \
    X(ETIMEDOUT, -2, "the deadline passed")                                                                            \
    X(EPIPE, -3, "no consumer is left")                                                                                \
    X(EPEERDIED, -4, "a peer died without saying goodbye")                                                             \
    X(EMSGSIZE, -5, "the message is larger than the channel or the buffer takes")                                      \
    X(ECANCELED, -6, "the channel was shut down")                                                                      \
    X(EOF, -7, "every producer has detached and nothing is left to receive")                                           \
    X(ECORRUPT, -8, "what the channel shares between its ends is damaged")                                             \
    X(EINVAL, -9, "an argument is not valid, or the call does not fit the state of the endpoint")                      \
    X(EBUSY, -10, "this place on the channel is taken by a live endpoint")                                             \
    X(ENOMEM, -11, "memory ran out")                                                                                   \
    X(ENOTSUP, -12, "this driver cannot do that")                                                                      \
    X(EUNKNOWN, -13, "no driver or option has that name")                                                              \
    X(EUNAVAILABLE, -14, "the driver cannot be used on this machine")                                                  \
    X(ESYSTEM, -15, "the operating system refused")

enum weir_result {
    WEIR_OK = 0,
#define WEIR_ERROR_ENUM(name, number, sentence) WEIR_##name = (number),
    WEIR_ERROR_LIST(WEIR_ERROR_ENUM)
#undef WEIR_ERROR_ENUM
};

/* What went wrong, in words: which word is bad and which values are allowed. Owned by the caller. */
struct weir_error {
    int code;       /* a WEIR_E* code */
    char text[504]; /* one sentence, no newline, NUL-terminated */
};

/* Both return static strings and may be called from any thread; an unknown code gives "unknown error". */
WEIR_API const char *weir_strerror(int code);
WEIR_API const char *weir_version(void);

/* ---- time -------------------------------------------------------------------------------------------------- */

#define WEIR_NOW     ((int64_t)0) /* as a deadline: do not wait */
#define WEIR_FOREVER INT64_MAX    /* as a deadline: wait as long as the channel lives */

/* CLOCK_MONOTONIC in nanoseconds. A deadline in 5 ms is weir_now_ns() + 5000000. */
WEIR_API int64_t weir_now_ns(void);

/* ---- channels ---------------------------------------------------------------------------------------------- */

struct weir_channel;  /* a channel, made by its creator before the workers start */
struct weir_endpoint; /* one worker's handle on a channel; belongs to the thread that attached it */

/* Where the endpoints will live. */
enum weir_span {
    WEIR_SPAN_PROCESSES = 0, /* in this process and in processes forked from it after create */
    WEIR_SPAN_THREADS = 1,   /* in this process only: drivers may use private memory and private futexes */
};

/* How a call waits when it cannot go on at once. */
enum weir_wait {
    WEIR_WAIT_DEFAULT = 0, /* the driver's own: adaptive where it lives in user space, else block */
    WEIR_WAIT_BLOCK = 1,   /* sleep in the kernel at once */
    WEIR_WAIT_SPIN = 2,    /* never sleep (but yield the CPU where others need it) */
    WEIR_WAIT_ADAPTIVE = 3 /* spin for about as long as a sleep costs, then sleep */
};

enum weir_role { WEIR_PRODUCER = 0, WEIR_CONSUMER = 1 };

/* All zero is a good default. */
struct weir_channel_config {
    uint32_t producers;       /* how many will attach, 1 to 1024; 0 means 1 */
    uint32_t consumers;       /* likewise */
    size_t max_message_bytes; /* the longest message; 0 means 4096 */
    size_t depth;             /* messages that fit between the ends; 0 means 64 */
    enum weir_span span;
    enum weir_wait wait; /* `wait=` in the spec overrides it */
};

/* What a driver's channel can do by itself; the core lends the rest. */
enum weir_capability {
    WEIR_CAP_RESERVE = 1 << 0,   /* reserve/commit write in place; else the core lends a buffer */
    WEIR_CAP_PEEK = 1 << 1,      /* peek/release read in place; else the core lends a buffer */
    WEIR_CAP_MORE = 1 << 2,      /* WEIR_MORE lets messages travel together */
    WEIR_CAP_FD = 1 << 3,        /* waits in the kernel on a descriptor; else the core's doorbells wake it */
    WEIR_CAP_ASYNC = 1 << 4,     /* a message may be under way between a finished send and the consumer's reach */
    WEIR_CAP_SYNTHETIC = 1 << 5, /* carries nothing: receives leave the buffer as it was (the null driver) */
    WEIR_CAP_KERNEL = 1 << 6,    /* messages are copied into the kernel and out of it; else they stay in user space */
};

/* The effective values of a channel. Strings live as long as the channel. */
struct weir_channel_info {
    const char *driver;    /* the driver's name */
    const char *mechanism; /* its one-line description */
    uint32_t producers;
    uint32_t consumers;
    size_t max_message_bytes;
    size_t depth; /* messages of max_message_bytes that surely fit; drivers that count in bytes come near */
    enum weir_span span;
    enum weir_wait wait; /* never WEIR_WAIT_DEFAULT */
    uint32_t capabilities;
};

/* Makes a channel from a spec, `driver[,key=value...]`: "shm", "unix,type=stream", "/path/to/module.so,key=value".
 * To be called before the workers that will use the channel start (a forked worker inherits it). `config` may be NULL
 * for the defaults, `ret_error` may be NULL. The driver checks all it can here: WEIR_EUNKNOWN, WEIR_EINVAL (a value out
 * of range), WEIR_EMSGSIZE (the driver cannot carry such messages), WEIR_ENOTSUP (so many producers or consumers),
 * WEIR_EUNAVAILABLE, WEIR_ENOMEM, WEIR_ESYSTEM; the error's text says what is wrong and which values are allowed.
 * Thread-safe. */
WEIR_API int weir_channel_create(struct weir_channel **ret_channel, const char *spec,
                                 const struct weir_channel_config *config, struct weir_error *ret_error);

/* Frees the channel. In the creating process, once its own endpoints have detached; a forked process that calls it
 * frees its copy only. NULL is a no-op. */
WEIR_API void weir_channel_destroy(struct weir_channel *channel);

/* From any thread of any process that has the channel, and from a signal handler: every blocked call and every later
 * call returns WEIR_ECANCELED. Sticky. (A signal by itself ends no call.) NULL is a no-op. */
WEIR_API void weir_channel_shutdown(struct weir_channel *channel);

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* a function and a struct of one name, which C++ allows and g++ warns of */
#endif
/* Thread-safe. */
WEIR_API void weir_channel_info(const struct weir_channel *channel, struct weir_channel_info *ret_info);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* ---- endpoints --------------------------------------------------------------------------------------------- */

/* Takes place `index` (0 .. producers-1 or consumers-1) on a channel, in the thread that will use it. A place whose
 * endpoint has detached or died may be taken again. WEIR_EINVAL, WEIR_EBUSY, WEIR_ECANCELED, WEIR_ENOMEM, WEIR_ESYSTEM,
 * WEIR_ECORRUPT (who died at that place left the channel's shared state in pieces). Different threads may attach at
 * once. A process that is forked afterwards has a copy of the endpoint and not the endpoint: all that it may do with
 * that is weir_detach, which says no goodbye and frees the core's part of the copy: the driver's goes with the process.
 */
WEIR_API int weir_attach(struct weir_endpoint **ret_endpoint, struct weir_channel *channel, enum weir_role role,
                         uint32_t index);

/* Flushes, says goodbye and frees the endpoint, in the thread that attached it. Once every producer has detached,
 * consumers drain what is left and then get WEIR_EOF. What was reserved is aborted, what was peeked is released.
 * Messages that travel by themselves (WEIR_CAP_ASYNC) and have come as far as this consumer's memory go with it.
 * NULL is a no-op. */
WEIR_API void weir_detach(struct weir_endpoint *endpoint);

enum weir_send_flags {
    WEIR_MORE = 1, /* more follows soon: the message may wait with the sender until a send without this flag,
                      weir_flush, weir_detach, or a send that would wait */
};

/* Sends one whole message or none; length 0 is legal, `buffer` may then be NULL. The buffer is the caller's again on
 * return. WEIR_EAGAIN (deadline WEIR_NOW), WEIR_ETIMEDOUT, WEIR_EPIPE, WEIR_EPEERDIED (see weir_recv), WEIR_EMSGSIZE,
 * WEIR_ECANCELED, WEIR_ECORRUPT, WEIR_EINVAL, WEIR_ESYSTEM. */
WEIR_API int weir_send(struct weir_endpoint *endpoint, const void *buffer, size_t length, unsigned flags,
                       int64_t deadline_ns);

/* Receives one whole message and returns its length; 0 is a message of length 0. What the buffer holds behind the
 * message is undefined. A buffer that is too small gives WEIR_EMSGSIZE and the message is kept. WEIR_EAGAIN (deadline
 * WEIR_NOW), WEIR_ETIMEDOUT, WEIR_EOF, WEIR_ECANCELED, WEIR_ECORRUPT, WEIR_EINVAL, WEIR_ESYSTEM. WEIR_EPEERDIED: a
 * producer died without goodbye, and all that it had committed has been delivered. With other producers left it is
 * returned once per death to each consumer, and the next call goes on with the others; with none left it takes the
 * place of WEIR_EOF, at once in every call, until another producer takes the dead one's place: then messages flow
 * again, and what the channel ends with is how that one ends. The same holds, mirrored, for senders: WEIR_EPIPE means
 * that the last consumer left cleanly. A death is reported within 100 ms, in every blocked call. */
WEIR_API ssize_t weir_recv(struct weir_endpoint *endpoint, void *buffer, size_t capacity, int64_t deadline_ns);

/* Reserve hands out `length` bytes to write in place (64-byte aligned only if the driver says so), commit sends the
 * first `length` of them, abort gives them back. One reservation at a time; nothing is visible before commit. The
 * memory belongs to the channel. With a lent buffer (no WEIR_CAP_RESERVE), and where a mechanism tells of room only to
 * who sends (zmq), it is commit that may wait: on WEIR_EAGAIN or WEIR_ETIMEDOUT the reservation stays and commit may be
 * called again. Errors as weir_send, and WEIR_ENOMEM (the lent buffer); of abort WEIR_EINVAL alone: nothing is
 * reserved.
 */
WEIR_API int weir_reserve(struct weir_endpoint *endpoint, size_t length, void **ret_buffer, int64_t deadline_ns);
WEIR_API int weir_commit(struct weir_endpoint *endpoint, size_t length, unsigned flags, int64_t deadline_ns);
WEIR_API int weir_abort(struct weir_endpoint *endpoint);

/* Peek shows the next message where it lies and returns its length; it stays valid, and stays the next message, until
 * release takes it off the channel. Errors as weir_recv, and WEIR_ENOMEM (the lent buffer), which weir_recv too may
 * give where its buffer is shorter than max_message_bytes; of release WEIR_EINVAL alone: nothing is shown. */
WEIR_API ssize_t weir_peek(struct weir_endpoint *endpoint, const void **ret_buffer, int64_t deadline_ns);
WEIR_API int weir_release(struct weir_endpoint *endpoint);

/* Publishes what WEIR_MORE has kept back. Errors as weir_send. */
WEIR_API int weir_flush(struct weir_endpoint *endpoint, int64_t deadline_ns);

/* A descriptor to poll for input (POLLIN, for producers too): ready means that the endpoint may be ready. Before each
 * poll, call weir_recv or weir_send with WEIR_NOW until it says WEIR_EAGAIN: that arms it. A death makes nothing ready
 * by itself: poll with a time limit (100 ms, say) and call again to learn of it. Owned by the endpoint. Works with
 * every driver. WEIR_EINVAL, WEIR_ESYSTEM. */
WEIR_API int weir_fd(struct weir_endpoint *endpoint);

/* ---- what there is ----------------------------------------------------------------------------------------- */

struct weir_driver; /* see <weir/driver.h> */

/* The name of the i-th driver, built in or a module, present or known to be missing; NULL past the last. The string
 * is static. Thread-safe. */
WEIR_API const char *weir_driver_at(size_t i);

/* The driver of that name (or path), loading its module if need be; NULL if it cannot be had, with the reason and the
 * remedy in `ret_error`. A driver, once loaded, stays. Thread-safe. */
WEIR_API const struct weir_driver *weir_driver_find(const char *name, struct weir_error *ret_error);

/* Whether channels of that driver can be made here: 0, or WEIR_EUNKNOWN, WEIR_EUNAVAILABLE with the reason.
 * Thread-safe. */
WEIR_API int weir_driver_probe(const char *name, struct weir_error *ret_error);

/* The word of a NULL-ended list that looks most like `word`: the one with the least edit distance, the first of
 * several; NULL if none is within a third of the letters and one more. For messages such as "did you mean 'shm'?".
 * Words of more than 31 letters are compared by their first 31. Returns one of `words`. Thread-safe. */
WEIR_API const char *weir_nearest(const char *word, const char *const *words);

/* Removes what dead processes of this user have left behind: private folders whose every user is dead, names of shared
 * memory. Returns how many. Making a private folder does this too. Thread-safe. */
WEIR_API int weir_sweep(void);

#ifdef __cplusplus
}
#endif

#endif

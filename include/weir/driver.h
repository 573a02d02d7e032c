/* SPDX-License-Identifier: MIT
 *
 * For driver authors. A driver is one mechanism behind the channel interface: a const table of operations on memory
 * that the core allocates. channels/drivers/skeleton.c of the sources is a complete one, to read and to copy.
 *
 * What a driver does NOT do: it never waits, retries, counts, logs, or looks after deadlines, deaths, goodbyes and
 * shutdown. Each send and recv is one attempt that says WEIR_EAGAIN when there is no room or no message; the core
 * waits (on the driver's descriptor, or on doorbells of its own that it rings after each success) and tries again.
 * So every driver waits by the same rules, and none can forget one.
 */
#ifndef WEIR_DRIVER_H
#define WEIR_DRIVER_H

#include <weir/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_DRIVER_ABI 2u /* raised whenever struct weir_driver or a contract below changes */

/* So long at most a driver sleeps, where it may. The tests of waiting are built with others. */
#ifndef WEIR_SLICE_NS
#define WEIR_SLICE_NS INT64_C(25000000)
#endif

/* ---- options ----------------------------------------------------------------------------------------------- */

enum weir_option_type {
    WEIR_OPTION_CHOICE, /* one of `choices`; the value is its index */
    WEIR_OPTION_NUMBER, /* `min` to `max`; K, M and G multiply by 1024 */
    WEIR_OPTION_STRING, /* any text without a comma */
};

/* One line of a driver's option table. The core parses, checks, and prints it in `weir list`. */
struct weir_option {
    const char *name; /* NULL ends the table */
    enum weir_option_type type;
    const char *fallback; /* the default, as one would type it */
    const char *choices;  /* "posix|memfd"; NULL unless a choice */
    uint64_t min, max;    /* inclusive; of numbers */
    const char *help;
};

union weir_option_value {
    uint64_t number;  /* of numbers, and the index of a choice */
    const char *text; /* of strings; lives as long as the channel */
};

/* ---- what the core shows to a driver ----------------------------------------------------------------------- */

/* A channel as its driver sees it. In a forked worker this is the worker's own copy: what the ends must share goes
 * into weir_shared_alloc or into a mapping or descriptor made in `create`. */
struct weir_driver_channel {
    const struct weir_channel_config *config; /* complete: no field is 0 that means a default */
    const union weir_option_value *options;   /* in the order of the option table */
    void *state;                              /* channel_bytes of zeroed memory, the driver's */
    size_t depth;                             /* asked for; `create` writes the effective value if it differs */
    uint32_t capabilities;                    /* the driver's; `create` may take WEIR_CAP_KERNEL away, of a channel
                                                 that does without */
};

struct weir_driver_endpoint {
    struct weir_driver_channel *channel;
    void *state; /* endpoint_bytes of zeroed memory, the driver's */
    enum weir_role role;
    uint32_t index;
};

/* ---- the driver -------------------------------------------------------------------------------------------- */

struct weir_driver {
    uint32_t abi;             /* WEIR_DRIVER_ABI */
    const char *name;         /* lower-case letters and digits */
    const char *summary;      /* the mechanism in one line */
    uint32_t capabilities;    /* WEIR_CAP_*; each of RESERVE, PEEK, MORE, FD exactly when its operations are there */
    enum weir_wait wait;      /* the default policy: adaptive in user space, else block */
    size_t channel_bytes;     /* private state of a channel */
    size_t endpoint_bytes;    /* private state of an endpoint */
    size_t max_message_bytes; /* hard limit of the mechanism; 0: none. `create` may refuse less (WEIR_EMSGSIZE) */
    uint32_t max_producers;   /* 0: no limit */
    uint32_t max_consumers;   /* 0: no limit */
    const struct weir_option *options; /* NULL: none */

    /* Is the mechanism there? 0 or WEIR_EUNAVAILABLE with the reason and the remedy. May be NULL: always. */
    int (*probe)(struct weir_error *error);

    /* In the parent, before any worker. Makes all that the ends share. On failure fills `error`
     * (weir_error_set) and returns its code; the core then calls destroy, which must cope with a half-made state. */
    int (*create)(struct weir_driver_channel *channel, struct weir_error *error);

    /* Undoes create, whole or half. Also called in forked workers, on their copy: removes no shared name there
     * unless that is harmless. */
    void (*destroy)(struct weir_driver_channel *channel);

    /* In the worker that will use the endpoint; may allocate, connect, start helper threads; must not wait for the
     * other side. 0, WEIR_ENOMEM, WEIR_ESYSTEM or WEIR_ECORRUPT. After a failure detach is called and must cope. */
    int (*attach)(struct weir_driver_endpoint *endpoint);

    /* Undoes attach, whole or half. Called after a flush attempt. May be followed by another attach to the place. */
    void (*detach)(struct weir_driver_endpoint *endpoint);

    /* One attempt to send one whole message. length <= config->max_message_bytes. 0: sent. WEIR_EAGAIN: no room,
     * nothing happened. WEIR_ECORRUPT, WEIR_ESYSTEM. `flags` may hold WEIR_MORE; ignoring it is correct. NULL: the core
     * reserves, copies and commits. */
    int (*send)(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags);

    /* One attempt to receive one whole message. capacity >= config->max_message_bytes always. The length, or
     * WEIR_EAGAIN, WEIR_ECORRUPT, WEIR_ESYSTEM. NULL: the core peeks, copies and releases. */
    ssize_t (*recv)(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity);

    /* WEIR_CAP_RESERVE: all three. reserve: 0 with `length` writable bytes, or WEIR_EAGAIN; commit publishes
     * `length` of them (never more); abort gives them back. Where reserve cannot know whether there is room, commit
     * says WEIR_EAGAIN, has done nothing, and is called again. */
    int (*reserve)(struct weir_driver_endpoint *endpoint, size_t length, void **ret_buffer);
    int (*commit)(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags);
    void (*abort)(struct weir_driver_endpoint *endpoint);

    /* WEIR_CAP_PEEK: both. peek: as recv, but shows the message in place; release takes it off. */
    ssize_t (*peek)(struct weir_driver_endpoint *endpoint, const void **ret_buffer);
    void (*release)(struct weir_driver_endpoint *endpoint);

    /* WEIR_CAP_MORE: publishes what was kept back. 0 or WEIR_EAGAIN (no room: call again), WEIR_ESYSTEM. */
    int (*flush)(struct weir_driver_endpoint *endpoint);

    /* WEIR_CAP_FD: the descriptor to poll when send or recv said WEIR_EAGAIN, and the poll(2) events to wait for. The
     * driver's; valid until detach. Level-triggered, or edge-triggered after WEIR_EAGAIN. */
    int (*fd)(struct weir_driver_endpoint *endpoint, short *ret_events);

    /* Optional. WEIR_CAP_FD, where the descriptor becomes ready only for who has announced that he waits; else NULL.
     * Announces. Called before a sleep on the descriptor, and, with `polls`, before a call that does not wait says
     * WEIR_EAGAIN to who polls it (weir_fd). One more attempt follows, so that nothing is missed. */
    void (*arm)(struct weir_driver_endpoint *endpoint, int polls);

    /* Optional, both or none; WEIR_CAP_FD without WEIR_CAP_PEEK. recv that sleeps in the kernel until there is a
     * message, for WEIR_SLICE_NS at most, where that takes fewer calls than to poll `fd`: as recv, and WEIR_EAGAIN at
     * any time, or WEIR_ENOTSUP, and no sleep, on channels of which this cannot be had. */
    ssize_t (*recv_waiting)(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity);

    /* Ends the sleep of a consumer in recv_waiting, or, if it is not there yet, the next one. By any end, at any time.
     */
    void (*nudge)(struct weir_driver_channel *channel);
};

/* A loadable module exports its driver so, once: WEIR_DRIVER_MODULE(my_driver); */
#define WEIR_DRIVER_MODULE(driver)                                                                                     \
    const struct weir_driver *weir_driver_module(void)                                                                 \
    {                                                                                                                  \
        return &(driver);                                                                                              \
    }                                                                                                                  \
    WEIR_API const struct weir_driver *weir_driver_module(void) /* the semicolon is the user's */
WEIR_API const struct weir_driver *weir_driver_module(void);

/* ---- help that the core gives to drivers ------------------------------------------------------------------- */

/* Fills `error` (which may be NULL) and returns `code`. */
WEIR_API int weir_error_set(struct weir_error *error, int code, const char *format, ...) WEIR_PRINTF(3, 4);

/* Fills `error` with "what: the reason of errno (and its remedy)"; returns WEIR_ENOMEM or WEIR_ESYSTEM. */
WEIR_API int weir_error_errno(struct weir_error *error, const char *what);

/* Zeroed memory that all endpoints of the channel see at the same address: private when the span is one address
 * space, else shared with processes forked later. Page-aligned. Only in `create`, four times at most; freed after
 * `destroy`. NULL when memory ran out, or at the fifth. */
WEIR_API void *weir_shared_alloc(struct weir_driver_channel *channel, size_t bytes);

/* A folder of mode 0700 for the channel's files: removed with all that is in it when the channel is destroyed, or,
 * should every process die first, when any process of this user next makes one. Only in `create`; the path lives as
 * long as the channel. NULL with `error` filled. Lies in $WEIR_TMPDIR, else $XDG_RUNTIME_DIR, else $TMPDIR, else
 * /tmp. */
WEIR_API const char *weir_private_folder(struct weir_driver_channel *channel, struct weir_error *error);

/* For WEIR_CAP_ASYNC drivers, whose detach may have to wait until what was sent is out of this process: how many
 * messages all producers have sent and no consumer has received; and whether waiting has become pointless (no live
 * endpoint on the other side, or shutdown). */
WEIR_API uint64_t weir_driver_in_flight(const struct weir_driver_endpoint *endpoint);
WEIR_API int weir_driver_peers_gone(const struct weir_driver_endpoint *endpoint);

/* Whether the endpoint at a place has died (as far as anybody has noticed) and the place was not taken again: what it
 * held of the driver's shared state may be cleaned up by others. */
WEIR_API int weir_driver_has_died(const struct weir_driver_endpoint *endpoint, enum weir_role role, uint32_t index);

#ifdef __cplusplus
}
#endif

#endif

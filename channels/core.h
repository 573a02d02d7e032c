/* SPDX-License-Identifier: MIT
 *
 * What the files of the core share: the channel, the endpoint, and the control block that all ends of a channel see.
 * Drivers do not include this; they have <weir/driver.h>, framing.h, lock.h and ring.h.
 */
#ifndef WEIR_CORE_H
#define WEIR_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <weir/driver.h>

#include "bell.h"
#include "lock.h"
#include "patience.h"
#include "shelf.h"

/* No blocked call sleeps longer than WEIR_SLICE_NS without looking whether its peers still live. A death is then known
 * after at most one slice for the sleeper and one for a driver whose messages travel by themselves: well below 100 ms.
 * Unless the kernel wakes it when a peer dies (weir_watch): then this. */
#ifndef WEIR_IDLE_NS
#define WEIR_IDLE_NS INT64_C(500000000)
#endif

enum seat_state { SEAT_VACANT = 0, SEAT_PRESENT, SEAT_LEFT, SEAT_DEAD };

/* One endpoint's place in the roster. `alive` is a robust lock that the endpoint's thread holds from attach to
 * detach: when the thread or its process dies the kernel releases it, and whoever tries it next learns of the death. */
struct weir_seat {
    _Alignas(64) struct weir_lock alive;
    _Atomic uint32_t state;              /* enum seat_state; written under the roster lock */
    _Atomic int32_t cpu;                 /* the only CPU that the endpoint may run on, or -1 */
    _Atomic uint32_t dozes;              /* it sleeps in the driver (recv_waiting), and must be nudged for news */
    _Alignas(64) _Atomic uint64_t moved; /* messages sent or received; kept for WEIR_CAP_ASYNC drivers only */
};

/* control->flags: one word that every call reads first. Per role: all places were taken once and none is now; and the
 * last holder of one of them died. */
#define CONTROL_SHUTDOWN   1u
#define CONTROL_GONE(role) (2u << (role))
#define CONTROL_DEAD(role) (8u << (role)) /* only together with GONE */

struct weir_control {
    _Alignas(64) _Atomic uint32_t flags;
    _Atomic uint32_t deaths[2]; /* per role, ever */
    _Atomic uint32_t leaves[2]; /* per role: clean goodbyes, ever */
    _Atomic uint32_t present;   /* endpoints */
    _Atomic uint32_t polled;    /* somebody has asked for a descriptor to poll, ever */
    struct weir_lock roster_lock;
    struct weir_bell bells[2]; /* [role] wakes the endpoints of that role */
    struct weir_seat seats[];  /* producers, then consumers */
};

struct weir_mapping {
    void *address;
    size_t bytes;
};

struct weir_channel {
    struct weir_driver_channel view; /* what the driver sees; first, so that a view leads back to its channel */
    const struct weir_driver *driver;
    struct weir_channel_config config;
    union weir_option_value *options;
    char *spec; /* the option strings point into it */
    struct weir_control *control;
    struct weir_shelf *shelf;        /* that the control block lies on; NULL: it is malloc's */
    struct weir_mapping mappings[4]; /* weir_shared_alloc */
    unsigned mapping_count;
    char *folder;            /* weir_private_folder, or NULL */
    int folder_fd;           /* holds the folder's lock, or -1 */
    int news_fd;             /* eventfd: a terminal event has come (WEIR_CAP_FD drivers), or -1 */
    _Atomic int bell_fds[2]; /* eventfds rung for pollers of a role (others), or -1 */
    enum weir_fence fence;   /* of the doorbells */
    pid_t creator;
    uint32_t cpu_count; /* that the creator may run on */
};

struct weir_endpoint {
    struct weir_driver_endpoint view; /* first, so that a view leads back to its endpoint */
    struct weir_channel *channel;
    const struct weir_driver *driver;
    struct weir_control *control;
    struct weir_seat *seat;
    int (*send)(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags);
    ssize_t (*recv)(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity);
    ssize_t (*first_recv)(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity); /* that, or nothing */
    size_t max_message_bytes;
    ssize_t tight_bytes;           /* recv looks closer at buffers of up to so many; SSIZE_MAX: at all of them */
    uint32_t end_flags;            /* the control flags that end this role's calls before an attempt */
    uint32_t deaths_reported;      /* of the other role */
    int64_t looked_ns;             /* when the roster was last searched for deaths */
    int64_t settle_until_ns;       /* WEIR_CAP_ASYNC: until when stragglers are waited for; 0: not yet */
    uint32_t settle_deaths;        /* of producers, when that was set */
    enum weir_fence fence;         /* its light fences: the channel's, or both where this process is not registered */
    struct weir_patience patience; /* wait=adaptive */
    int64_t lag_ns;                /* consumer: how long it leaves busy producers alone before it spins */
    bool rings;                    /* the peers may sleep on doorbells: always, or with WEIR_CAP_FD when idle */
    bool sleeps_often;             /* wait=block: for nearly every message */
    uint8_t lone_waits;            /* wait=block: in a row, for one message each */
    uint8_t skips_left;            /* waits that begin without an attempt */
    bool idle;                     /* the last sleep was a whole slice long */
    bool dozes;                    /* it sleeps in the driver where it can: recv_waiting */
    bool counts;                   /* WEIR_CAP_ASYNC */
    uint32_t untold;               /* consumer: messages taken off since producers were last told of room */
    uint32_t tell_after;           /* and how many it lets come together */
    uint32_t quarters;             /* consumer: of the depth, taken since it last waited or gave way */
    bool kept_back;                /* WEIR_MORE messages wait in the driver */
    bool reserved;                 /* between reserve and commit or abort */
    bool shown;                    /* between peek and release */
    size_t reserved_length;
    size_t shown_length;
    const void *shown_at;
    void *lent;        /* max_message_bytes, made on first use, for drivers without reserve or peek */
    int sleep_fd;      /* an epoll descriptor of its own to sleep on, made when first needed, or -1 */
    bool in_sleep_set; /* it holds the driver's descriptor */
    uint32_t unslept;  /* consumer: messages received since that was last slept on */
    int poll_fd;       /* weir_fd: an epoll descriptor of its own, or -1 */
    int first_fd;      /* readable, in poll_fd until the driver is first told of the poller; or -1 */
    pid_t owner;       /* the process that attached */
};

static inline enum weir_role weir_other(enum weir_role role)
{
    return role == WEIR_PRODUCER ? WEIR_CONSUMER : WEIR_PRODUCER;
}

static inline bool weir_is_ringing(const struct weir_driver *driver)
{
    return (driver->capabilities & WEIR_CAP_FD) == 0;
}

/* ---- roster.c: who is there, who has left, who has died ------------------------------------------------------ */

int weir_control_init(struct weir_channel *channel);
void weir_control_free(struct weir_channel *channel);
int weir_roster_join(struct weir_channel *channel, enum weir_role role, uint32_t index, struct weir_seat **ret_seat,
                     uint32_t *ret_before);
void weir_roster_leave(struct weir_endpoint *endpoint);
void weir_roster_vacate(struct weir_channel *channel, struct weir_seat *seat, uint32_t before);
void weir_roster_look(struct weir_channel *channel, enum weir_role role);
void weir_roster_announce(struct weir_channel *channel);
int64_t weir_roster_in_flight(const struct weir_channel *channel);
bool weir_roster_spins_in_vain(const struct weir_endpoint *endpoint);

/* ---- watch.c: sleeping until a peer dies ----------------------------------------------------------------------- */

/* Whether it may sleep on its doorbell for longer than a slice. True before the announcement may be false after it. */
bool weir_may_idle(const struct weir_endpoint *endpoint);

/* Sleeps on the endpoint's doorbell while that is at `seen`, until it is rung, an endpoint of the channel dies or
 * leaves, or `until_ns`. False, and no sleep: deaths cannot be watched, or there is one already. */
bool weir_watch(struct weir_endpoint *endpoint, uint32_t seen, int64_t until_ns);

/* ---- endpoint.c ----------------------------------------------------------------------------------------------- */

enum { SLEEP_DRIVER, SLEEP_NEWS };

/* The descriptor that an endpoint sleeps on: the driver's (SLEEP_DRIVER) and the news of the channel's end (SLEEP_NEWS,
 * each once) in one. Negative if none can be had. */
int weir_sleep_set(struct weir_endpoint *endpoint);

/* A descriptor in a set costs its sender a call-back for each message, whether anybody sleeps or not: a consumer that
 * does not sleep takes it out until it sleeps again. */
void weir_leave_sleep_set(struct weir_endpoint *endpoint);

/* ---- copying.c ----------------------------------------------------------------------------------------------- */

/* One attempt each, for drivers that have only the forms in place: reserve, copy, commit; and peek, copy, release. */
int weir_send_by_copy(struct weir_driver_endpoint *view, const void *buffer, size_t length, unsigned flags);
ssize_t weir_recv_by_copy(struct weir_driver_endpoint *view, void *buffer, size_t capacity);

/* ---- waiting.c ----------------------------------------------------------------------------------------------- */

/* One attempt at what a blocked call wants; WEIR_EAGAIN means wait and try again. */
struct weir_attempt {
    ssize_t (*try)(struct weir_endpoint *endpoint, struct weir_attempt *attempt);
    const void *out;
    void *in;
    size_t length;
    unsigned flags;
};

/* Goes on after a first attempt said WEIR_EAGAIN: waits by the channel's policy until an attempt succeeds, the
 * deadline passes or the channel ends. */
ssize_t weir_await(struct weir_endpoint *endpoint, struct weir_attempt *attempt, int64_t deadline_ns);

/* Wakes who sleeps on the other side, if anybody does; after something was published. Out of line on purpose: with its
 * fence in the midst of weir_send a message through shm took a fifth longer. */
void weir_ring_peers(struct weir_endpoint *endpoint);

/* first_recv where the message has surely not come yet: WEIR_EAGAIN. */
ssize_t weir_recv_nothing(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity);

/* After a consumer has taken a quarter of the depth without waiting. */
void weir_give_way(struct weir_endpoint *endpoint);

/* The answer to a call on a channel that has ended for this endpoint before any attempt. */
int weir_ended(struct weir_endpoint *endpoint);

/* ---- spec.c -------------------------------------------------------------------------------------------------- */

/* Splits and checks a spec; on success the caller owns *ret_text and *ret_options. */
/* One value of an option, as in a spec. */
int weir_option_parse(const struct weir_driver *driver, const struct weir_option *option, const char *value,
                      union weir_option_value *ret_value, struct weir_error *error);

int weir_spec_parse(const char *spec, const struct weir_driver **ret_driver, char **ret_text,
                    union weir_option_value **ret_options, enum weir_wait *wait, struct weir_error *error);

/* A driver's options, at most: spec.c notes in one word which it has seen. */
#define MOST_OPTIONS 32

/* ---- registry.c and module.c --------------------------------------------------------------------------------- */

/* Where a module of ours comes from: Debian packages, or a command; NULL: not known. */
struct weir_packages {
    const char *to_run;   /* the library that the module loads */
    const char *to_build; /* what must be there for the module to be built */
    const char *command;  /* that installs those and builds the module; instead of the two */
};

int weir_driver_check(const struct weir_driver *driver, struct weir_error *error);

/* Whether the driver can work here, by its own word (probe); a reason in any case. */
int weir_driver_try(const struct weir_driver *driver, struct weir_error *error);
const struct weir_driver *weir_module_load(const char *name, const struct weir_packages *packages,
                                           struct weir_error *error);
/* Appends the names of the modules in the search path that `known` does not hold; strings are never freed. */
size_t weir_module_names(const char **names, size_t count, size_t capacity);

/* ---- nearest.c ----------------------------------------------------------------------------------------------- */

/* "; did you mean 'x'?", or nothing if none of the words (NULL-ended) is near. */
void weir_suggest(const char *word, const char *const *words, char *ret_text, size_t capacity);

/* ---- folder.c ------------------------------------------------------------------------------------------------ */

int weir_folder_create(char **ret_path, int *ret_lock_fd, struct weir_error *error);
void weir_folder_remove(const char *path);

#endif

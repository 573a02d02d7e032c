/* SPDX-License-Identifier: MIT
 *
 * The conformance suite: what every channel must do, whatever its driver. Each case is a plain C function that runs in
 * a process of its own, watched by a parent (watch.c) that ends it when it hangs and looks at what it leaves behind.
 * The first broken expectation, in whichever thread or process of the case, prints one line and ends the whole case.
 */
#ifndef WEIR_CONFORMANCE_H
#define WEIR_CONFORMANCE_H

#include <weir/weir.h>

#include <stdatomic.h>
#include <stdbool.h>

#define MILLISECOND_NS ((int64_t)1000000)
#define SECOND_NS      ((int64_t)1000000000)

enum {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_SKIPPED = 77,
    WATCHDOG_S = 20,     /* a case that has not ended by then hangs */
    SOON_S = 2,          /* "at once", on a machine that may be busy with other things */
    LARGE_BYTES = 65536, /* the longest message that the suite sends */
    MAX_WORKERS = 8,
    MAX_PRODUCERS = 4,
    MAX_SEQUENCE = 4096, /* of messages that are ticked off one by one */
};

/* ---- cases ------------------------------------------------------------------------------------------------- */

/* Where the two ends of a case run. A span means: both ends in threads, or both in processes. */
enum variant {
    THREADS = 1 << 0,
    PROCESSES = 1 << 1,
    THREAD_THREAD = 1 << 2,
    THREAD_PROCESS = 1 << 3,
    PROCESS_THREAD = 1 << 4,
    PROCESS_PROCESS = 1 << 5,
    SPANS = THREADS | PROCESSES,
    PAIRINGS = THREAD_THREAD | THREAD_PROCESS | PROCESS_THREAD | PROCESS_PROCESS,
    MORTAL_PRODUCER = PROCESS_THREAD | PROCESS_PROCESS, /* only a process can be killed alone */
    MORTAL_CONSUMER = THREAD_PROCESS | PROCESS_PROCESS,
};

struct scene;

struct conformance_case {
    const char *name;     /* NULL ends a table */
    const char *sentence; /* what it checks */
    unsigned variants;    /* enum variant: where it can run */
    bool synthetic;       /* also makes sense for a driver that carries nothing */
    void (*run)(struct scene *scene);
};

extern const struct conformance_case message_cases[], end_cases[], death_cases[], crowd_death_cases[], inplace_cases[],
    polling_cases[], scaling_cases[], waiting_cases[], hygiene_cases[];

/* ---- scenes: one channel and its workers ------------------------------------------------------------------- */

/* One worker of a scene: a thread or a process that attaches, acts and detaches. */
struct actor {
    struct scene *scene;
    enum weir_role role;
    uint32_t index;
    void (*act)(struct actor *self);
    struct weir_endpoint *endpoint; /* in the worker only */
    struct weir_worker *worker;     /* in the parent only; NULL once joined */
};

struct scene {
    const struct conformance_case *test;
    const char *spec;
    enum weir_span span;
    enum weir_worker_kind kinds[2]; /* by role */
    struct weir_channel *channel;
    struct weir_channel *back; /* the way back of a ping-pong */
    struct weir_channel_info info;
    struct actor actors[MAX_WORKERS];
    int actor_count;
};

/* What all threads and processes of a case see, and its watcher too. */
struct board {
    atomic_int verdict; /* 0, or EXIT_FAILED or EXIT_SKIPPED by whoever was first */
    char reason[1024];  /* of the verdict; written by whoever was first */
    atomic_int stage;   /* how far the case has come: see reach and await */
    atomic_ulong sent;
    atomic_ulong received;
    atomic_llong mark_ns;  /* when the event happened that others must notice */
    atomic_llong death_ns; /* the longest time until a death was known */
    atomic_int kills;
    atomic_uchar seen[MAX_PRODUCERS][MAX_SEQUENCE];
};
extern struct board *board;

/* Creates scene->channel. Skips the case if the driver says that it cannot (a message too long is halved first). */
void open_channel(struct scene *scene, const struct weir_channel_config *config);
struct weir_channel *create_channel(const struct scene *scene, const char *spec,
                                    const struct weir_channel_config *config);
void close_channel(struct scene *scene);

/* Skips a case that sends so many messages before anybody receives, if the open channel holds fewer. */
void need_depth(struct scene *scene, size_t messages);
bool is_async(const struct scene *scene);

/* An endpoint of scene->channel in the calling thread. */
struct weir_endpoint *attach(struct scene *scene, enum weir_role role, uint32_t index);

void start_worker(struct scene *scene, enum weir_role role, uint32_t index, void (*act)(struct actor *self));
/* Every place of the channel, processes before threads. Either may be NULL: no such workers. */
void start_workers(struct scene *scene, void (*produce)(struct actor *self), void (*consume)(struct actor *self));
void join_workers(struct scene *scene); /* each must have ended well */
/* Kills a worker process, noting the time on the board. */
void kill_worker(struct scene *scene, enum weir_role role, uint32_t index);

/* One-way progress that all workers see. */
void reach(int stage);
void await(int stage);
void nap(int64_t duration_ns);
/* Until board->sent has stood still for a while: the senders are blocked. */
void await_standstill(void);
/* Notes the time of an event; the other checks that it has noticed it soon, and returns how late in ns. */
void mark_event(void);
int64_t require_soon(const char *file, int line, int64_t limit_ns);
/* The same for a death: how late goes to the board. */
void note_death(void);
/* Until somebody kills this process. */
_Noreturn void stay(void);

/* ---- messages ---------------------------------------------------------------------------------------------- */

/* A message's bytes follow from its producer, sequence and length alone. */
void message_fill(void *buffer, size_t length, uint32_t producer, uint64_t sequence);
void message_require(const char *file, int line, const void *buffer, size_t length, uint32_t producer,
                     uint64_t sequence);
/* The first eight bytes of a message, the next four. */
uint64_t message_sequence(const void *buffer);
uint32_t message_producer(const void *buffer);
/* A length from 8 to `longest` that looks random but follows from the sequence. */
size_t message_length(uint64_t sequence, size_t longest);

int send_message(struct weir_endpoint *endpoint, uint64_t sequence, size_t length, unsigned flags, int64_t deadline_ns);
/* Waits for a message, which must be this one of producer 0. */
void recv_message(const char *file, int line, struct weir_endpoint *endpoint, uint64_t sequence, size_t length);
/* Sends messages of `length` from sequence 0 on, until one is refused; returns that result, the count is on the board.
 */
int send_until_refused(struct weir_endpoint *endpoint, size_t length, int64_t deadline_ns);

/* ---- expectations ------------------------------------------------------------------------------------------ */

_Noreturn void fail_at(const char *file, int line, const char *format, ...) WEIR_PRINTF(3, 4);
_Noreturn void skip(const char *format, ...) WEIR_PRINTF(1, 2);
void expect_at(const char *file, int line, const char *call, int64_t got, int64_t wanted);
const char *result_text(int64_t result, char *buffer, size_t capacity);

#define HERE __FILE__, __LINE__
/* The call's result must be exactly that. */
#define EXPECT(call, wanted) expect_at(HERE, #call, (int64_t)(call), (int64_t)(wanted))
/* The condition must hold; else the text says what came. */
#define REQUIRE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fail_at(HERE, __VA_ARGS__);                                                                                \
        }                                                                                                              \
    } while (0)
#define SEND(endpoint, sequence, length)                                                                               \
    EXPECT(send_message((endpoint), (sequence), (length), 0, WEIR_FOREVER), WEIR_OK)
#define RECV(endpoint, sequence, length) recv_message(HERE, (endpoint), (sequence), (length))

/* ---- running a case ---------------------------------------------------------------------------------------- */

const char *variant_name(unsigned variant);

/* Runs one case in a process of its own and judges it: EXIT_PASSED, or EXIT_FAILED or EXIT_SKIPPED with the reason on
 * the board. */
int watch_case(const char *spec, const struct conformance_case *test, unsigned variant);

/* Prints every spec that can be had: each driver, and each of its choices that is not the default. */
int print_specs(void);

#endif

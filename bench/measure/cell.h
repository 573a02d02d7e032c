/* SPDX-License-Identifier: MIT
 *
 * Cells: the combinations that are measured, and what was found out about each. Plain data; cell.c makes them from
 * the axes, rounds.c fills in the results, the renderers read them.
 */
#ifndef WEIR_BENCH_CELL_H
#define WEIR_BENCH_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/weir.h>

#include "proto/sample.h"
#include "proto/tracker.h"

enum pattern { PATTERN_STREAM, PATTERN_PINGPONG, PATTERN_PACED };

/* Whether the workers copy messages in and out (send, recv) or make and check them where they lie (reserve and commit,
 * peek and release). */
enum access { ACCESS_COPY, ACCESS_PLACE };

/* Where the two ends run. */
struct pairing {
    enum weir_worker_kind producer, consumer;
};

struct workers {
    uint32_t producers, consumers;
};

/* What a cell is. */
struct setup {
    const char *spec; /* as typed */
    struct pairing pairing;
    size_t size; /* bytes of a message on the channel */
    struct workers workers;
    enum pattern pattern;
    double rate; /* paced: messages a second of all producers together; else 0 */
    enum codec codec;
    enum weir_wait wait; /* asked for; WEIR_WAIT_DEFAULT: the driver's own */
    size_t depth;        /* asked for */
    uint32_t batch;      /* messages sent with WEIR_MORE, the last of each so many without */
    enum access access;
    const char *pin;
};

/* What a channel made of a rate. A constant delay cancels out. NaN: not known. */
struct pace {
    double achieved; /* messages a second that came, between the first and the last */
    double behind;   /* messages that were due in that time and did not come */
    double growth;   /* by how much later messages came in the end than in the beginning, over the time between */
};

/* What one epoch gave, per message (stream, paced) or per round trip (pingpong). */
struct epoch_cost {
    uint32_t round; /* of the run, from 0: costs of two cells with the same round were measured side by side */
    double wall_ns; /* paced: the median latency */
    double producer_user_ns, producer_system_ns;
    double consumer_user_ns, consumer_system_ns;
    double driver_ns;              /* CPU time of threads that a driver has of its own; NaN: not known */
    double voluntary, involuntary; /* context switches, both sides */
    double epoch_ns;               /* of the whole epoch, not of a message: how long it was */
    double delayed_ns;             /* likewise: how long its workers were ready to run and did not; NaN: not known */
    double clock_reads;            /* likewise: for timing, of all workers */
    struct pace pace;              /* of a paced cell; else 0 */
    double least_share;            /* of several producers: what the slowest had sent, over the mean of all, when the
                                      first had sent all; NaN: there is one, or it is not known */
    double steal_ns;               /* likewise: what the hypervisor took meanwhile of all CPUs; NaN: not known */
};

/* What one worker of a side holds of memory: the proportional share (PSS) of its process; NaN: not known. */
struct memory {
    double producer_bytes, consumer_bytes;
};

/* The least that this machine allows for such a cell (measure/limit.h); no name: none is known. */
struct limit {
    const char *name;
    double ns;
};

struct histogram;

enum cell_status { CELL_OK, CELL_SKIPPED, CELL_FAILED };

struct cell {
    struct setup setup;
    char id[256];
    char channel[40]; /* the driver's name */
    enum cell_status status;
    char reason[512];
    bool is_baseline;           /* measured twice in each round: see journal.h */
    struct integrity integrity; /* over all epochs */
    size_t depth;               /* effective */
    enum weir_wait wait;        /* effective */
    uint32_t capabilities;
    uint64_t count; /* messages of each producer in an epoch */
    struct memory memory;
    double fixed_ns; /* of an epoch: what does not grow with the messages, at most; NaN: not known */
    struct limit limit;
    struct histogram *latency;     /* over all rounds; NULL: not measured */
    struct histogram *uncorrected; /* paced: from the real send time, not from the intended one; else NULL */
    struct epoch_cost *rounds;
    size_t round_count, round_capacity;
};

struct cells {
    struct cell *items;
    size_t count;
};

/* The axes of a run; each a list with at least one value. */
struct axes {
    const char **specs;
    struct pairing *pairings;
    size_t *sizes;
    struct workers *workers;
    enum pattern *patterns;
    enum codec *codecs;
    enum weir_wait *waits;
    size_t *depths;
    uint32_t *batches;
    enum access *accesses;
    const char **pins;
    double *rates; /* of paced cells only, ascending; empty if there are none */
    size_t spec_count, pairing_count, size_count, workers_count, pattern_count, codec_count, wait_count, depth_count,
        batch_count, access_count, pin_count, rate_count;
};

/* How many cells of such a pattern the axes make. */
size_t cells_of_pattern(const struct axes *axes, enum pattern pattern);

/* Every combination, in the order of the axes: pattern, size, workers, codec, wait, depth, batch, access, pin, spec,
 * pairing;
 * of a paced pattern, which comes last, then rate.
 * Cells that cannot be are made too, as skipped, with the reason. 0 or -1 (memory). */
int cells_make(struct cells *ret_cells, const struct axes *axes);
void cells_free(struct cells *cells);

/* Makes one cell, without a name: ready to be measured, or skipped. */
void cell_start(struct cell *ret, const struct setup *setup);

/* Gives each cell its id, as cells_make does: all main axes, of the others those in which these cells differ, and the
 * access where it is not a copy. */
void cells_name(struct cells *cells);

/* An id that two cells have, or NULL. */
const char *cells_find_twice(const struct cells *cells);

/* Frees what was measured of a cell. */
void cell_clear(struct cell *cell);

/* Appends the result of a round. 0 or -1 (memory). */
int cell_add_round(struct cell *cell, const struct epoch_cost *cost);

/* Adds the histograms of a round; NULL: there are none. 0 or -1 (memory). */
int cell_add_latency(struct cell *cell, const struct histogram *latency, const struct histogram *uncorrected);

void cell_set(struct cell *cell, enum cell_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void integrity_add(struct integrity *sum, const struct integrity *part);

bool cell_is_synthetic(const struct cell *cell);

/* Effective, or asked for where there was no channel to tell. */
enum weir_wait cell_wait(const struct cell *cell);
size_t cell_depth(const struct cell *cell);

/* Static names. */
const char *pattern_name(enum pattern pattern);
const char *pairing_name(struct pairing pairing);
const char *wait_name(enum weir_wait wait);
const char *access_name(enum access access);
const char *status_name(enum cell_status status);

#endif

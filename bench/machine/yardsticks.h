/* SPDX-License-Identifier: MIT
 *
 * Yardsticks: short measurements of what the machine allows at best, each of one thing that channels are made of. The
 * files in yardsticks/ say for each exactly what is timed.
 *
 * A yardstick runs in a process of its own, forked for it and gone when the call returns. So the caller's process never
 * has a second thread (fork copies one thread only, and libc is slower for ever once there were two), keeps its CPUs,
 * and survives a yardstick that hangs: that one is killed. Where a second thread is needed it is one of that process.
 *
 * What cannot be measured is NaN: the CPUs are not allowed here, are one and the same, or were taken away for longer
 * than the yardstick waits. A call takes little more than `for_ns`, and never more than YARDSTICK_PATIENCE_NS beyond
 * ten times that.
 */
#ifndef WEIR_BENCH_YARDSTICKS_H
#define WEIR_BENCH_YARDSTICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define YARDSTICK_PATIENCE_NS INT64_C(250000000)

/* In the order in which they are shown. */
enum yardstick {
    YARDSTICK_LINE_STORE,   /* round trip of a cache line between two CPUs that wait by loads */
    YARDSTICK_LINE_SWAP,    /* likewise, waiting by compare-and-swap */
    YARDSTICK_LINE_STREAM,  /* a line of a ring that one CPU writes and another reads */
    YARDSTICK_CALL,         /* a system call that does nothing */
    YARDSTICK_TRANSIT_PIPE, /* a message written to a pipe and read from it, in one thread */
    YARDSTICK_TRANSIT_SEQPACKET,
    YARDSTICK_TRANSIT_STREAM,
    YARDSTICK_WRITE_PIPE, /* the writing alone */
    YARDSTICK_WRITE_SEQPACKET,
    YARDSTICK_WRITE_STREAM,
    YARDSTICK_SWITCH,           /* from thread to thread on one CPU */
    YARDSTICK_SWITCH_PROCESSES, /* from process to process */
    YARDSTICK_WAKE,             /* of a sleeper on another CPU, one way */
    YARDSTICK_WAKE_ROUND,       /* there and back between two sleepers */
    YARDSTICK_WAKE_PROCESSES,   /* likewise, of two processes */
    YARDSTICK_COPY,             /* of a block again and again: it stays where its size puts it */
    YARDSTICK_COPY_WRITTEN,     /* of a block that another CPU has just written */
    YARDSTICK_COPY_MEMORY,      /* of a block that is in no cache */
    YARDSTICK_CLOCK_MONOTONIC,
    YARDSTICK_CLOCK_RAW,
    YARDSTICK_CLOCK_THREAD,
    YARDSTICK_CLOCK_COUNTER,
    YARDSTICK_SKEW,       /* how far the clocks of two CPUs are apart */
    YARDSTICK_SKEW_BOUND, /* and how far at most */
    YARDSTICK_THREAD,
    YARDSTICK_FORK,
    YARDSTICK_SPAWN,
    YARDSTICK_COUNT
};

struct yardstick_facts {
    const char *group, *name; /* "line", "store" */
    const char *means;        /* to who designs or chooses a channel */
    bool is_pair;             /* between two CPUs; else on the first, or anywhere with -1 */
    bool is_sized;            /* depends on a size in bytes */
    bool is_rate;             /* bytes per second; else nanoseconds */
};

const struct yardstick_facts *yardstick_facts(enum yardstick yardstick);

/* The median of batches within `for_ns`: 1 ms is enough for most. `size` is of those that have one. */
double yardstick_measure(enum yardstick yardstick, int cpu_a, int cpu_b, size_t size, int64_t for_ns);

/* YARDSTICK_LINE_STORE: the one that tells how near two CPUs are at the moment. */
double yardstick_line_ns(int cpu_a, int cpu_b, int64_t for_ns);

#endif

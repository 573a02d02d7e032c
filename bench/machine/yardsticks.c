/* SPDX-License-Identifier: MIT
 *
 * The table of yardsticks.
 */
#include "yardsticks.h"

#include <math.h>

#include "yardsticks/yard.h"

/* What a row says beside its words. */
#define ONE          false, false, false
#define PAIR         true, false, false
#define SIZED        false, true, false
#define RATE         false, true, true
#define RATE_OF_PAIR true, true, true

static const struct {
    struct yardstick_facts facts;
    double (*measure)(const struct yard *yard);
} table[YARDSTICK_COUNT] = {
    [YARDSTICK_LINE_STORE] = {{"line", "round trip", "least of a user-space round trip", PAIR}, yard_line_store},
    [YARDSTICK_LINE_SWAP] = {{"line", "swapped", "a lock that changes hands, twice", PAIR}, yard_line_swap},
    [YARDSTICK_LINE_STREAM] = {{"line", "stream", "least of 64 B sent one way", PAIR}, yard_line_stream},
    [YARDSTICK_CALL] = {{"syscall", "getppid", "each call into the kernel", ONE}, yard_system_call},
    [YARDSTICK_TRANSIT_PIPE] = {{"transit", "pipe", "write and read, nobody waits", SIZED}, yard_transit_pipe},
    [YARDSTICK_TRANSIT_SEQPACKET] = {{"transit", "seqpacket", "likewise", SIZED}, yard_transit_seqpacket},
    [YARDSTICK_TRANSIT_STREAM] = {{"transit", "stream", "likewise", SIZED}, yard_transit_stream},
    [YARDSTICK_WRITE_PIPE] = {{"write", "pipe", "the producer's part of it", SIZED}, yard_write_pipe},
    [YARDSTICK_WRITE_SEQPACKET] = {{"write", "seqpacket", "likewise", SIZED}, yard_write_seqpacket},
    [YARDSTICK_WRITE_STREAM] = {{"write", "stream", "likewise", SIZED}, yard_write_stream},
    [YARDSTICK_SWITCH] = {{"switch", "one CPU", "a turn of ends that share a CPU", ONE}, yard_switch},
    [YARDSTICK_SWITCH_PROCESSES] = {{"switch", "processes", "likewise, of processes", ONE}, yard_switch_processes},
    [YARDSTICK_WAKE] = {{"wake", "one way", "a sleeper elsewhere runs again", PAIR}, yard_wake},
    [YARDSTICK_WAKE_ROUND] = {{"wake", "round trip", "both sides sleep in turn", PAIR}, yard_wake_round},
    [YARDSTICK_WAKE_PROCESSES] = {{"wake", "processes", "likewise, of processes", PAIR}, yard_wake_processes},
    [YARDSTICK_COPY] = {{"copy", "again", "a copy of what is at hand", RATE}, yard_copy},
    [YARDSTICK_COPY_WRITTEN] = {{"copy", "handed", "what the other end just wrote", RATE_OF_PAIR}, yard_copy_written},
    [YARDSTICK_COPY_MEMORY] = {{"copy", "memory", "what is in no cache", RATE}, yard_copy_memory},
    [YARDSTICK_CLOCK_MONOTONIC] = {{"clock", "monotonic", "a time stamp", ONE}, yard_clock_monotonic},
    [YARDSTICK_CLOCK_RAW] = {{"clock", "raw", "likewise", ONE}, yard_clock_raw},
    [YARDSTICK_CLOCK_THREAD] = {{"clock", "thread CPU", "CPU time of a thread", ONE}, yard_clock_thread},
    [YARDSTICK_CLOCK_COUNTER] = {{"clock", "rdtsc", "the bare counter", ONE}, yard_clock_counter},
    [YARDSTICK_SKEW] = {{"skew", "estimate", "so wrong is one-way latency", PAIR}, yard_skew},
    [YARDSTICK_SKEW_BOUND] = {{"skew", "bound", "and surely no more", PAIR}, yard_skew_bound},
    [YARDSTICK_THREAD] = {{"create", "thread", "create and join", ONE}, yard_thread},
    [YARDSTICK_FORK] = {{"create", "fork", "fork, exit and wait", ONE}, yard_fork},
    [YARDSTICK_SPAWN] = {{"create", "spawn", "posix_spawn /bin/true and wait", ONE}, yard_spawn},
};

const struct yardstick_facts *yardstick_facts(enum yardstick yardstick)
{
    return &table[yardstick].facts;
}

double yardstick_measure(enum yardstick yardstick, int cpu_a, int cpu_b, size_t size, int64_t for_ns)
{
    const struct yardstick_facts *facts = &table[yardstick].facts;
    const struct yard yard = {.cpu_a = cpu_a, .cpu_b = facts->is_pair ? cpu_b : -1, .size = size, .for_ns = for_ns};
    if ((facts->is_pair && (cpu_a < 0 || cpu_b < 0 || cpu_a == cpu_b)) || (facts->is_sized && size == 0))
        return NAN;
    return yard_run(table[yardstick].measure, &yard);
}

double yardstick_line_ns(int cpu_a, int cpu_b, int64_t for_ns)
{
    return yardstick_measure(YARDSTICK_LINE_STORE, cpu_a, cpu_b, 0, for_ns);
}

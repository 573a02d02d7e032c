/* SPDX-License-Identifier: MIT
 *
 * The table of yardsticks.
 */
#include "yardsticks.h"

#include <math.h>

#include "yardsticks/yard.h"

#define FACTS(in, called, meaning)                                                                                     \
    {                                                                                                                  \
        .group = in, .name = called, .means = meaning                                                                  \
    }
#define PAIR  .facts.is_pair = true
#define SIZED .facts.is_sized = true
#define RATE  .facts.is_rate = true, SIZED

static const struct {
    struct yardstick_facts facts;
    double (*measure)(const struct yard *yard);
} table[YARDSTICK_COUNT] = {
    [YARDSTICK_LINE_STORE] = {FACTS("line", "round trip", "least of a user-space round trip"), yard_line_store, PAIR},
    [YARDSTICK_LINE_SWAP] = {FACTS("line", "swapped", "a lock that changes hands, twice"), yard_line_swap, PAIR},
    [YARDSTICK_LINE_STREAM] = {FACTS("line", "stream", "least of 64 B sent one way"), yard_line_stream, PAIR},
    [YARDSTICK_CALL] = {FACTS("syscall", "getppid", "each call into the kernel"), yard_system_call},
    [YARDSTICK_TRANSIT_PIPE] = {FACTS("transit", "pipe", "write and read, nobody waits"), yard_transit_pipe, SIZED},
    [YARDSTICK_TRANSIT_SEQPACKET] = {FACTS("transit", "seqpacket", "likewise"), yard_transit_seqpacket, SIZED},
    [YARDSTICK_TRANSIT_STREAM] = {FACTS("transit", "stream", "likewise"), yard_transit_stream, SIZED},
    [YARDSTICK_WRITE_PIPE] = {FACTS("write", "pipe", "the producer's part of it"), yard_write_pipe, SIZED},
    [YARDSTICK_WRITE_SEQPACKET] = {FACTS("write", "seqpacket", "likewise"), yard_write_seqpacket, SIZED},
    [YARDSTICK_WRITE_STREAM] = {FACTS("write", "stream", "likewise"), yard_write_stream, SIZED},
    [YARDSTICK_SWITCH] = {FACTS("switch", "one CPU", "a turn of ends that share a CPU"), yard_switch},
    [YARDSTICK_WAKE] = {FACTS("wake", "one way", "a sleeper elsewhere runs again"), yard_wake, PAIR},
    [YARDSTICK_WAKE_ROUND] = {FACTS("wake", "round trip", "both sides sleep in turn"), yard_wake_round, PAIR},
    [YARDSTICK_COPY] = {FACTS("copy", "again", "a copy of what is at hand"), yard_copy, RATE},
    [YARDSTICK_COPY_WRITTEN] = {FACTS("copy", "handed", "what the other end just wrote"), yard_copy_written, PAIR,
                                RATE},
    [YARDSTICK_COPY_MEMORY] = {FACTS("copy", "memory", "what is in no cache"), yard_copy_memory, RATE},
    [YARDSTICK_CLOCK_MONOTONIC] = {FACTS("clock", "monotonic", "a time stamp"), yard_clock_monotonic},
    [YARDSTICK_CLOCK_RAW] = {FACTS("clock", "raw", "likewise"), yard_clock_raw},
    [YARDSTICK_CLOCK_THREAD] = {FACTS("clock", "thread CPU", "CPU time of a thread"), yard_clock_thread},
    [YARDSTICK_CLOCK_COUNTER] = {FACTS("clock", "rdtsc", "the bare counter"), yard_clock_counter},
    [YARDSTICK_SKEW] = {FACTS("skew", "estimate", "so wrong is one-way latency"), yard_skew, PAIR},
    [YARDSTICK_SKEW_BOUND] = {FACTS("skew", "bound", "and surely no more"), yard_skew_bound, PAIR},
    [YARDSTICK_THREAD] = {FACTS("create", "thread", "create and join"), yard_thread},
    [YARDSTICK_FORK] = {FACTS("create", "fork", "fork, exit and wait"), yard_fork},
    [YARDSTICK_SPAWN] = {FACTS("create", "spawn", "posix_spawn /bin/true and wait"), yard_spawn},
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

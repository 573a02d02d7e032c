/* SPDX-License-Identifier: MIT
 *
 * The lesson `channels`: what a message costs on each channel, between threads and between processes, beside a call of
 * a function.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lessons.h"
#include "machine/clock.h"
#include "teach/matrix.h"
#include "teach/page.h"

#define MESSAGE_BYTES 64
#define CALLED_BYTES  ((size_t)6 << 20) /* read by all calls together */

static const char *const specs[] = {"shm", "ring", "mutex", "pipe", "unix", "tcp", "fifo", "mq", "sysv", "file", "zmq"};

#define SPECS (sizeof specs / sizeof specs[0])

/* In the order of the columns: from whom to whom. */
static const struct pairing pairings[] = {
    {WEIR_THREAD, WEIR_THREAD}, {WEIR_THREAD, WEIR_PROCESS}, {WEIR_PROCESS, WEIR_THREAD}, {WEIR_PROCESS, WEIR_PROCESS}};

#define PAIRINGS (sizeof pairings / sizeof pairings[0])

/* Not inlined, so that it is a call; the message is in memory, and read. */
__attribute__((noinline)) static uint64_t take_message(const uint64_t *message, size_t words)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < words; i++)
        sum += message[i];
    return sum;
}

/* NaN: there is no memory for the message. */
static double call_ns(size_t size)
{
    size_t words = (size + sizeof(uint64_t) - 1) / sizeof(uint64_t), calls = CALLED_BYTES / size + 1;
    uint64_t *message = calloc(words, sizeof *message);
    volatile uint64_t sum = 0;
    if (message == NULL)
        return NAN;
    int64_t begin_ns = clock_now_ns();
    for (uint64_t i = 0; i < calls; i++) {
        for (size_t k = 0; k < words; k++)
            message[k] = i;
        __asm__ volatile("" : : "r"(message) : "memory"); /* it is written, whatever the compiler makes of the rest */
        sum = sum + take_message(message, words);
    }
    double ns = (double)(clock_now_ns() - begin_ns) / (double)calls;
    free(message);
    return ns;
}

static int prepare(struct experiment *experiment)
{
    struct setup setups[SPECS * PAIRINGS];
    size_t count = 0;
    size_t size = experiment->knobs.size != 0 ? experiment->knobs.size : MESSAGE_BYTES;
    int result = experiment_row(experiment, "call", "a function call");
    for (size_t i = 0; i < SPECS && result == 0; i++) {
        if (weir_driver_probe(specs[i], NULL) != 0)
            continue;
        result = experiment_row(experiment, specs[i], "%s", specs[i]);
        for (size_t k = 0; k < PAIRINGS; k++) {
            struct setup *setup = &setups[count++];
            *setup = matrix_setup(specs[i], WEIR_THREAD, PATTERN_STREAM, size);
            setup->pairing = pairings[k];
            setup->pin = experiment->knobs.pin != NULL ? experiment->knobs.pin : setup->pin;
        }
    }
    return result != 0 ? result : matrix_prepare(experiment, setups, count / PAIRINGS, PAIRINGS);
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    if (row > 0)
        return matrix_measure(experiment, row - 1, ret, NULL);
    ret[0] = call_ns(experiment->knobs.size != 0 ? experiment->knobs.size : MESSAGE_BYTES);
    return 0;
}

static void judge(struct experiment *experiment)
{
    double call = experiment_figure(experiment, "call", "thread"),
           pipe = experiment_figure(experiment, "pipe", "process");
    double shm = experiment_figure(experiment, "shm", "process"),
           threads = experiment_figure(experiment, "shm", "thread");
    double ratio = pipe / shm;
    for (size_t i = 1; i < experiment->row_count; i++)
        experiment_derive(experiment, experiment->rows[i].key, "calls",
                          experiment_figure(experiment, experiment->rows[i].key, "process") / call);
    if (!isfinite(pipe) || !isfinite(shm)) {
        experiment_conclude(
            experiment, VERDICT_DEPENDS, NULL,
            "A pipe cannot carry such messages. One cost %s in shared memory between processes, %s between "
            "threads, and a call %s.",
            told(UNIT_NS, shm), told(UNIT_NS, threads), told(UNIT_NS, call));
        return;
    }
    const char *answer = shm > 0.5 * pipe ? "pipe" : shm > 3 * threads ? "between" : "threads";
    experiment_conclude(
        experiment, shm < 0.5 * pipe ? VERDICT_REFUTED : VERDICT_HOLDS, answer,
        "Between processes a message cost %s in shared memory and %s through a pipe, %s as much; between "
        "threads the same shared memory cost %s, and a call %s.",
        told(UNIT_NS, shm), told(UNIT_NS, pipe), told(UNIT_TIMES, ratio), told(UNIT_NS, threads), told(UNIT_NS, call));
}

static const struct lesson_column columns[] = {{"thread", "T:T", UNIT_NS},         {"thread_process", "T:P", UNIT_NS},
                                               {"process_thread", "P:T", UNIT_NS}, {"process", "P:P", UNIT_NS},
                                               {"calls", "IN CALLS", UNIT_TIMES},  {0}};

static const struct lesson_choice choices[] = {
    {"pipe", "at best about what a pipe costs"},
    {"between", "less than a pipe, but several times what threads pay"},
    {"threads", "about what threads pay"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson channels --size 64K", "long messages: the copying counts, and who copies least wins"},
    {"weir lesson channels --pin same",
     "one CPU: no line has to travel, but both ends take turns; see who gains and who loses"},
    {0},
};

const struct lesson lesson_channels = {
    .name = "channels",
    .question = "Must processes talk slowly?",
    .claim = "Processes must talk through files, pipes or sockets, and that is slow.",
    .ask = "What is the least that a message of 64 bytes can cost between two processes?",
    .choices = choices,
    .seconds = 8,
    .heeds = KNOB_SIZE | KNOB_PIN,
    .columns = columns,
    .pictured = 3,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .finish = matrix_finish,
    .why =
        "T:P is from a thread to another process, and so on; n/a is what cannot be: ring is for threads only, and some "
        "channels cannot carry messages of any size. A pipe, a socket, a message queue and a file belong to the "
        "kernel. Each message is a system call or two (the CPU changes into the kernel and back), is copied into the "
        "kernel and out of it, and may wake a sleeper. That is what makes them slow, and it is as slow between two "
        "threads.\n"
        "Two processes can also map the same memory. A message is then written by one CPU and read by the other, and "
        "no kernel takes part: what is left is the journey of its cache lines, which is the same for threads. So it is "
        "the channel that costs, not the process. IN CALLS says how far each is from writing the same message and "
        "calling a function that reads it.\n"
        "What shared memory does not give is what the kernel gave: somebody must say when a message is there, wait "
        "without burning a CPU, notice a death, and check what the other side wrote.",
    .see = "shm_overview(7), pipe(7), unix(7), mq_overview(7)",
    .twists = twists,
};

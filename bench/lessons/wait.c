/* SPDX-License-Identifier: MIT
 *
 * The lesson `wait`: round trips through shared memory by spinning, sleeping, and first the one and then the other, on
 * two CPUs and on one.
 */
#include <math.h>

#include "lessons.h"
#include "teach/matrix.h"
#include "teach/page.h"

#define MESSAGE_BYTES 32

static const struct way {
    const char *key, *label;
    enum weir_wait wait;
    const char *pin;
} ways[] = {
    {"spin_two", "spin, two CPUs", WEIR_WAIT_SPIN, "auto"},
    {"adaptive_two", "adaptive, two CPUs", WEIR_WAIT_ADAPTIVE, "auto"},
    {"block_two", "block, two CPUs", WEIR_WAIT_BLOCK, "auto"},
    {"spin_one", "spin, one CPU", WEIR_WAIT_SPIN, "same"},
    {"adaptive_one", "adaptive, one CPU", WEIR_WAIT_ADAPTIVE, "same"},
    {"block_one", "block, one CPU", WEIR_WAIT_BLOCK, "same"},
};

#define WAYS (sizeof ways / sizeof ways[0])

static int prepare(struct experiment *experiment)
{
    struct setup setups[WAYS];
    int result = 0;
    for (size_t i = 0; i < WAYS && result == 0; i++) {
        result = experiment_row(experiment, ways[i].key, "%s", ways[i].label);
        setups[i] = matrix_setup("shm", WEIR_PROCESS, PATTERN_PINGPONG, MESSAGE_BYTES);
        setups[i].wait = ways[i].wait;
        setups[i].pin = ways[i].pin;
    }
    return result != 0 ? result : matrix_prepare(experiment, setups, WAYS, 1);
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    return matrix_measure(experiment, row, &ret[0], &ret[1]);
}

static void judge(struct experiment *experiment)
{
    double spin = experiment_figure(experiment, "spin_two", "ns"),
           block = experiment_figure(experiment, "block_two", "ns");
    double spin_one = experiment_figure(experiment, "spin_one", "ns"),
           block_one = experiment_figure(experiment, "block_one", "ns");
    double ratio = block / spin;
    const char *answer = ratio < 2 ? "same" : ratio < 32 ? "ten" : "hundred";
    experiment_conclude(
        experiment, VERDICT_DEPENDS, answer,
        "With a CPU for each a round trip took %s spinning and %s sleeping, %s as long. On one CPU it was %s "
        "against %s.",
        told(UNIT_NS, spin), told(UNIT_NS, block), told(UNIT_TIMES, ratio), told(UNIT_NS, spin_one),
        told(UNIT_NS, block_one));
}

static const struct lesson_column columns[] = {{"ns", "ROUND TRIP", UNIT_NS}, {"cpu_ns", "CPU TIME", UNIT_NS}, {0}};

static const struct lesson_choice choices[] = {
    {"same", "about as long"},
    {"ten", "some 10 times as long"},
    {"hundred", "some 100 times as long"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir run shm -p process:process -m paced -r 1K --wait spin,block -v",
     "a message now and then: spinning burns a CPU to be early"},
    {"weir run shm -m pingpong -w 4x1 --wait spin,block", "more workers than CPUs: who spins is in the way"},
    {0},
};

const struct lesson lesson_wait = {
    .name = "wait",
    .question = "Is spinning fastest?",
    .claim = "Spinning is fastest.",
    .ask = "Two processes send a message to and fro. One pair looks again and again (spins), the other sleeps until "
           "it is woken. How much longer does a round trip take that sleeps, with a CPU for each?",
    .choices = choices,
    .seconds = 4,
    .cpus = 2,
    .columns = columns,
    .pictured = 0,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .finish = matrix_finish,
    .why =
        "Who spins sees a message as soon as its cache line has arrived. Who sleeps has told the kernel, which gave "
        "the CPU to somebody else or let it doze; waking takes a system call (a call into the kernel) on one side, an "
        "interrupt to the other CPU, and a switch there. On a virtual machine a dozing CPU must even be started again "
        "by the host.\n"
        "But spinning takes a whole CPU, whether messages come or not. On a single CPU it takes that CPU from the very "
        "one who is waited for: so the one who spins there must give its turn away after each look, and both ways come "
        "to the same switch.\n"
        "Adaptive spins for a while, some tens of microseconds at most, and sleeps then. It notes where spinning has "
        "been in vain, and where it was worth it. So it is hardly ever the worst of the three, and mostly near the "
        "best.",
    .see = "futex(7), sched_yield(2), docs/design/0013-waiting.md",
    .twists = twists,
};

/* SPDX-License-Identifier: MIT
 *
 * The lesson `sharing`: each worker adds to a variable of its own; the variables lie in one cache line, or apart.
 */
#include <stdatomic.h>
#include <sys/mman.h>

#include "lessons.h"
#include "teach/crew.h"
#include "teach/page.h"

#define INCREMENTS  500000u /* of each worker */
#define APART_BYTES 128     /* two lines: some CPUs fetch them in pairs */

struct field {
    size_t apart; /* bytes from one variable to the next */
    _Alignas(APART_BYTES) unsigned char bytes[CREW_MOST * APART_BYTES];
};

static atomic_uint *variable(struct field *field, uint32_t index)
{
    return (atomic_uint *)(void *)(field->bytes + index * field->apart);
}

static int add_atomic(void *shared, uint32_t index)
{
    atomic_uint *own = variable(shared, index);
    for (unsigned i = 0; i < INCREMENTS; i++)
        atomic_fetch_add_explicit(own, 1, memory_order_relaxed);
    return 0;
}

/* A load and a store, each time: nobody else writes this variable. */
static int add_plain(void *shared, uint32_t index)
{
    atomic_uint *own = variable(shared, index);
    for (unsigned i = 0; i < INCREMENTS; i++)
        atomic_store_explicit(own, atomic_load_explicit(own, memory_order_relaxed) + 1, memory_order_relaxed);
    return 0;
}

static const struct way {
    const char *key, *label;
    enum weir_worker_kind kind;
    size_t apart;
    int (*work)(void *shared, uint32_t index);
} ways[] = {
    {"packed", "atomic, packed, threads", WEIR_THREAD, sizeof(atomic_uint), add_atomic},
    {"padded", "atomic, padded, threads", WEIR_THREAD, APART_BYTES, add_atomic},
    {"plain_packed", "plain, packed, threads", WEIR_THREAD, sizeof(atomic_uint), add_plain},
    {"plain_padded", "plain, padded, threads", WEIR_THREAD, APART_BYTES, add_plain},
    {"process_packed", "atomic, packed, processes", WEIR_PROCESS, sizeof(atomic_uint), add_atomic},
    {"process_padded", "atomic, padded, processes", WEIR_PROCESS, APART_BYTES, add_atomic},
};

static int prepare(struct experiment *experiment)
{
    int result = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0] && result == 0; i++)
        result = experiment_row(experiment, ways[i].key, "%s", ways[i].label);
    return result;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    struct field *field = crew_memory(sizeof *field);
    struct crew_result result;
    if (field == NULL)
        return experiment_failed(experiment, "there is no memory for the variables");
    field->apart = ways[row].apart;
    struct crew crew = {.kind = ways[row].kind,
                        .count = experiment->knobs.workers != 0 ? experiment->knobs.workers : 2,
                        .pin = experiment->knobs.pin,
                        .work = ways[row].work,
                        .shared = field};
    int end = crew_run(experiment, &crew, &result);
    ret[0] = result.wall_ns / INCREMENTS;
    munmap(field, sizeof *field);
    return end;
}

static void judge(struct experiment *experiment)
{
    double packed = experiment_figure(experiment, "packed", "ns"),
           padded = experiment_figure(experiment, "padded", "ns");
    double plain =
        experiment_figure(experiment, "plain_packed", "ns") / experiment_figure(experiment, "plain_padded", "ns");
    double ratio = packed / padded;
    const char *answer = ratio < 1.5 ? "same" : ratio < 3 ? "slower" : "much";
    experiment_conclude(
        experiment, ratio < 1.5 ? VERDICT_HOLDS : VERDICT_REFUTED, answer,
        "Packed side by side an atomic increment cost %s, padded %s: %s as much for variables that have nothing "
        "to do with each other. Of plain additions the factor was %s.",
        told(UNIT_NS, packed), told(UNIT_NS, padded), told(UNIT_TIMES, ratio), told(UNIT_TIMES, plain));
}

static const struct lesson_column columns[] = {{"ns", "COST OF ONE", UNIT_NS}, {0}};

static const struct lesson_choice choices[] = {
    {"same", "as fast as in lines of their own"},
    {"slower", "up to 3 times slower"},
    {"much", "more than 3 times slower"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson sharing --pin same", "on one CPU the line has nowhere to go, and the difference is gone"},
    {"weir lesson sharing --workers 1", "alone nobody shares a line with anybody"},
    {0},
};

const struct lesson lesson_sharing = {
    .name = "sharing",
    .question = "Do separate variables disturb each other?",
    .claim = "Separate variables do not disturb each other.",
    .ask = "Two workers count, each in a variable of its own. The two lie side by side, within 64 bytes. How fast is "
           "that?",
    .choices = choices,
    .seconds = 3,
    .cpus = 2,
    .heeds = KNOB_WORKERS | KNOB_PIN,
    .columns = columns,
    .pictured = 0,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why = "CPUs do not pass variables to each other but cache lines, 64 bytes at a time on most machines. Before a "
           "CPU may write a single byte of a line it must have the whole line for itself, and every other CPU must "
           "throw its copy away. Two variables in one line make the line travel to and fro for each write, although no "
           "value is shared: this is called false sharing.\n"
           "An atomic addition has to own the line at that moment, so each one waits for the journey. A plain addition "
           "goes into the CPU's store buffer first, where many writes to one line gather while the line is under way, "
           "so it may hide nearly all of it: what is slow depends on how you write, not only on where.\n"
           "The cure is room: put what different workers write into lines of their own (_Alignas(64), or 128 where the "
           "CPU fetches pairs). Processes that share memory share its lines as well.",
    .see = "perf-c2c(1), pthreads(7)",
    .twists = twists,
};

/* SPDX-License-Identifier: MIT
 *
 * The lesson `switch`: two workers on one CPU take turns, each touching a working set of its own; beside one worker
 * that touches as much and is never switched away.
 */
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lessons.h"
#include "teach/crew.h"
#include "teach/page.h"

#define TURNS      400u /* of each */
#define LINE_BYTES 64
#define MOST_BYTES ((size_t)4 << 20)

struct table {
    uint32_t players; /* 1: nobody to take turns with */
    size_t bytes;     /* each touches in its turn */
    _Atomic uint32_t turn;
    unsigned char *sets[2];
};

static int work(void *shared, uint32_t index)
{
    struct table *table = shared;
    volatile unsigned char *set = table->sets[index];
    for (uint32_t i = 0; i < TURNS; i++) {
        while (atomic_load_explicit(&table->turn, memory_order_acquire) % table->players != index)
            sched_yield(); /* the CPU goes to the other one */
        for (size_t at = 0; at < table->bytes; at += LINE_BYTES)
            set[at]++;
        atomic_fetch_add_explicit(&table->turn, 1, memory_order_release); /* pairs with the other's acquire */
    }
    return 0;
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static const size_t sizes[] = {0, 16 << 10, 256 << 10, 1 << 20, MOST_BYTES};

#define SIZES (sizeof sizes / sizeof sizes[0])

static int prepare(struct experiment *experiment)
{
    size_t most = experiment->knobs.size != 0 ? experiment->knobs.size : MOST_BYTES;
    int result = 0;
    for (size_t i = 0; i < SIZES && sizes[i] <= most && result == 0; i++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", sizes[i]);
        result = experiment_row(experiment, key, "%zu KiB touched", sizes[i] >> 10);
    }
    return result;
}

/* The time of one turn. */
static int measure_one(struct experiment *experiment, size_t bytes, enum weir_worker_kind kind, uint32_t players,
                       double *ret)
{
    struct table *table = crew_memory(sizeof *table);
    unsigned char *sets = mmap(NULL, 2 * MOST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct crew_result result;
    if (table == NULL || sets == MAP_FAILED)
        return experiment_failed(experiment, "there is no memory for the working sets");
    table->players = players;
    table->bytes = bytes;
    table->sets[0] = sets;
    table->sets[1] = sets + MOST_BYTES;
    for (size_t at = 0; at < 2 * MOST_BYTES; at += 4096)
        sets[at] = 1;
    struct crew crew = {.kind = kind, .count = players, .pin = "same", .work = work, .shared = table};
    int end = crew_run(experiment, &crew, &result);
    *ret = result.wall_ns / TURNS / players;
    munmap(sets, 2 * MOST_BYTES);
    munmap(table, sizeof *table);
    return end;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    double turns[3] = {NAN, NAN, NAN};
    int end = measure_one(experiment, sizes[row], WEIR_THREAD, 1, &turns[0]);
    if (end == 0)
        end = measure_one(experiment, sizes[row], WEIR_THREAD, 2, &turns[1]);
    if (end == 0)
        end = measure_one(experiment, sizes[row], WEIR_PROCESS, 2, &turns[2]);
    ret[0] = turns[0]; /* what a turn takes more than alone is the switch, and what it has pushed out of the caches */
    ret[1] = turns[1] - turns[0];
    ret[2] = turns[2] - turns[0];
    return end;
}

static void judge(struct experiment *experiment)
{
    const struct experiment_row *first = &experiment->rows[0], *dearest = first;
    for (size_t i = 1; i < experiment->row_count; i++)
        if (experiment->rows[i].medians[1] > dearest->medians[1])
            dearest = &experiment->rows[i];
    double least = fmax(first->medians[1], 0), processes = fmax(first->medians[2], 0);
    const char *answer = least < 100 ? "nothing" : least < 10000 ? "micro" : "much";
    experiment_conclude(
        experiment, VERDICT_DEPENDS, answer,
        "A switch between two threads that touch nothing took %s, between two processes %s. It was dearest "
        "with %s by each: %s more a turn than the same work without a switch.",
        told(UNIT_NS, least), told(UNIT_NS, processes), dearest->label, told(UNIT_NS, dearest->medians[1]));
}

static const struct lesson_column columns[] = {
    {"alone", "ALONE", UNIT_NS}, {"thread", "+ THREAD", UNIT_NS}, {"process", "+ PROCESS", UNIT_NS}, {0}};

static const struct lesson_choice choices[] = {
    {"nothing", "a few nanoseconds"},
    {"micro", "between a tenth of a microsecond and ten"},
    {"much", "more than ten microseconds"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson switch --size 16K", "small working sets only: both fit, and the switch is all there is"},
    {"weir limits switch", "the same as a yardstick, with a sleep and a wake in each turn"},
    {0},
};

const struct lesson lesson_switch = {
    .name = "switch",
    .question = "What does a context switch cost?",
    .claim = "Context switches are free; or: context switches are ruinous.",
    .ask = "Two threads share one CPU and take turns, doing nothing else. How long is one switch from the one to the "
           "other?",
    .choices = choices,
    .seconds = 5,
    .heeds = KNOB_SIZE,
    .columns = columns,
    .pictured = 1,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "A switch enters the kernel, saves the registers of one task, picks the next, and loads its registers: half a "
        "microsecond or so, most of it for the picking. Between processes the CPU must use other page tables (which "
        "say where memory lies) as well; CPUs tag what they know of addresses with a number for each process, so they "
        "need not forget it all.\n"
        "The larger part may come later: the next task finds the caches full of the other one's data. As long as both "
        "working sets (what each touches) fit side by side nothing is lost. If one fits and two do not, each turn "
        "begins with fetching what the other one has pushed out, and the switch seems to cost as much as that. A set "
        "that does not even fit alone loses less by it; its figures are small differences of large ones, and less "
        "certain.\n"
        "So a switch is neither free nor ruinous: it costs about what some thousand instructions cost, and up to the "
        "refilling of a cache. Whether that matters depends on how long a turn is.",
    .see = "sched(7), sched_yield(2), perf-stat(1)",
    .twists = twists,
};

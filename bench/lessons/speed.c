/* SPDX-License-Identifier: MIT
 *
 * The lesson `speed`: the same work by two threads and by two processes on the same CPUs: computing, allocating,
 * mapping memory, and exchanging messages.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lessons.h"
#include "teach/crew.h"
#include "teach/matrix.h"
#include "teach/page.h"

#define STEPS         3000000u /* of computing */
#define ALLOCATIONS   100000u
#define BLOCKS        64u /* allocated at a time */
#define MAPPINGS      200u
#define MAPPED_BYTES  ((size_t)256 << 10)
#define PAGE_BYTES    4096
#define MESSAGE_BYTES 64

/* ---- work that needs nobody else -------------------------------------------------------------------------------- */

static int compute(void *shared, uint32_t index)
{
    uint64_t state = index + 1;
    (void)shared;
    for (unsigned i = 0; i < STEPS; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u; /* Knuth's MMIX generator */
        __asm__ volatile("" : "+r"(state));
    }
    return 0;
}

/* Blocks of all sizes from one to some KiB, so many at a time that they do not come from a thread's own small store. */
static int allocate(void *shared, uint32_t index)
{
    char *blocks[BLOCKS] = {NULL};
    int result = 0;
    (void)shared;
    for (unsigned i = 0; i < ALLOCATIONS && result == 0; i++) {
        char **block = &blocks[i % BLOCKS];
        free(*block);
        *block = malloc(1040 + (i * 97 + index) % 3000);
        if (*block == NULL)
            result = 1;
        else
            *(volatile char *)*block = 1;
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return result;
}

/* Takes pages from the kernel, touches them, gives them back: what a program does that has large blocks. Regions that
 * lie side by side become one if they are alike; every other worker's differ, so that each keeps its own. */
static int map_pages(void *shared, uint32_t index)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (index % 2 != 0 ? MAP_NORESERVE : 0);
    (void)shared;
    for (unsigned i = 0; i < MAPPINGS; i++) {
        char *pages = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (pages == MAP_FAILED)
            return 1;
        for (size_t at = 0; at < MAPPED_BYTES; at += PAGE_BYTES)
            *(volatile char *)(pages + at) = 1;
        munmap(pages, MAPPED_BYTES);
    }
    return 0;
}

static const struct work {
    const char *key, *label;
    int (*work)(void *shared, uint32_t index);
    unsigned times;
} works[] = {
    {"compute", "a step of computing", compute, STEPS},
    {"allocate", "malloc and free", allocate, ALLOCATIONS},
    {"map", "256 KiB from the kernel", map_pages, MAPPINGS},
};

#define WORKS (sizeof works / sizeof works[0])

static const char *const specs[] = {"shm", "mutex", "pipe", "unix", "zmq"};

#define SPECS (sizeof specs / sizeof specs[0])

/* ---- the rows --------------------------------------------------------------------------------------------------- */

static int prepare(struct experiment *experiment)
{
    struct setup setups[SPECS * 2];
    int result = 0;
    for (size_t i = 0; i < WORKS && result == 0; i++)
        result = experiment_row(experiment, works[i].key, "%s", works[i].label);
    for (size_t i = 0; i < SPECS && result == 0; i++) {
        result = experiment_row(experiment, specs[i], "a message by %s", specs[i]);
        for (int kind = WEIR_THREAD; kind <= WEIR_PROCESS; kind++) {
            struct setup *setup = &setups[2 * i + (size_t)kind];
            *setup = matrix_setup(specs[i], (enum weir_worker_kind)kind, PATTERN_STREAM, MESSAGE_BYTES);
            setup->pin = experiment->knobs.pin != NULL ? experiment->knobs.pin : setup->pin;
        }
    }
    return result != 0 ? result : matrix_prepare(experiment, setups, SPECS, 2);
}

static int measure_work(struct experiment *experiment, const struct work *work, enum weir_worker_kind kind, double *ret)
{
    struct crew_result result;
    struct crew crew = {.kind = kind,
                        .count = experiment->knobs.workers != 0 ? experiment->knobs.workers : 2,
                        .pin = experiment->knobs.pin,
                        .work = work->work};
    int end = crew_run(experiment, &crew, &result);
    *ret = result.wall_ns / work->times;
    return end;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    int end = 0;
    if (row >= WORKS)
        end = matrix_measure(experiment, row - WORKS, ret, NULL);
    else
        for (unsigned i = 0; i < 2 && end == 0; i++) {
            unsigned kind = (experiment->rounds + i) % 2; /* each is the first every other time */
            end = measure_work(experiment, &works[row], (enum weir_worker_kind)kind, &ret[kind]);
        }
    ret[2] = ret[0] / ret[1];
    return end;
}

static void judge(struct experiment *experiment)
{
    double compute_ratio = experiment_figure(experiment, "compute", "ratio"),
           map = experiment_figure(experiment, "map", "ratio");
    double shm = experiment_figure(experiment, "shm", "ratio"),
           allocation = experiment_figure(experiment, "allocate", "ratio");
    const char *answer = compute_ratio < 0.9 ? "threads" : compute_ratio > 1.1 ? "processes" : "same";
    experiment_conclude(experiment, compute_ratio < 0.9 ? VERDICT_HOLDS : VERDICT_REFUTED, answer,
                        "Threads took %s as long as processes to compute, %s to allocate, %s to get pages from the "
                        "kernel, and %s for a "
                        "message in shared memory.",
                        told(UNIT_TIMES, compute_ratio), told(UNIT_TIMES, allocation), told(UNIT_TIMES, map),
                        told(UNIT_TIMES, shm));
}

static const struct lesson_column columns[] = {
    {"thread", "THREADS", UNIT_NS}, {"process", "PROCESSES", UNIT_NS}, {"ratio", "RATIO", UNIT_TIMES}, {0}};

static const struct lesson_choice choices[] = {
    {"threads", "the threads, by a tenth or more"},
    {"same", "they are the same within a tenth"},
    {"processes", "the processes, by a tenth or more"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson speed --pin same", "on one CPU nobody meets anybody: pages cost threads as much as processes"},
    {"weir lesson speed --workers 8", "more workers than CPUs: they wait for CPUs, and less for each other"},
    {0},
};

const struct lesson lesson_speed = {
    .name = "speed",
    .question = "Are threads faster than processes?",
    .claim = "Threads are faster than processes.",
    .ask = "Two workers compute, each for itself, on two CPUs. Who is done first: two threads or two processes?",
    .choices = choices,
    .seconds = 7,
    .heeds = KNOB_WORKERS | KNOB_PIN,
    .columns = columns,
    .pictured = 2,
    .remarks = NULL,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .finish = matrix_finish,
    .why = "A CPU does not know whether it runs a thread or a process. Both are the same thing to the kernel's "
           "scheduler, a task; a thread is a task that shares its memory and its files with others, and a process is "
           "one that does not. So what computes is equally fast. (And several processes are not \"a form of "
           "multithreading\": each has a thread of its own, and no memory in common with the others.)\n"
           "The sharing is what makes the difference, and it cuts both ways. Threads have one address space. Whoever "
           "changes it (mmap, munmap, a large malloc or free) must take turns with the others in the kernel, and when "
           "pages are given back, the CPUs on which the other threads run are interrupted to forget what they knew of "
           "them. Processes have an address space each, and do not meet.\n"
           "A message costs what its channel costs, and in shared memory that is the same for both. Through the kernel "
           "threads may even pay a little more: they share a table of open files, too. What threads have is that they "
           "can pass a pointer and need not pass the bytes, and that creating one is cheaper. (RATIO is the median of "
           "the ratios in each round, not the ratio of the medians.)",
    .see = "clone(2), pthreads(7), mmap(2)",
    .twists = twists,
};

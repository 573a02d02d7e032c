/* SPDX-License-Identifier: MIT
 *
 * The lesson `memory`: workers that have one block of memory in common, before and after each has written it; as the
 * kernel's different accounts have it.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lessons.h"
#include "machine/memory.h"
#include "teach/crew.h"
#include "teach/page.h"

#define BLOCK_BYTES ((size_t)4 << 20)
#define PAGE_BYTES  4096

/* What the kernel says of one process. */
struct account {
    double virtual_bytes, resident_bytes, proportional_bytes, private_bytes;
};

struct household {
    enum weir_worker_kind kind;
    pthread_barrier_t together;
    unsigned char *block; /* made before the workers, private to each process as all memory is */
    size_t block_bytes;
    struct account before[CREW_MOST], after[CREW_MOST];
};

/* ---- the accounts ---------------------------------------------------------------------------------------------- */

static double add_lines(const char *path, const char *const *names)
{
    char line[256];
    double bytes = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NAN;
    while (fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; names[i] != NULL; i++)
            if (strncmp(line, names[i], strlen(names[i])) == 0)
                bytes += 1024 * strtod(line + strlen(names[i]), NULL);
    fclose(file);
    return bytes;
}

static void read_account(struct account *ret)
{
    static const char *const size[] = {"VmSize:", NULL}, *const resident[] = {"Rss:", NULL};
    static const char *const shares[] = {"Pss:", NULL}, *const own[] = {"Private_Clean:", "Private_Dirty:", NULL};
    ret->virtual_bytes = add_lines("/proc/self/status", size);
    ret->resident_bytes = add_lines("/proc/self/smaps_rollup", resident);
    ret->proportional_bytes = add_lines("/proc/self/smaps_rollup", shares);
    ret->private_bytes = add_lines("/proc/self/smaps_rollup", own);
}

/* Threads are all in one account. */
static void look(struct household *household, uint32_t index, struct account *accounts)
{
    if (household->kind == WEIR_PROCESS || index == 0)
        read_account(&accounts[index]);
}

/* By the process that forks the workers, or whose threads they are. */
static void fill_block(void *shared)
{
    struct household *household = shared;
    memset(household->block, 1, household->block_bytes);
}

/* All read and look, then all write, then all look again. */
static int work(void *shared, uint32_t index)
{
    struct household *household = shared;
    for (size_t at = 0; at < household->block_bytes; at += PAGE_BYTES)
        (void)((volatile unsigned char *)household->block)[at];
    pthread_barrier_wait(&household->together);
    look(household, index, household->before);
    pthread_barrier_wait(&household->together);
    for (size_t at = 0; at < household->block_bytes; at += PAGE_BYTES)
        ((volatile unsigned char *)household->block)[at + index]++; /* a byte of one's own in each page */
    pthread_barrier_wait(&household->together);
    look(household, index, household->after);
    pthread_barrier_wait(&household->together);
    return 0;
}

/* ---- the rows -------------------------------------------------------------------------------------------------- */

static const uint32_t counts[] = {1, 8, 64};

#define COUNTS (sizeof counts / sizeof counts[0])

/* Those of the knob alone, if it is given. */
static size_t sets(const struct experiment *experiment)
{
    return experiment->knobs.workers != 0 ? 1 : COUNTS;
}

static uint32_t count_of(const struct experiment *experiment, size_t set)
{
    return experiment->knobs.workers != 0 ? experiment->knobs.workers : counts[set];
}

static size_t block_bytes(const struct experiment *experiment)
{
    return experiment->knobs.size != 0 ? experiment->knobs.size : BLOCK_BYTES;
}

/* For each kind and number of workers: before they write, and after. */
static int prepare(struct experiment *experiment)
{
    if (access("/proc/self/smaps_rollup", R_OK) != 0)
        return experiment_cannot(experiment, "it needs a kernel with /proc/self/smaps_rollup");
    static const char *const kinds[] = {"threads", "processes"}, *const times[] = {"before", "after"};
    uint32_t most = count_of(experiment, sets(experiment) - 1);
    if (block_bytes(experiment) > memory_available() / 2 / (most + 1))
        return experiment_cannot(experiment, "%u copies of the block are more than half of the memory that is left",
                                 most + 1);
    for (size_t kind = 0; kind < 2; kind++)
        for (size_t set = 0; set < sets(experiment); set++)
            for (size_t time = 0; time < 2; time++) {
                char key[32];
                uint32_t count = count_of(experiment, set);
                snprintf(key, sizeof key, "%s_%u_%s", kinds[kind], count, times[time]);
                if (experiment_row(experiment, key, "%u %.*s, %s", count,
                                   (int)strlen(kinds[kind]) - (count == 1 ? kind == 0 ? 1 : 2 : 0), kinds[kind],
                                   time == 0 ? "read" : "written") != 0)
                    return -1;
            }
    return 0;
}

static int start_household(struct household *household, size_t bytes, uint32_t count)
{
    pthread_barrierattr_t attributes;
    household->block_bytes = bytes;
    household->block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (household->block == MAP_FAILED)
        return -1;
    madvise(household->block, bytes, MADV_NOHUGEPAGE); /* small pages, so that each write moves one */
    return pthread_barrierattr_init(&attributes) == 0 &&
                   pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                   pthread_barrier_init(&household->together, &attributes, count) == 0
               ? 0
               : -1;
}

/* The mean a worker. */
static void share_out(const struct account *accounts, uint32_t count, enum weir_worker_kind kind, double *ret)
{
    struct account sum = {0};
    uint32_t seen = kind == WEIR_THREAD ? 1 : count;
    for (uint32_t i = 0; i < seen; i++) {
        sum.virtual_bytes += accounts[i].virtual_bytes;
        sum.resident_bytes += accounts[i].resident_bytes;
        sum.proportional_bytes += accounts[i].proportional_bytes;
        sum.private_bytes += accounts[i].private_bytes;
    }
    ret[0] = sum.virtual_bytes / count;
    ret[1] = sum.resident_bytes / count;
    ret[2] = sum.proportional_bytes / count;
    ret[3] = sum.private_bytes / count;
}

static int measure(struct experiment *experiment, size_t row, double *ret)
{
    enum weir_worker_kind kind = row / 2 / sets(experiment) == 0 ? WEIR_THREAD : WEIR_PROCESS;
    uint32_t count = count_of(experiment, row / 2 % sets(experiment));
    struct household *household = crew_memory(sizeof *household);
    struct crew_result result;
    if (household == NULL || start_household(household, block_bytes(experiment), count) != 0)
        return experiment_failed(experiment, "there is no memory for the workers");
    household->kind = kind;
    struct crew crew = {
        .kind = kind, .count = count, .pin = "none", .work = work, .shared = household, .before = fill_block};
    int end = crew_run(experiment, &crew, &result);
    share_out(row % 2 == 0 ? household->before : household->after, count, kind, ret);
    munmap(household->block, household->block_bytes);
    munmap(household, sizeof *household);
    return end;
}

/* ---- the verdict ----------------------------------------------------------------------------------------------- */

static double figure(const struct experiment *experiment, const char *kind, const char *time, const char *column)
{
    char key[32];
    snprintf(key, sizeof key, "%s_%u_%s", kind, count_of(experiment, sets(experiment) - 1), time);
    return experiment_figure(experiment, key, column);
}

static void judge(struct experiment *experiment)
{
    double before = figure(experiment, "processes", "before", "pss");
    double after = figure(experiment, "processes", "after", "pss"),
           threads = figure(experiment, "threads", "after", "pss");
    double resident = figure(experiment, "processes", "before", "rss"), block = (double)block_bytes(experiment);
    double copied = 1 - (after - before) / block; /* before it was written: what it takes more then was shared */
    const char *answer = copied > 0.8 ? "copy" : copied > 0.2 ? "part" : "little";
    experiment_conclude(
        experiment, copied <= 0.8 ? VERDICT_REFUTED : VERDICT_HOLDS, answer,
        "With %u at work over a block of %s each process took %s (PSS), though `top` would show %s (resident). "
        "Once each had written all of the block it took %s; a thread took %s.",
        count_of(experiment, sets(experiment) - 1), told(UNIT_BYTES, block), told(UNIT_BYTES, before),
        told(UNIT_BYTES, resident), told(UNIT_BYTES, after), told(UNIT_BYTES, threads));
}

static const struct lesson_column columns[] = {{"virtual", "VIRTUAL", UNIT_BYTES},
                                               {"rss", "RESIDENT", UNIT_BYTES},
                                               {"pss", "PSS", UNIT_BYTES},
                                               {"private", "PRIVATE", UNIT_BYTES},
                                               {0}};

static const struct lesson_choice choices[] = {
    {"copy", "a whole copy each: 4 MiB and more"},
    {"part", "some part of it each"},
    {"little", "much less than the block each"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir lesson memory --size 64K", "a small block: what a process takes besides it shows"},
    {"weir lesson memory --workers 1", "one alone shares with the program that made the block, until it writes"},
    {0},
};

const struct lesson lesson_memory = {
    .name = "memory",
    .question = "Does each process copy everything?",
    .claim = "Every process needs its own copy of everything, so processes are heavy on memory.",
    .ask = "A program fills a block of 4 MiB and forks 64 workers that read it. How much memory does each take?",
    .choices = choices,
    .seconds = 6,
    .heeds = KNOB_WORKERS | KNOB_SIZE,
    .columns = columns,
    .pictured = 2,
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .why =
        "fork gives the child the parent's pages themselves, marked read-only. Only when one of the two writes to a "
        "page does the kernel make a copy of that page, and of no other: copy-on-write. Workers that read a large "
        "table which their parent has made share it as threads do; workers that write all of it end with a copy each.\n"
        "Of the four accounts two mislead. VIRTUAL is what a process may address: room, not memory. RESIDENT is what "
        "of it lies in memory, and counts a page that 64 processes share 64 times. PSS, the proportional set size, "
        "counts such a page as one 64th for each: its sum over all processes is what they really take. PRIVATE is what "
        "would be freed if this one ended. All figures are for one worker: the sum, divided by their number. The "
        "process that made the block and forked holds it too, so even a single worker pays for half of it until it "
        "writes.\n"
        "Threads have one memory, so writing adds nothing. Each has room of its own for a stack (8 MiB) and perhaps "
        "for malloc (64 MiB), all of it VIRTUAL; of that it takes what it has touched.",
    .see = "fork(2), proc(5) on smaps_rollup, pthread_attr_setstacksize(3)",
    .twists = twists,
};

/* SPDX-License-Identifier: MIT
 *
 * Epochs of bare programs, in weir's way: fresh workers and fresh state for each, warm-up messages (a tenth, and enough
 * to have touched all memory twice), the clock from the first measured message, when all of the warm-up was received,
 * to the check of the last; the number of messages found beforehand.
 */
#include "bare.h"

#include <alloca.h>
#include <argp.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_EPOCHS 10000

/* What the workers of an epoch share. */
struct stage {
    _Alignas(128) _Atomic int ready;
    _Alignas(128) _Atomic int is_warm; /* halves that are through with the warm-up */
    _Alignas(128) _Atomic int done;
    _Alignas(128) int64_t begin_ns[2];
    int64_t end_ns[2];
};

static struct {
    const struct bare_program *program;
    struct bare how;
    unsigned epochs;
    double epoch_ms;
    int cpus[2];
    unsigned random;
} run;

struct half {
    struct stage *stage;
    struct bare_work *work;
    uint64_t warm, count;
    int index;
};

void bare_fail(const char *what)
{
    if (errno != 0)
        fprintf(stderr, "%s: %s: %s\n", run.program->name, what, strerror(errno));
    else
        fprintf(stderr, "%s: %s\n", run.program->name, what);
    _exit(1);
}

void *bare_shared_alloc(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        bare_fail("mmap");
    return memory;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- an epoch ------------------------------------------------------------------------------------------------ */

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        bare_fail("sched_setaffinity");
}

/* A library's threads may need the CPU. */
static void wait_for(const _Atomic int *word, int value)
{
    for (unsigned looks = 0; atomic_load_explicit(word, memory_order_acquire) < value; looks++)
        if (looks > 1000 || run.cpus[0] == run.cpus[1])
            sched_yield();
}

__attribute__((noinline)) static void play_half(const struct half *half)
{
    struct bare_work *work = half->work;
    struct stage *stage = half->stage;
    const int halves = run.how.has_one_worker ? 1 : 2;
    if (work->enter != NULL)
        work->enter(work, half->index);
    atomic_fetch_add(&stage->ready, 1);
    wait_for(&stage->ready, halves);
    work->halves[half->index](work, 0, half->warm);
    atomic_fetch_add(&stage->is_warm, 1);
    if (half->index == 0)
        wait_for(&stage->is_warm, halves); /* the channel is empty, the other is waiting */
    stage->begin_ns[half->index] = now_ns();
    work->halves[half->index](work, half->warm, half->warm + half->count);
    stage->end_ns[half->index] = now_ns();
    atomic_fetch_add(&stage->done, 1);
    wait_for(&stage->done, halves); /* who leaves early may take along what was sent */
    if (work->leave != NULL)
        work->leave(work, half->index);
}

/* Where the stack begins is drawn anew each time, as weir does: by chance addresses collide, or do not. */
static void *start_half(void *argument)
{
    const struct half *half = argument;
    unsigned random = run.random + (unsigned)half->index;
    volatile char *shift = alloca((size_t)(rand_r(&random) % 64) * 64 + 1);
    shift[0] = 0;
    pin(run.cpus[half->index]);
    play_half(half);
    return NULL;
}

static void play_threads(struct half halves[2])
{
    const int count = run.how.has_one_worker ? 1 : 2;
    pthread_t threads[2];
    for (int i = 0; i < count; i++)
        if ((errno = pthread_create(&threads[i], NULL, start_half, &halves[i])) != 0)
            bare_fail("pthread_create");
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void play_processes(struct half halves[2])
{
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            bare_fail("fork");
        if (pids[i] == 0) {
            start_half(&halves[i]);
            _exit(0);
        }
    }
    for (int left = 2; left > 0; left--) {
        int status = 0;
        pid_t ended = wait(&status);
        if (ended < 0 || status != 0) { /* the other would wait for ever */
            kill(pids[ended == pids[0]], SIGKILL);
            errno = 0;
            bare_fail("a worker failed");
        }
    }
}

/* How long so many messages took. */
static int64_t play(struct stage *stage, uint64_t count)
{
    struct bare_work *work = run.program->create(&run.how);
    if (work == NULL) {
        errno = 0;
        bare_fail("there is no queue of messages of that size");
    }
    uint64_t warm = count / 10 + 2 * run.how.depth;
    struct half halves[2] = {{stage, work, warm, count, 0}, {stage, work, warm, count, 1}};
    memset(stage, 0, sizeof *stage);
    run.random += 2;
    run.how.is_processes ? play_processes(halves) : play_threads(halves);
    work->destroy(work);
    return (stage->end_ns[0] > stage->end_ns[1] ? stage->end_ns[0] : stage->end_ns[1]) - stage->begin_ns[0];
}

/* ---- the run ------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The first epochs find it, and do not count. */
static uint64_t find_count(struct stage *stage)
{
    const double wanted_ns = run.epoch_ms * 1e6;
    double count = 256;
    for (int tries = 0; tries < 20; tries++) {
        double missing = wanted_ns / (double)play(stage, (uint64_t)count);
        count *= missing < 8 ? missing : 8;
        if (missing < 1.3)
            break;
    }
    return (uint64_t)count + 1;
}

static void print_text(const char *name, const char *text)
{
    if (text != NULL)
        printf("\"%s\": \"%s\", ", name, text);
}

static void print_result(double *cost_ns, uint64_t count)
{
    printf("{");
    print_text("program", run.program->name);
    print_text("kind", run.how.kind);
    print_text("style", run.how.style);
    print_text("wait", run.how.wait);
    print_text("pattern", run.how.is_pingpong ? "pingpong" : "stream");
    print_text("workers", run.how.has_one_worker ? "one" : run.how.is_processes ? "processes" : "threads");
    printf("\"size\": %zu, \"depth\": %zu, \"cpus\": [%d, %d], \"messages\": %llu, \"epochs_ns\": [", run.how.size,
           run.how.depth, run.cpus[0], run.cpus[1], (unsigned long long)count);
    for (unsigned i = 0; i < run.epochs; i++)
        printf("%s%.2f", i == 0 ? "" : ", ", cost_ns[i]);
    qsort(cost_ns, run.epochs, sizeof *cost_ns, compare);
    printf("], \"median_ns\": %.2f}\n", (cost_ns[(run.epochs - 1) / 2] + cost_ns[run.epochs / 2]) / 2);
}

/* ---- the command line ---------------------------------------------------------------------------------------- */

enum { KEY_EPOCHS = 256, KEY_EPOCH_MS, KEY_CPUS, KEY_STYLE, KEY_WAIT, KEY_PROCESSES };

static const struct argp_option options[] = {
    {"kind", 'k', "NAME", 0, "which queue, descriptor or transport", 0},
    {"style", KEY_STYLE, "NAME", 0, "how messages are laid into it", 0},
    {"wait", KEY_WAIT, "NAME", 0, "what who cannot go on does", 0},
    {"size", 's', "BYTES", 0, "of a message (default 64)", 0},
    {"depth", 'd', "N", 0, "messages that fit between the ends (default 512, as weir's)", 0},
    {"pingpong", 'm', NULL, 0, "there and back, one in flight; else one way, as fast as it goes", 0},
    {"processes", KEY_PROCESSES, NULL, 0, "the workers are processes; else threads", 0},
    {"epochs", KEY_EPOCHS, "N", 0, "how many (default 5)", 0},
    {"epoch-ms", KEY_EPOCH_MS, "MS", 0, "how long one is measured, about (default 12, as weir's)", 0},
    {"cpus", KEY_CPUS, "A:B", 0, "where the workers run (default: the first two that are allowed)", 0},
    {0},
};

static const char *choose(const char *const *names, const char *name, struct argp_state *state)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    argp_error(state, "'%s' is not one of those below", name);
    return NULL;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    const struct bare_program *program = run.program;
    switch (key) {
    case 'k':
        run.how.kind = choose(program->kinds, argument, state);
        return 0;
    case KEY_STYLE:
        run.how.style = choose(program->styles, argument, state);
        return 0;
    case KEY_WAIT:
        run.how.wait = choose(program->waits, argument, state);
        return 0;
    case 's':
        run.how.size = strtoul(argument, NULL, 10);
        return 0;
    case 'd':
        run.how.depth = strtoul(argument, NULL, 10);
        return 0;
    case 'm':
        run.how.is_pingpong = true;
        return 0;
    case KEY_PROCESSES:
        run.how.is_processes = true;
        return 0;
    case KEY_EPOCHS:
        run.epochs = (unsigned)strtoul(argument, NULL, 10);
        return 0;
    case KEY_EPOCH_MS:
        run.epoch_ms = strtod(argument, NULL);
        return 0;
    case KEY_CPUS:
        if (sscanf(argument, "%d:%d", &run.cpus[0], &run.cpus[1]) != 2)
            argp_error(state, "'%s' is not two CPUs such as 0:1", argument);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is one word too many", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Called once: the memory is never freed. */
static const char *describe(const struct bare_program *program)
{
    static char *text;
    static size_t length;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL)
        bare_fail("open_memstream");
    fprintf(stream, "%s\v", program->summary);
    const struct {
        const char *name, *const *words;
    } lists[] = {{"--kind", program->kinds}, {"--style", program->styles}, {"--wait", program->waits}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; lists[i].words != NULL && lists[i].words[j] != NULL; j++)
            fprintf(stream, "%s%s", j == 0 ? lists[i].name : " |", j == 0 ? " " : " "),
                fputs(lists[i].words[j], stream);
        fputs(lists[i].words != NULL ? "\n" : "", stream);
    }
    fputs("The first of each is the default. Prints a line of JSON; exit status 1 when a message was not right.",
          stream);
    fclose(stream);
    return text;
}

static void place(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        bare_fail("sched_getaffinity");
    for (int cpu = 0, found = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
        if (CPU_ISSET((size_t)cpu, &set))
            for (int i = found++; i < 2; i++)
                run.cpus[i] = cpu;
}

static void check_command(void)
{
    const struct bare_program *program = run.program;
    errno = 0;
    if (run.how.size == 0 || run.how.depth == 0 || run.epochs == 0 || run.epochs > MOST_EPOCHS || !(run.epoch_ms > 0))
        bare_fail("a number is out of range");
    if (run.how.is_pingpong && !program->can_pingpong)
        bare_fail("this one has no pingpong");
    if (run.how.is_processes && !program->can_processes)
        bare_fail("the workers of this one cannot be processes");
}

static const char *first(const char *const *names)
{
    return names != NULL ? names[0] : NULL;
}

int bare_main(const struct bare_program *program, int argc, char **argv)
{
    static double cost_ns[MOST_EPOCHS];
    const struct argp argp = {.options = options, .parser = parse, .doc = describe(program)};
    run.program = program;
    run.how = (struct bare){.kind = first(program->kinds),
                            .style = first(program->styles),
                            .wait = first(program->waits),
                            .size = 64,
                            .depth = 512,
                            .has_one_worker = !program->can_threads && !program->can_processes};
    run.epochs = 5;
    run.epoch_ms = 12;
    run.random = (unsigned)now_ns();
    place();
    if (argp_parse(&argp, argc, argv, 0, NULL, NULL) != 0)
        return 2;
    check_command();
    struct stage *stage = bare_shared_alloc(sizeof *stage);
    uint64_t count = find_count(stage);
    for (unsigned i = 0; i < run.epochs; i++)
        cost_ns[i] = (double)play(stage, count) / (double)count;
    print_result(cost_ns, count);
    return 0;
}

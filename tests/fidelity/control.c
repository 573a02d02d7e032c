/* SPDX-License-Identifier: MIT
 *
 * The control: round trips and floods through pipes, in as few lines as they take, from which a difference between weir
 * and other tools can be explained by adding or leaving out one thing at a time:
 *
 *   trips   two workers, two pipes, one message there and back, as `perf bench sched pipe`
 *   flood   SENDERS workers write, each to every one of as many receivers that have a pipe each, as hackbench does
 *
 * What can be added (comma-separated): header (four bytes before the body, in one writev; reads take what is there),
 * poll (descriptors do not block; who finds nothing waits in ppoll on two), clock (the clock reads of a wait),
 * nap (who was woken in vain, because another took the message, waits longer and longer before it looks again), one (of
 * a flood: all share one pipe, and reads take one message), end (of a flood: the clock also sees the workers end and be
 * buried). Starting workers is never timed. Prints nanoseconds for a round trip, or for a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_WORKERS 64
#define MOST_BYTES   4096
#define BUFFER_BYTES 65536

static struct {
    bool threads, flood, header, poll, clock, nap, one, end;
    unsigned pairs;      /* of workers */
    unsigned long count; /* trips, or messages from each sender to each receiver */
    size_t bytes;
    int cpus[2]; /* of the first worker or the senders, of the others; -1: any */
} how = {.pairs = 1, .cpus = {-1, -1}};

static struct shared {
    _Atomic unsigned ready, go, done, sent; /* workers */
    _Atomic long long last_ns;
} * shared;

static int ends[MOST_WORKERS][2];
static int idle[2]; /* never readable: the second descriptor of a poll */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* ---- one message --------------------------------------------------------------------------------------------- */

static void wait_for(int fd, short events, unsigned *futile)
{
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = idle[0], .events = POLLIN}};
    struct timespec timeout = {.tv_nsec = 25000000};
    if (how.clock)
        for (int i = 0; i < 4; i++)
            now_ns();
    if (how.nap && *futile > 2)
        usleep(10u << (*futile < 8 ? *futile : 8));
    *futile = ppoll(fds, 2, &timeout, NULL) > 0 ? *futile + 1 : 0;
}

static void put(int fd, char *body)
{
    unsigned header = (unsigned)how.bytes;
    struct iovec parts[2] = {{&header, sizeof header}, {body, how.bytes}};
    unsigned futile = 0;
    for (;;) {
        ssize_t written = how.header ? writev(fd, parts, 2) : write(fd, body, how.bytes);
        if (written > 0)
            return;
        if (errno != EAGAIN)
            fail("write");
        wait_for(fd, POLLOUT, &futile);
    }
}

/* How many messages came: 0 at the end, else one, or with headers those that were there. */
static size_t get(int fd, char *buffer, size_t *kept)
{
    const size_t frame = how.bytes + (how.header ? sizeof(unsigned) : 0);
    const size_t most = how.header && !how.one ? BUFFER_BYTES : frame;
    unsigned futile = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + *kept, most - *kept);
        if (got < 0 && errno == EAGAIN) {
            wait_for(fd, POLLIN, &futile);
            continue;
        }
        if (got < 0)
            fail("read");
        size_t messages = (*kept + (size_t)got) / frame;
        *kept = (*kept + (size_t)got) % frame;
        memmove(buffer, buffer + messages * frame, *kept);
        if (messages > 0 || got == 0)
            return messages;
    }
}

/* ---- workers ------------------------------------------------------------------------------------------------- */

static void arrive(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof set, &set) != 0)
        fail("sched_setaffinity");
    atomic_fetch_add(&shared->ready, 1);
    while (atomic_load(&shared->go) == 0)
        usleep(100);
}

static void leave(void)
{
    long long end_ns = now_ns(), last_ns = atomic_load(&shared->last_ns);
    while (last_ns < end_ns && !atomic_compare_exchange_weak(&shared->last_ns, &last_ns, end_ns))
        continue;
    atomic_fetch_add(&shared->done, 1);
}

static void make_trips(unsigned second, char *buffer, char *body)
{
    size_t kept = 0;
    for (unsigned long i = 0; i < how.count; i++) {
        if (second)
            get(ends[0][0], buffer, &kept);
        put(ends[second][1], body);
        if (!second)
            get(ends[1][0], buffer, &kept);
    }
}

static void send_all(char *body)
{
    for (unsigned long i = 0; i < how.count; i++)
        for (unsigned to = 0; to < how.pairs; to++)
            put(ends[how.one ? 0 : to][1], body);
    /* Processes have a copy each, and exit; threads have one together. */
    if (how.one && how.threads && atomic_fetch_add(&shared->sent, 1) + 1 == how.pairs)
        close(ends[0][1]);
}

static void receive_all(unsigned index, char *buffer)
{
    size_t kept = 0;
    if (how.one && !how.threads)
        close(ends[0][1]);
    unsigned long all = how.one ? ~0UL : how.count * how.pairs;
    for (unsigned long got = 0, more = 1; got < all && more > 0; got += more)
        more = get(ends[how.one ? 0 : index][0], buffer, &kept);
}

static void *work(void *number)
{
    unsigned index = (unsigned)(size_t)number, second = index >= how.pairs;
    char *buffer = calloc(1, BUFFER_BYTES), body[MOST_BYTES] = {0};
    if (buffer == NULL)
        fail("calloc");
    arrive(how.cpus[second]);
    if (!how.flood)
        make_trips(second, buffer, body);
    else if (second)
        receive_all(index - how.pairs, buffer);
    else
        send_all(body);
    leave();
    free(buffer);
    return NULL;
}

static void start(unsigned index, pthread_t *ret_thread)
{
    if (how.threads) {
        if (pthread_create(ret_thread, NULL, work, (void *)(size_t)index) != 0)
            fail("pthread_create");
        return;
    }
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        work((void *)(size_t)index);
        _exit(0);
    }
}

static double run(void)
{
    unsigned workers = 2 * how.pairs, pipes = how.flood && !how.one ? how.pairs : how.flood ? 1 : 2;
    int flags = O_CLOEXEC | (how.poll ? O_NONBLOCK : 0);
    pthread_t threads[MOST_WORKERS];
    for (unsigned i = 0; i < pipes; i++)
        if (pipe2(ends[i], flags) != 0)
            fail("pipe2");
    if (pipe2(idle, O_CLOEXEC) != 0)
        fail("pipe2");
    for (unsigned i = 0; i < workers; i++)
        start(i, &threads[i]);
    if (how.one && !how.threads)
        close(ends[0][1]);
    while (atomic_load(&shared->ready) < workers)
        usleep(100);
    long long begin_ns = now_ns();
    atomic_store(&shared->go, 1);
    for (unsigned i = 0; i < workers; i++)
        how.threads ? (void)pthread_join(threads[i], NULL) : (void)wait(NULL);
    long long end_ns = how.end ? now_ns() : atomic_load(&shared->last_ns);
    if (atomic_load(&shared->done) != workers)
        exit(1);
    double messages = (double)how.count * (how.flood ? how.pairs * how.pairs : 1);
    return (double)(end_ns - begin_ns) / messages;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: control trips|flood thread|process ADDED|- PAIRS BYTES COUNT CPU:CPU|-\n");
        return 2;
    }
    how.flood = strcmp(argv[1], "flood") == 0;
    how.threads = strcmp(argv[2], "thread") == 0;
    how.header = strstr(argv[3], "header") != NULL;
    how.poll = strstr(argv[3], "poll") != NULL;
    how.clock = strstr(argv[3], "clock") != NULL;
    how.nap = strstr(argv[3], "nap") != NULL;
    how.one = strstr(argv[3], "one") != NULL;
    how.end = strstr(argv[3], "end") != NULL;
    how.pairs = (unsigned)atoi(argv[4]);
    how.bytes = (size_t)atol(argv[5]);
    how.count = (unsigned long)atol(argv[6]);
    sscanf(argv[7], "%d:%d", &how.cpus[0], &how.cpus[1]);
    if (how.pairs < 1 || 2 * how.pairs > MOST_WORKERS || (!how.flood && how.pairs != 1) || how.bytes < 1 ||
        how.bytes > MOST_BYTES || how.count < 1) {
        fprintf(stderr, "control: a number is out of range\n");
        return 2;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        fail("mmap");
    printf("%.1f\n", run());
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * What it costs to wait for messages that do not come, and how soon a death is known then. Run by hand:
 *
 *   idle processes|threads SECONDS SPEC...
 *
 * prints for each the CPU of a consumer that is blocked for so long, then kills the producer and two more consumers
 * together, 10 times, and prints the longest time until the consumer that was left knew.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

enum { KILLS = 10, PARTIES = 4 }; /* a producer, the consumer that survives, two more */

static const int64_t settled_ns = 400000000;

/* What the survivor says. */
struct report {
    _Atomic int result; /* 0: it still waits */
    int64_t known_ns, cpu_ns;
};

struct party {
    struct weir_channel *channel;
    struct report *report;
    enum weir_role role;
    uint32_t index;
    pid_t process;
    pthread_t thread;
};

static bool threads;

static void sleep_ns(int64_t nanoseconds)
{
    nanosleep(&(struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}, NULL);
}

/* A process's, with the threads of a library; or a thread's. */
static int64_t cpu_ns(void)
{
    struct rusage usage;
    getrusage(threads ? RUSAGE_THREAD : RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
           (int64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* ---- who takes part ------------------------------------------------------------------------------------------ */

static void *take_part(void *argument)
{
    struct party *party = argument;
    struct report *report = party->report;
    struct weir_endpoint *endpoint;
    char message[64];
    int result = weir_attach(&endpoint, party->channel, party->role, party->index);
    int64_t begin_ns = cpu_ns();
    if (result == 0 && party->role == WEIR_CONSUMER)
        result = (int)weir_recv(endpoint, message, sizeof message, WEIR_FOREVER);
    if (party->role == WEIR_CONSUMER && party->index == 0) {
        report->known_ns = weir_now_ns();
        report->cpu_ns = cpu_ns() - begin_ns;
        weir_detach(endpoint);
        atomic_store(&report->result, result);
        return NULL;
    }
    for (;;)
        pause();
}

/* Ends the calling thread alone, as sudden as it can be. */
static void die(int signal_number)
{
    (void)signal_number;
    syscall(SYS_exit, 0);
}

static void start(struct party *party)
{
    if (threads) {
        pthread_create(&party->thread, NULL, take_part, party);
    } else if ((party->process = fork()) == 0) {
        take_part(party);
        _exit(0);
    }
}

static void join(struct party *party)
{
    if (threads)
        pthread_join(party->thread, NULL);
    else
        waitpid(party->process, NULL, 0);
}

/* ---- measuring ----------------------------------------------------------------------------------------------- */

static int open_channel(const char *spec, uint32_t *consumers, struct weir_channel **ret_channel)
{
    struct weir_channel_config config = {
        .max_message_bytes = 64, .consumers = *consumers, .span = threads ? WEIR_SPAN_THREADS : WEIR_SPAN_PROCESSES};
    struct weir_error error;
    int result = weir_channel_create(ret_channel, spec, &config, &error);
    if (result == WEIR_ENOTSUP && config.consumers > 1) { /* some take one only */
        *consumers = config.consumers = 1;
        result = weir_channel_create(ret_channel, spec, &config, &error);
    }
    return result == 0 ? 0 : (fprintf(stderr, "%s: %s\n", spec, error.text), -1);
}

/* 0 if the survivor was told of the death; how long that took goes to `ret_late_ns`. */
static int wait_for_death(const char *spec, uint32_t consumers, int64_t alone_ns, struct report *report,
                          int64_t *ret_late_ns)
{
    struct party parties[PARTIES];
    struct weir_channel *channel;
    memset(report, 0, sizeof *report);
    if (open_channel(spec, &consumers, &channel) != 0)
        return -1;
    for (uint32_t i = 0; i <= consumers; i++) {
        parties[i] = (struct party){.channel = channel, .report = report, .index = i == 0 ? 0 : i - 1};
        parties[i].role = i == 0 ? WEIR_PRODUCER : WEIR_CONSUMER;
        start(&parties[i]);
    }
    sleep_ns(alone_ns);
    int64_t killed_ns = weir_now_ns();
    for (uint32_t i = 0; i <= consumers; i++)
        if (i != 1 && (threads ? pthread_kill(parties[i].thread, SIGUSR1) : kill(parties[i].process, SIGKILL)) != 0)
            return -1;
    for (uint32_t i = 0; i <= consumers; i++)
        join(&parties[i]);
    *ret_late_ns = report->known_ns - killed_ns;
    if (!threads) /* what dead threads have attached is still in use here */
        weir_channel_destroy(channel);
    return atomic_load(&report->result) == WEIR_EPEERDIED ? 0 : -1;
}

static int measure(const char *spec, int64_t idle_ns, struct report *report)
{
    int64_t late_ns = 0, latest_ns = 0;
    int failed = wait_for_death(spec, 1, idle_ns, report, &late_ns);
    double share = (double)report->cpu_ns / (double)idle_ns;
    for (int i = 0; i < KILLS && !failed; i++) {
        failed = wait_for_death(spec, PARTIES - 1, settled_ns + i * 13000000, report, &late_ns);
        latest_ns = late_ns > latest_ns ? late_ns : latest_ns;
    }
    printf("%-24s %6.3f %% CPU, a death known after %6.2f ms at most%s\n", spec, share * 100, (double)latest_ns / 1e6,
           failed ? ", FAILED" : "");
    return failed != 0;
}

int main(int count, char **arguments)
{
    struct report *report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    threads = count > 1 && strcmp(arguments[1], "threads") == 0;
    if (count < 4 || report == MAP_FAILED || (!threads && strcmp(arguments[1], "processes") != 0)) {
        fprintf(stderr, "usage: idle processes|threads SECONDS SPEC...\n");
        return 2;
    }
    signal(SIGUSR1, die);
    int failed = 0;
    for (int i = 3; i < count; i++)
        failed |= measure(arguments[i], (int64_t)(atof(arguments[2]) * 1e9), report);
    return failed;
}

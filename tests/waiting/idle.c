/* SPDX-License-Identifier: MIT
 *
 * What it costs to wait for messages that do not come, and how soon a death is known then. Run by hand: idle SECONDS
 * SPEC... prints for each the CPU of a consumer that is blocked for so long, then kills the producer and two more
 * consumers together, 10 times, and prints the longest time until the consumer that was left knew.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

enum { KILLS = 10, DOOMED = 3 };

static const int64_t settled_ns = 400000000;

static void sleep_ns(int64_t nanoseconds)
{
    nanosleep(&(struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}, NULL);
}

static void stay(struct weir_channel *channel, enum weir_role role, uint32_t index)
{
    struct weir_endpoint *endpoint;
    char message[64];
    if (weir_attach(&endpoint, channel, role, index) != 0)
        _exit(1);
    while (role == WEIR_CONSUMER && weir_recv(endpoint, message, sizeof message, WEIR_FOREVER) != 0)
        ;
    for (;;)
        pause();
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* What the consumer's call says in the end; how long it took to say so goes to `ret_late_ns`. */
static int wait_for_death(const char *spec, int consumers, int64_t alone_ns, _Atomic int64_t *killed_ns,
                          int64_t *ret_late_ns)
{
    struct weir_channel_config config = {.max_message_bytes = 64, .consumers = (uint32_t)consumers};
    struct weir_channel *channel;
    struct weir_endpoint *endpoint;
    struct weir_error error;
    char message[64];
    pid_t doomed[DOOMED];
    if (weir_channel_create(&channel, spec, &config, &error) != 0)
        return fprintf(stderr, "%s\n", error.text), 1;
    for (int i = 0; i < consumers; i++) {
        doomed[i] = fork();
        if (doomed[i] == 0)
            stay(channel, i == 0 ? WEIR_PRODUCER : WEIR_CONSUMER, (uint32_t)i);
    }
    pid_t killer = fork();
    if (killer == 0) {
        sleep_ns(alone_ns);
        atomic_store(killed_ns, weir_now_ns());
        for (int i = 0; i < consumers; i++)
            kill(doomed[i], SIGKILL);
        _exit(0);
    }
    int result = weir_attach(&endpoint, channel, WEIR_CONSUMER, 0);
    if (result == 0)
        result = (int)weir_recv(endpoint, message, sizeof message, WEIR_FOREVER);
    *ret_late_ns = weir_now_ns() - atomic_load(killed_ns);
    weir_detach(endpoint);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    weir_channel_destroy(channel);
    return result != WEIR_EPEERDIED;
}

static int measure(const char *spec, int64_t idle_ns, _Atomic int64_t *killed_ns)
{
    int64_t late_ns, latest_ns = 0;
    double begin_s = cpu_s();
    int failed = wait_for_death(spec, 1, idle_ns, killed_ns, &late_ns);
    double share = (cpu_s() - begin_s) / (double)idle_ns * 1e9;
    for (int i = 0; i < KILLS && !failed; i++) {
        failed = wait_for_death(spec, DOOMED, settled_ns + i * 13000000, killed_ns, &late_ns);
        latest_ns = late_ns > latest_ns ? late_ns : latest_ns;
    }
    printf("%-24s %6.3f %% CPU, a death known after %6.2f ms at most%s\n", spec, share * 100, (double)latest_ns / 1e6,
           failed ? ", FAILED" : "");
    return failed;
}

int main(int count, char **arguments)
{
    _Atomic int64_t *killed_ns =
        mmap(NULL, sizeof *killed_ns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int failed = count < 3 || killed_ns == MAP_FAILED;
    for (int i = 2; i < count; i++)
        failed |= measure(arguments[i], (int64_t)(atof(arguments[1]) * 1e9), killed_ns);
    return failed;
}

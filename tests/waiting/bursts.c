/* SPDX-License-Identifier: MIT
 *
 * What waiting costs where messages come in bursts: 100 messages each 5 ms, from one process to another. Run by hand:
 * bursts SPEC... prints for each the consumer's CPU time per message, and the median time from the start of a burst
 * until the consumer has its first and its last message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

enum { BURSTS = 200, PER_BURST = 100 };

static void produce(struct weir_channel *channel)
{
    struct weir_endpoint *endpoint;
    char message[64] = {0};
    if (weir_attach(&endpoint, channel, WEIR_PRODUCER, 0) != 0)
        _exit(1);
    for (int burst = 0; burst < BURSTS; burst++) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        *(int64_t *)(void *)message = weir_now_ns();
        for (int i = 0; i < PER_BURST; i++)
            weir_send(endpoint, message, sizeof message, 0, WEIR_FOREVER);
    }
    weir_detach(endpoint);
    _exit(0);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static int measure(const char *spec)
{
    static int64_t first_ns[BURSTS], last_ns[BURSTS];
    struct weir_channel_config config = {.max_message_bytes = 64, .depth = 512};
    struct weir_channel *channel;
    struct weir_endpoint *endpoint;
    _Alignas(8) char message[64];
    struct weir_error error;
    if (weir_channel_create(&channel, spec, &config, &error) != 0)
        return fprintf(stderr, "%s\n", error.text), 1;
    pid_t producer = fork();
    if (producer == 0)
        produce(channel);
    if (weir_attach(&endpoint, channel, WEIR_CONSUMER, 0) != 0)
        return 1;
    double begin_ns = cpu_ns();
    for (int i = 0; weir_recv(endpoint, message, sizeof message, WEIR_FOREVER) >= 0 && i < BURSTS * PER_BURST; i++) {
        int64_t took_ns = weir_now_ns() - *(int64_t *)(void *)message;
        if (i % PER_BURST == 0)
            first_ns[i / PER_BURST] = took_ns;
        last_ns[i / PER_BURST] = took_ns;
    }
    double cost_ns = (cpu_ns() - begin_ns) / BURSTS / PER_BURST;
    weir_detach(endpoint);
    waitpid(producer, NULL, 0);
    weir_channel_destroy(channel);
    qsort(first_ns, BURSTS, sizeof first_ns[0], ascending);
    qsort(last_ns, BURSTS, sizeof last_ns[0], ascending);
    printf("%-24s %8.0f ns CPU a message, first after %6.1f us, last after %6.1f us\n", spec, cost_ns,
           (double)first_ns[BURSTS / 2] / 1e3, (double)last_ns[BURSTS / 2] / 1e3);
    return 0;
}

int main(int count, char **specs)
{
    int failed = 0;
    for (int i = 1; i < count; i++)
        failed |= measure(specs[i]);
    return failed;
}

/* SPDX-License-Identifier: MIT
 *
 * An event loop over two channels and a timer. weir_fd gives each consumer a descriptor for epoll, whatever the driver.
 * The rule: receive until WEIR_EAGAIN, which arms the descriptor, and only then wait. The timer is there for two
 * reasons: programs have one, and a death makes no descriptor ready, so somebody must look now and then.
 *
 *     cc epoll_loop.c -o epoll_loop $(pkg-config --cflags --libs weir)
 *     ./epoll_loop [CHANNEL [CHANNEL]]
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

enum { SOURCES = 2, NUMBERS = 1000, TICK_NS = 20000000 };

struct source {
    struct weir_channel *channel;
    struct weir_worker *worker;
    struct weir_endpoint *consumer;
    uint32_t received;
    bool ended;
};

static int count_up(void *channel, int report_fd)
{
    (void)report_fd;
    struct weir_endpoint *producer;
    int result = weir_attach(&producer, channel, WEIR_PRODUCER, 0);
    if (result != 0)
        return 1;
    for (uint32_t i = 0; i < NUMBERS && result == 0; i++) {
        if (i % 250 == 0) /* so that the loop has something to wait for */
            nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
        result = weir_send(producer, &i, sizeof i, 0, WEIR_FOREVER);
    }
    weir_detach(producer);
    return result != 0;
}

/* Channels and processes first, for all sources, and endpoints later: what is forked has channels, but no endpoint. */
static void start(struct source *source, const char *spec)
{
    const struct weir_channel_config config = {.max_message_bytes = sizeof(uint32_t)};
    struct weir_error error;
    if (weir_channel_create(&source->channel, spec, &config, &error) != 0)
        errx(1, "%s", error.text);
    const struct weir_worker_config worker = {
        .kind = WEIR_PROCESS, .cpu = -1, .body = count_up, .argument = source->channel};
    if (weir_worker_start(&source->worker, &worker, &error) != 0)
        errx(1, "%s", error.text);
}

static void watch(int set, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)
        err(1, "cannot watch a descriptor");
}

static int make_timer(void)
{
    const struct itimerspec every = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) != 0)
        err(1, "no timer");
    return timer;
}

/* Takes all that is there. */
static void drain(struct source *source, int set)
{
    while (!source->ended) {
        uint32_t number;
        ssize_t length = weir_recv(source->consumer, &number, sizeof number, WEIR_NOW);
        if (length == WEIR_EAGAIN)
            return;
        if (length == WEIR_EOF) { /* which stays: the descriptor is ready from now on */
            source->ended = true;
            epoll_ctl(set, EPOLL_CTL_DEL, weir_fd(source->consumer), NULL);
        } else if (length < 0)
            errx(1, "after %u numbers: %s", source->received, weir_strerror((int)length));
        else if (number != source->received++)
            errx(1, "number %u came in the place of %u", number, source->received - 1);
    }
}

/* Returns how often the timer ticked. */
static uint64_t loop(struct source sources[SOURCES], int set, int timer)
{
    uint64_t ticks = 0;
    for (;;) {
        drain(&sources[0], set);
        drain(&sources[1], set);
        if (sources[0].ended && sources[1].ended)
            return ticks;
        struct epoll_event events[SOURCES + 1];
        int count = epoll_wait(set, events, SOURCES + 1, -1); /* until the next tick, at most */
        for (int i = 0; i < count; i++) {
            uint64_t expired;
            if (events[i].data.fd == timer && read(timer, &expired, sizeof expired) == sizeof expired)
                ticks += expired;
        }
    }
}

int main(int argc, char **argv)
{
    struct source sources[SOURCES] = {0};
    start(&sources[0], argc > 1 ? argv[1] : "shm");
    start(&sources[1], argc > 2 ? argv[2] : "pipe");
    int set = epoll_create1(EPOLL_CLOEXEC), timer = make_timer();
    if (set < 0)
        err(1, "no set of descriptors");
    watch(set, timer);
    for (int i = 0; i < SOURCES; i++) {
        if (weir_attach(&sources[i].consumer, sources[i].channel, WEIR_CONSUMER, 0) != 0)
            errx(1, "no place on channel %d", i);
        watch(set, weir_fd(sources[i].consumer));
    }

    uint64_t ticks = loop(sources, set, timer);
    for (int i = 0; i < SOURCES; i++) {
        printf("channel %d: %u numbers, in order\n", i, sources[i].received);
        weir_detach(sources[i].consumer);
        weir_worker_destroy(sources[i].worker);
        weir_channel_destroy(sources[i].channel);
    }
    printf("the timer ticked %llu times\n", (unsigned long long)ticks);
    close(timer);
    close(set);
    return 0;
}

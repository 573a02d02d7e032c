/* SPDX-License-Identifier: MIT
 *
 * An event loop over two channels: weir_fd gives each consumer a descriptor for epoll, whatever the driver. The rule:
 * receive until WEIR_EAGAIN, which arms the descriptor, and only then wait. Usage: poll_loop [SPEC [SPEC]]
 */
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <weir/weir.h>

enum { SOURCES = 2, NUMBERS = 1000 };

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
        if (i % 250 == 0)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* so that the loop has something to wait for */
        result = weir_send(producer, &i, sizeof i, 0, WEIR_FOREVER);
    }
    weir_detach(producer);
    return result != 0;
}

/* Channels and processes first, for all sources: what is forked inherits what there is. */
static int start(struct source *source, const char *spec)
{
    const struct weir_channel_config config = {.max_message_bytes = sizeof(uint32_t)};
    struct weir_error error;
    int result = weir_channel_create(&source->channel, spec, &config, &error);
    if (result == 0) {
        const struct weir_worker_config worker = {
            .kind = WEIR_PROCESS, .cpu = -1, .body = count_up, .argument = source->channel};
        result = weir_worker_start(&source->worker, &worker, &error);
    }
    if (result != 0)
        fprintf(stderr, "%s\n", error.text);
    return result;
}

/* Takes all that is there. True as long as all is well. */
static bool drain(struct source *source)
{
    while (!source->ended) {
        uint32_t number;
        ssize_t length = weir_recv(source->consumer, &number, sizeof number, WEIR_NOW);
        if (length == WEIR_EAGAIN)
            return true;
        if (length == WEIR_EOF)
            source->ended = true;
        else if (length != sizeof number || number != source->received++)
            return false;
    }
    return true;
}

static bool run_loop(struct source *sources)
{
    bool well = true;
    int set = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < SOURCES && well; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        well = weir_attach(&sources[i].consumer, sources[i].channel, WEIR_CONSUMER, 0) == 0 &&
               epoll_ctl(set, EPOLL_CTL_ADD, weir_fd(sources[i].consumer), &event) == 0;
    }
    while (well && !(sources[0].ended && sources[1].ended)) {
        struct epoll_event events[SOURCES];
        well = drain(&sources[0]) && drain(&sources[1]);
        /* Never for ever: it is weir_recv that looks whether a peer has died. EINTR is a reason to look, too. */
        if (well && !(sources[0].ended && sources[1].ended))
            epoll_wait(set, events, SOURCES, 50);
    }
    close(set);
    return well;
}

int main(int argc, char **argv)
{
    struct source sources[SOURCES] = {0};
    const char *first = argc > 1 ? argv[1] : "shm";
    if (start(&sources[0], first) != 0 || start(&sources[1], argc > 2 ? argv[2] : first) != 0)
        return 1;
    bool well = run_loop(sources);
    for (int i = 0; i < SOURCES; i++) {
        well = well && sources[i].received == NUMBERS;
        printf("channel %d: %u numbers\n", i, sources[i].received);
        weir_detach(sources[i].consumer);
        weir_worker_destroy(sources[i].worker);
        weir_channel_destroy(sources[i].channel);
    }
    return !well;
}

/* SPDX-License-Identifier: MIT
 *
 * The eventfd driver rings only for who waits: the counts of all eventfds are read from /proc/self/fdinfo.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/channel.h>

enum { MOST_DESCRIPTORS = 64, MESSAGES = 1000 };

static struct weir_channel *channel;
static struct weir_endpoint *producer, *consumer;

static int open_channel(void **state)
{
    (void)state;
    const struct weir_channel_config config = {.span = WEIR_SPAN_THREADS};
    if (weir_channel_create(&channel, "eventfd", &config, NULL) != 0)
        return -1;
    return weir_attach(&producer, channel, WEIR_PRODUCER, 0) | weir_attach(&consumer, channel, WEIR_CONSUMER, 0);
}

static int close_channel(void **state)
{
    (void)state;
    weir_detach(producer);
    weir_detach(consumer);
    weir_channel_destroy(channel);
    return 0;
}

/* What was written to all eventfds of this process and not yet read. */
static unsigned long count_rings(void)
{
    unsigned long rings = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        char path[64], line[128];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        FILE *info = fopen(path, "re");
        while (info != NULL && fgets(line, sizeof line, info) != NULL) {
            unsigned long count;
            if (sscanf(line, "eventfd-count: %lx", &count) == 1)
                rings += count;
        }
        if (info != NULL)
            fclose(info);
    }
    return rings;
}

static void send_one(void)
{
    assert_int_equal(weir_send(producer, "message", 8, 0, WEIR_NOW), 0);
}

static void recv_one(void)
{
    char buffer[4096];
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), 8);
}

static ssize_t recv_nothing(void)
{
    char buffer[4096];
    return weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW);
}

static void nobody_rings_while_nobody_waits(void **state)
{
    (void)state;
    for (int i = 0; i < MESSAGES; i++) {
        assert_int_equal(recv_nothing(), WEIR_EAGAIN); /* looking is not waiting */
        send_one();
        recv_one();
    }
    assert_int_equal(count_rings(), 0);
}

static void a_sleep_costs_one_ring(void **state)
{
    (void)state;
    char buffer[4096];
    int64_t deadline_ns = weir_now_ns() + 200000000; /* on one CPU others get some turns before the sleep */
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, deadline_ns), WEIR_ETIMEDOUT);
    for (int i = 0; i < 10; i++)
        send_one();
    assert_int_equal(count_rings(), 1);
    for (int i = 0; i < 10; i++)
        recv_one();
}

static void a_poll_costs_one_ring(void **state)
{
    (void)state;
    struct pollfd ready = {.fd = weir_fd(consumer), .events = POLLIN};
    assert_true(ready.fd >= 0);
    assert_int_equal(recv_nothing(), WEIR_EAGAIN); /* the first one may be rung by itself */
    assert_int_equal(recv_nothing(), WEIR_EAGAIN);
    assert_int_equal(count_rings(), 0);
    assert_int_equal(poll(&ready, 1, 0), 0);
    for (int i = 0; i < 10; i++)
        send_one();
    assert_int_equal(count_rings(), 1);
    assert_int_equal(poll(&ready, 1, 0), 1);
    for (int i = 0; i < 10; i++)
        recv_one();
    assert_int_equal(recv_nothing(), WEIR_EAGAIN);
    assert_int_equal(poll(&ready, 1, 0), 0);
}

/* What lets the first poll pass is gone afterwards, whoever has a copy of it. */
static void a_fork_does_not_keep_a_poller_awake(void **state)
{
    (void)state;
    struct pollfd ready = {.fd = weir_fd(consumer), .events = POLLIN};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(poll(&ready, 1, 0), 1);
    assert_int_equal(recv_nothing(), WEIR_EAGAIN); /* the driver rings the first poller by itself */
    assert_int_equal(recv_nothing(), WEIR_EAGAIN);
    int polled = poll(&ready, 1, 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(polled, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_rings_while_nobody_waits, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(a_sleep_costs_one_ring, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(a_poll_costs_one_ring, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(a_fork_does_not_keep_a_poller_awake, open_channel, close_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

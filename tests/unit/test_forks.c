/* SPDX-License-Identifier: MIT
 *
 * What signals and forks do to an endpoint: a handler may end a call, and a copy is no endpoint.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/channel.h>

static struct weir_channel *make_channel(const char *spec)
{
    struct weir_channel *channel = NULL;
    assert_int_equal(weir_channel_create(&channel, spec, NULL, NULL), WEIR_OK);
    return channel;
}

static struct weir_endpoint *take(struct weir_channel *channel, enum weir_role role)
{
    struct weir_endpoint *endpoint = NULL;
    assert_int_equal(weir_attach(&endpoint, channel, role, 0), WEIR_OK);
    return endpoint;
}

static int64_t in_a_second(void)
{
    return weir_now_ns() + 1000000000;
}

/* ---- signals -------------------------------------------------------------------------------------------------- */

static struct weir_channel *interrupted;

static void shut_down(int number)
{
    (void)number;
    weir_channel_shutdown(interrupted);
}

static void a_signal_handler_may_end_a_call(void **state)
{
    (void)state;
    char buffer[4096];
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    interrupted = make_channel("mutex");
    struct weir_endpoint *consumer = take(interrupted, WEIR_CONSUMER);
    void (*before)(int) = signal(SIGALRM, shut_down);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, WEIR_FOREVER), WEIR_ECANCELED);
    signal(SIGALRM, before);
    weir_detach(consumer);
    weir_channel_destroy(interrupted);
}

/* ---- forks ---------------------------------------------------------------------------------------------------- */

static void expect(struct weir_endpoint *consumer, const char *word)
{
    char buffer[4096] = "";
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), strlen(word));
    assert_memory_equal(buffer, word, strlen(word));
}

static void clean_up_in_a_fork(struct weir_channel *channel, struct weir_endpoint *producer,
                               struct weir_endpoint *consumer)
{
    int status = -1;
    pid_t copy = fork();
    if (copy == 0) {
        weir_detach(producer);
        weir_detach(consumer);
        weir_channel_destroy(channel);
        _exit(0);
    }
    assert_int_equal(waitpid(copy, &status, 0), copy);
    assert_int_equal(status, 0);
}

/* Whoever is forked while an endpoint is attached may clean up as the program does: nothing is sent twice, and nobody
 * takes it for a goodbye. */
static void a_copy_of_an_endpoint_is_no_endpoint(void **state)
{
    (void)state;
    static const char *const specs[] = {"pipe", "shm", "mutex", "eventfd"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        char buffer[4096];
        struct weir_channel *channel = make_channel(specs[i]);
        struct weir_endpoint *producer = take(channel, WEIR_PRODUCER), *consumer = take(channel, WEIR_CONSUMER);
        assert_int_equal(weir_send(producer, "kept", 4, WEIR_MORE, WEIR_NOW), WEIR_OK);
        clean_up_in_a_fork(channel, producer, consumer);
        assert_int_equal(weir_send(producer, "last", 4, 0, WEIR_NOW), WEIR_OK);
        expect(consumer, "kept");
        expect(consumer, "last");
        assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
        weir_detach(producer);
        assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), WEIR_EOF);
        weir_detach(consumer);
        weir_channel_destroy(channel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_handler_may_end_a_call),
        cmocka_unit_test(a_copy_of_an_endpoint_is_no_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

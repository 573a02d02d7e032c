/* SPDX-License-Identifier: MIT
 *
 * Attaching that fails: the module `fault` refuses every second attach, the first one too. The place is then as it was
 * before, whatever that was, and whoever waits at the other end sees no difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include <weir/channel.h>

static char buffer[64];

static struct weir_channel *make_channel(enum weir_span span)
{
    const struct weir_channel_config config = {.max_message_bytes = sizeof buffer, .span = span};
    struct weir_channel *channel = NULL;
    struct weir_error error = {0};
    if (weir_channel_create(&channel, "fault,kind=refuse,every=2", &config, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    return channel;
}

static void refuse(struct weir_channel *channel, enum weir_role role)
{
    struct weir_endpoint *endpoint = NULL;
    assert_int_equal(weir_attach(&endpoint, channel, role, 0), WEIR_ENOMEM);
    assert_null(endpoint);
}

static struct weir_endpoint *take(struct weir_channel *channel, enum weir_role role)
{
    struct weir_endpoint *endpoint = NULL;
    assert_int_equal(weir_attach(&endpoint, channel, role, 0), WEIR_OK);
    return endpoint;
}

static ssize_t hear(struct weir_endpoint *consumer, int64_t patience_ns)
{
    return weir_recv(consumer, buffer, sizeof buffer, patience_ns == 0 ? WEIR_NOW : weir_now_ns() + patience_ns);
}

/* Takes a consumer's place and then a producer's, each at the second attempt. */
static void take_both(struct weir_channel *channel, struct weir_endpoint **ret_consumer,
                      struct weir_endpoint **ret_producer)
{
    refuse(channel, WEIR_CONSUMER);
    *ret_consumer = take(channel, WEIR_CONSUMER);
    refuse(channel, WEIR_PRODUCER);
    *ret_producer = take(channel, WEIR_PRODUCER);
}

static void a_place_never_taken_is_still_to_come(void **state)
{
    (void)state;
    for (int span = WEIR_SPAN_PROCESSES; span <= WEIR_SPAN_THREADS; span++) {
        struct weir_channel *channel = make_channel((enum weir_span)span);
        refuse(channel, WEIR_CONSUMER);
        struct weir_endpoint *consumer = take(channel, WEIR_CONSUMER);
        refuse(channel, WEIR_PRODUCER);
        assert_int_equal(hear(consumer, 0), WEIR_EAGAIN); /* neither an end nor a death */
        struct weir_endpoint *producer = take(channel, WEIR_PRODUCER);
        assert_int_equal(weir_send(producer, "first", 5, 0, WEIR_NOW), WEIR_OK);
        assert_int_equal(hear(consumer, 0), 5);
        weir_detach(producer);
        weir_detach(consumer);
        weir_channel_destroy(channel);
    }
}

static void a_place_left_stays_left(void **state)
{
    (void)state;
    struct weir_channel *channel = make_channel(WEIR_SPAN_THREADS);
    struct weir_endpoint *consumer, *producer;
    take_both(channel, &consumer, &producer);
    weir_detach(producer);
    assert_int_equal(hear(consumer, 0), WEIR_EOF);
    refuse(channel, WEIR_PRODUCER);
    assert_int_equal(hear(consumer, 0), WEIR_EOF);
    weir_detach(consumer);
    producer = take(channel, WEIR_PRODUCER);
    assert_int_equal(weir_send(producer, "x", 1, 0, WEIR_NOW), WEIR_EPIPE);
    refuse(channel, WEIR_CONSUMER);
    assert_int_equal(weir_send(producer, "x", 1, 0, WEIR_NOW), WEIR_EPIPE);
    consumer = take(channel, WEIR_CONSUMER);
    assert_int_equal(weir_send(producer, "x", 1, 0, WEIR_NOW), WEIR_OK);
    assert_int_equal(hear(consumer, 0), 1);
    weir_detach(producer);
    weir_detach(consumer);
    weir_channel_destroy(channel);
}

struct deserter {
    struct weir_channel *channel;
    struct weir_endpoint *abandoned;
};

static struct deserter deserter; /* reachable at exit: what the dead held is leaked by design */

static void *desert(void *argument)
{
    struct deserter *self = argument;
    return weir_attach(&self->abandoned, self->channel, WEIR_PRODUCER, 0) == WEIR_OK ? self : NULL;
}

static void the_place_of_the_dead_stays_theirs(void **state)
{
    (void)state;
    pthread_t thread;
    void *result;
    struct weir_channel *channel = make_channel(WEIR_SPAN_THREADS);
    refuse(channel, WEIR_CONSUMER);
    struct weir_endpoint *consumer = take(channel, WEIR_CONSUMER);
    refuse(channel, WEIR_PRODUCER);
    deserter.channel = channel;
    assert_int_equal(pthread_create(&thread, NULL, desert, &deserter), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &deserter);
    refuse(channel, WEIR_PRODUCER); /* which notices the death */
    assert_int_equal(hear(consumer, 1000000000), WEIR_EPEERDIED);
    assert_int_equal(hear(consumer, 0), WEIR_EPEERDIED);
    struct weir_endpoint *heir = take(channel, WEIR_PRODUCER);
    assert_int_equal(hear(consumer, 0), WEIR_EAGAIN);
    weir_detach(heir);
    weir_detach(consumer);
    weir_channel_destroy(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_never_taken_is_still_to_come),
        cmocka_unit_test(a_place_left_stays_left),
        cmocka_unit_test(the_place_of_the_dead_stays_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Unit tests of the roster: who counts as there, as gone and as dead. What the conformance suite checks with processes
 * and for every driver is not repeated; here it is threads that end without a goodbye, and who is told how often.
 * Every assertion is made in the main thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include <weir/channel.h>

enum { CONTENDERS = 4, CONTESTS = 50 };

static struct weir_channel *make_channel(uint32_t producers, uint32_t consumers)
{
    const struct weir_channel_config config = {
        .producers = producers, .consumers = consumers, .span = WEIR_SPAN_THREADS};
    struct weir_channel *channel = NULL;
    assert_int_equal(weir_channel_create(&channel, "mutex", &config, NULL), WEIR_OK);
    return channel;
}

static struct weir_endpoint *take(struct weir_channel *channel, enum weir_role role, uint32_t index)
{
    struct weir_endpoint *endpoint = NULL;
    assert_int_equal(weir_attach(&endpoint, channel, role, index), WEIR_OK);
    return endpoint;
}

static int64_t in_a_second(void)
{
    return weir_now_ns() + 1000000000;
}

/* ---- threads that end without a goodbye -------------------------------------------------------------------- */

struct deserter {
    struct weir_channel *channel;
    enum weir_role role;
    uint32_t index;
    struct weir_endpoint *abandoned;
    int result;
};

static void *desert(void *argument)
{
    struct deserter *self = argument;
    self->result = weir_attach(&self->abandoned, self->channel, self->role, self->index);
    if (self->result == WEIR_OK && self->role == WEIR_PRODUCER) {
        self->result = weir_send(self->abandoned, "last", 4, 0, WEIR_FOREVER);
    }
    return NULL;
}

/* A thread that takes the place, sends one message if it can, and ends. Its memory is leaked by design, as that of the
 * dead is: the caller keeps the pointer, so that no leak is reported. */
static struct deserter run_deserter(struct weir_channel *channel, enum weir_role role, uint32_t index)
{
    struct deserter deserter = {.channel = channel, .role = role, .index = index};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, desert, &deserter), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(deserter.result, WEIR_OK);
    return deserter;
}

static struct weir_endpoint *volatile abandoned[8]; /* still reachable at exit */

static void a_thread_that_ends_without_goodbye_has_died(void **state)
{
    (void)state;
    char buffer[8];
    struct weir_channel *channel = make_channel(1, 1);
    struct weir_endpoint *consumer = take(channel, WEIR_CONSUMER, 0);
    abandoned[0] = run_deserter(channel, WEIR_PRODUCER, 0).abandoned;
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), 4);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), WEIR_EPEERDIED);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EPEERDIED);
    weir_detach(consumer);
    weir_channel_destroy(channel);
}

static void a_sender_learns_of_a_consumer_that_died(void **state)
{
    (void)state;
    struct weir_channel *channel = make_channel(1, 1);
    struct weir_endpoint *producer = take(channel, WEIR_PRODUCER, 0);
    abandoned[1] = run_deserter(channel, WEIR_CONSUMER, 0).abandoned;
    int result;
    do {
        result = weir_send(producer, "x", 1, 0, in_a_second());
    } while (result == WEIR_OK);
    assert_int_equal(result, WEIR_EPEERDIED);
    weir_detach(producer);
    weir_channel_destroy(channel);
}

static void who_never_waits_learns_of_a_death_too(void **state)
{
    (void)state;
    char buffer[8];
    const struct timespec pause = {.tv_nsec = 1000000};
    struct weir_channel *channel = make_channel(1, 1);
    struct weir_endpoint *consumer = take(channel, WEIR_CONSUMER, 0);
    abandoned[2] = run_deserter(channel, WEIR_PRODUCER, 0).abandoned;
    ssize_t result;
    int64_t give_up_ns = in_a_second();
    do {
        result = weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW);
        nanosleep(&pause, NULL);
    } while ((result == WEIR_EAGAIN || result == 4) && weir_now_ns() < give_up_ns);
    assert_int_equal(result, WEIR_EPEERDIED);
    weir_detach(consumer);
    weir_channel_destroy(channel);
}

static void each_consumer_is_told_once_of_each_death(void **state)
{
    (void)state;
    char buffer[8];
    struct weir_channel *channel = make_channel(3, 2);
    struct weir_endpoint *first = take(channel, WEIR_CONSUMER, 0);
    struct weir_endpoint *second = take(channel, WEIR_CONSUMER, 1);
    struct weir_endpoint *survivor = take(channel, WEIR_PRODUCER, 2);
    for (uint32_t i = 0; i < 2; i++) {
        abandoned[3 + i] = run_deserter(channel, WEIR_PRODUCER, i).abandoned;
        assert_int_equal(weir_recv(first, buffer, sizeof buffer, in_a_second()), 4);
        assert_int_equal(weir_recv(first, buffer, sizeof buffer, in_a_second()), WEIR_EPEERDIED);
        assert_int_equal(weir_recv(second, buffer, sizeof buffer, in_a_second()), WEIR_EPEERDIED);
        assert_int_equal(weir_recv(first, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
        assert_int_equal(weir_recv(second, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    }
    assert_int_equal(weir_send(survivor, "more", 4, 0, WEIR_NOW), WEIR_OK);
    assert_int_equal(weir_recv(second, buffer, sizeof buffer, in_a_second()), 4);
    weir_detach(survivor);
    assert_int_equal(weir_recv(first, buffer, sizeof buffer, in_a_second()), WEIR_EPEERDIED); /* not a clean end */
    weir_detach(first);
    weir_detach(second);
    weir_channel_destroy(channel);
}

static void who_comes_after_a_death_is_not_told(void **state)
{
    (void)state;
    char buffer[8];
    struct weir_channel *channel = make_channel(2, 2);
    struct weir_endpoint *early = take(channel, WEIR_CONSUMER, 0);
    struct weir_endpoint *survivor = take(channel, WEIR_PRODUCER, 1);
    abandoned[5] = run_deserter(channel, WEIR_PRODUCER, 0).abandoned;
    assert_int_equal(weir_recv(early, buffer, sizeof buffer, in_a_second()), 4);
    assert_int_equal(weir_recv(early, buffer, sizeof buffer, in_a_second()), WEIR_EPEERDIED);
    struct weir_endpoint *late = take(channel, WEIR_CONSUMER, 1);
    assert_int_equal(weir_recv(late, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN);
    weir_detach(survivor);
    weir_detach(early);
    weir_detach(late);
    weir_channel_destroy(channel);
}

/* ---- places ------------------------------------------------------------------------------------------------ */

static void the_place_of_the_dead_is_free(void **state)
{
    (void)state;
    char buffer[8];
    struct weir_channel *channel = make_channel(1, 1);
    struct weir_endpoint *consumer = take(channel, WEIR_CONSUMER, 0);
    abandoned[6] = run_deserter(channel, WEIR_PRODUCER, 0).abandoned;
    struct weir_endpoint *heir = take(channel, WEIR_PRODUCER, 0); /* nobody had noticed the death before */
    assert_int_equal(weir_send(heir, "heir", 4, 0, WEIR_NOW), WEIR_OK);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), 4);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), 4);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, in_a_second()), WEIR_EPEERDIED);
    assert_int_equal(weir_recv(consumer, buffer, sizeof buffer, WEIR_NOW), WEIR_EAGAIN); /* the heir lives */
    weir_detach(heir);
    weir_detach(consumer);
    weir_channel_destroy(channel);
}

struct contest {
    struct weir_channel *channel;
    pthread_barrier_t *start;
    pthread_barrier_t *end;
    atomic_int *winners;
    atomic_int *losers;
};

static void *contend(void *argument)
{
    struct contest *contest = argument;
    for (int i = 0; i < CONTESTS; i++) {
        struct weir_endpoint *endpoint = NULL;
        pthread_barrier_wait(contest->start);
        int result = weir_attach(&endpoint, contest->channel, WEIR_PRODUCER, 0);
        atomic_fetch_add(result == WEIR_OK ? contest->winners : contest->losers,
                         result == WEIR_OK || result == WEIR_EBUSY);
        pthread_barrier_wait(contest->end);
        weir_detach(endpoint);
    }
    return NULL;
}

static void of_many_that_want_one_place_one_gets_it(void **state)
{
    (void)state;
    pthread_t threads[CONTENDERS];
    pthread_barrier_t start;
    pthread_barrier_t end;
    atomic_int winners = 0;
    atomic_int losers = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, CONTENDERS), 0);
    assert_int_equal(pthread_barrier_init(&end, NULL, CONTENDERS), 0);
    struct contest contest = {make_channel(1, 1), &start, &end, &winners, &losers};
    for (int i = 0; i < CONTENDERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, contend, &contest), 0);
    }
    for (int i = 0; i < CONTENDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(winners, CONTESTS);
    assert_int_equal(losers, (CONTENDERS - 1) * CONTESTS);
    weir_channel_destroy(contest.channel);
    pthread_barrier_destroy(&start);
    pthread_barrier_destroy(&end);
}

/* ---- a consumer that sleeps in the driver -------------------------------------------------------------------- */

enum { GOODBYES = 12, ASLEEP_NS = 3000000, HALF_A_SLICE_NS = 12500000 };

struct listener {
    struct weir_channel *channel;
    _Atomic int is_ready;
    int64_t ended_ns;
    ssize_t result;
};

static void *listen_to_the_end(void *argument)
{
    struct listener *self = argument;
    struct weir_endpoint *endpoint = NULL;
    char message[64];
    self->result = weir_attach(&endpoint, self->channel, WEIR_CONSUMER, 0);
    atomic_store(&self->is_ready, 1);
    while (self->result >= 0)
        self->result = weir_recv(endpoint, message, sizeof message, WEIR_FOREVER);
    self->ended_ns = weir_now_ns();
    weir_detach(endpoint);
    return NULL;
}

/* How long a consumer of packets that sleeps in recv does not know of the end. */
static int64_t time_an_end(bool is_shutdown)
{
    const struct weir_channel_config config = {.max_message_bytes = 64, .span = WEIR_SPAN_THREADS};
    struct listener listener = {0};
    pthread_t thread;
    assert_int_equal(weir_channel_create(&listener.channel, "unix,wait=block", &config, NULL), WEIR_OK);
    struct weir_endpoint *producer = take(listener.channel, WEIR_PRODUCER, 0);
    assert_int_equal(pthread_create(&thread, NULL, listen_to_the_end, &listener), 0);
    while (!atomic_load(&listener.is_ready))
        ;
    nanosleep(&(struct timespec){.tv_nsec = ASLEEP_NS}, NULL);
    int64_t begin_ns = weir_now_ns();
    if (is_shutdown)
        weir_channel_shutdown(listener.channel);
    else
        weir_detach(producer);
    pthread_join(thread, NULL);
    if (is_shutdown)
        weir_detach(producer);
    weir_channel_destroy(listener.channel);
    assert_int_equal(listener.result, is_shutdown ? WEIR_ECANCELED : WEIR_EOF);
    return listener.ended_ns - begin_ns;
}

/* Who is not told at once learns it at the end of a slice, nearly a whole one later. */
static void a_consumer_asleep_in_the_driver_is_told_of_the_end(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        int64_t least_ns = INT64_MAX;
        for (int i = 0; i < GOODBYES; i++) {
            int64_t took_ns = time_an_end(kind == 0);
            least_ns = took_ns < least_ns ? took_ns : least_ns;
        }
        assert_true(least_ns < HALF_A_SLICE_NS);
    }
}

/* ---- a consumer that has slept for each message --------------------------------------------------------------- */

enum { SLEPT_FOR = 8, MORE = 2 };

struct slow_sender {
    struct weir_channel *channel;
    _Atomic int has_sent, may_leave; /* whose leaving is news, and is looked for */
    int result;
};

static void await(_Atomic int *flag)
{
    while (!atomic_load(flag))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

static void *send_slowly(void *argument)
{
    struct slow_sender *self = argument;
    struct weir_endpoint *endpoint = NULL;
    self->result = weir_attach(&endpoint, self->channel, WEIR_PRODUCER, 0);
    for (int i = 0; i < SLEPT_FOR + MORE && self->result == WEIR_OK; i++) {
        if (i < SLEPT_FOR)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        self->result = weir_send(endpoint, "one", 3, 0, WEIR_FOREVER);
    }
    atomic_store(&self->has_sent, 1);
    await(&self->may_leave);
    weir_detach(endpoint);
    return NULL;
}

static void what_is_there_is_had_without_waiting(void **state)
{
    (void)state;
    const struct weir_channel_config config = {.max_message_bytes = 64, .span = WEIR_SPAN_THREADS};
    static const char *const specs[] = {"unix,wait=block", "pipe,wait=block", "unix,type=stream,wait=block"};
    char message[64];
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct slow_sender sender = {0};
        pthread_t thread;
        assert_int_equal(weir_channel_create(&sender.channel, specs[i], &config, NULL), WEIR_OK);
        struct weir_endpoint *consumer = take(sender.channel, WEIR_CONSUMER, 0);
        assert_int_equal(pthread_create(&thread, NULL, send_slowly, &sender), 0);
        for (int j = 0; j < SLEPT_FOR; j++)
            assert_int_equal(weir_recv(consumer, message, sizeof message, in_a_second()), 3);
        await(&sender.has_sent);
        ssize_t now = weir_recv(consumer, message, sizeof message, WEIR_NOW);
        ssize_t too_late = weir_recv(consumer, message, sizeof message, weir_now_ns());
        atomic_store(&sender.may_leave, 1);
        pthread_join(thread, NULL);
        assert_int_equal(sender.result, WEIR_OK);
        assert_int_equal(now, 3);
        assert_int_equal(too_late, 3);
        assert_int_equal(weir_recv(consumer, message, sizeof message, WEIR_NOW), WEIR_EOF);
        weir_detach(consumer);
        weir_channel_destroy(sender.channel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_ends_without_goodbye_has_died),
        cmocka_unit_test(a_sender_learns_of_a_consumer_that_died),
        cmocka_unit_test(who_never_waits_learns_of_a_death_too),
        cmocka_unit_test(each_consumer_is_told_once_of_each_death),
        cmocka_unit_test(who_comes_after_a_death_is_not_told),
        cmocka_unit_test(the_place_of_the_dead_is_free),
        cmocka_unit_test(of_many_that_want_one_place_one_gets_it),
        cmocka_unit_test(a_consumer_asleep_in_the_driver_is_told_of_the_end),
        cmocka_unit_test(what_is_there_is_had_without_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

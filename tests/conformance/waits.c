/* SPDX-License-Identifier: MIT
 *
 * Cases about waiting: each policy, on several CPUs and on one, and calls that signals interrupt.
 */
#include "conformance.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUND_TRIPS = 500,
    SPUN_ROUND_TRIPS = 50, /* with more spinners than CPUs each may cost time slices */
    PINGPONG_S = 8,        /* some 100 times what they take when the CPUs are free */
    INTERRUPTED = 2000,
};

/* ---- ping-pong by each policy ------------------------------------------------------------------------------ */

static struct weir_endpoint *attach_back(struct actor *self, enum weir_role role)
{
    struct weir_endpoint *endpoint = NULL;
    EXPECT(weir_attach(&endpoint, self->scene->back, role, 0), WEIR_OK);
    return endpoint;
}

static uint64_t round_trips(const struct scene *scene)
{
    return scene->info.wait == WEIR_WAIT_SPIN ? SPUN_ROUND_TRIPS : ROUND_TRIPS;
}

static void ping(struct actor *self)
{
    struct weir_endpoint *back = attach_back(self, WEIR_CONSUMER);
    for (uint64_t i = 0; i < round_trips(self->scene); i++) {
        SEND(self->endpoint, i, 64);
        RECV(back, i, 64);
    }
    weir_detach(back);
}

static void pong(struct actor *self)
{
    struct weir_endpoint *back = attach_back(self, WEIR_PRODUCER);
    for (uint64_t i = 0; i < round_trips(self->scene); i++) {
        RECV(self->endpoint, i, 64);
        SEND(back, i, 64);
    }
    weir_detach(back);
}

static void pingpong(struct scene *scene, enum weir_wait wait)
{
    static const char *const names[] = {"default", "block", "spin", "adaptive"};
    char spec[512];
    if (strstr(scene->spec, "wait=") != NULL) {
        skip("the spec itself chooses how to wait");
    }
    snprintf(spec, sizeof spec, "%s,wait=%s", scene->spec, names[wait]);
    struct weir_channel_config config = {.max_message_bytes = 64};
    scene->spec = spec;
    open_channel(scene, &config);
    EXPECT(scene->info.wait, wait);
    scene->back = create_channel(scene, spec, &config);
    mark_event();
    start_workers(scene, ping, pong);
    join_workers(scene);
    require_soon(HERE, PINGPONG_S * SECOND_NS); /* lost wake-ups show here */
}

static void wait_block(struct scene *scene)
{
    pingpong(scene, WEIR_WAIT_BLOCK);
}

static void wait_spin(struct scene *scene)
{
    pingpong(scene, WEIR_WAIT_SPIN);
}

static void wait_adaptive(struct scene *scene)
{
    pingpong(scene, WEIR_WAIT_ADAPTIVE);
}

static void use_one_cpu(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity: %s", strerror(errno));
}

static void one_cpu_block(struct scene *scene)
{
    use_one_cpu();
    pingpong(scene, WEIR_WAIT_BLOCK);
}

static void one_cpu_spin(struct scene *scene)
{
    use_one_cpu();
    pingpong(scene, WEIR_WAIT_SPIN);
}

static void one_cpu_adaptive(struct scene *scene)
{
    use_one_cpu();
    pingpong(scene, WEIR_WAIT_ADAPTIVE);
}

/* ---- interrupted calls ------------------------------------------------------------------------------------- */

static void ignore(int signal_number)
{
    (void)signal_number;
}

/* A signal every millisecond, to this very thread. */
static timer_t start_interrupting(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    event._sigev_un._tid = gettid();
    struct itimerspec every_ms = {.it_interval.tv_nsec = MILLISECOND_NS, .it_value.tv_nsec = MILLISECOND_NS};
    timer_t timer;
    REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &every_ms, NULL) == 0,
            "timer: %s", strerror(errno));
    return timer;
}

static void send_interrupted(struct actor *self)
{
    timer_t timer = start_interrupting();
    nap(15 * MILLISECOND_NS); /* the consumer blocks */
    for (uint64_t i = 0; i < INTERRUPTED; i++) {
        SEND(self->endpoint, i, message_length(i, 512));
    }
    timer_delete(timer);
}

static void recv_interrupted(struct actor *self)
{
    unsigned char byte;
    timer_t timer = start_interrupting();
    for (uint64_t i = 0; i < INTERRUPTED; i++) {
        if (i == INTERRUPTED / 4) {
            nap(15 * MILLISECOND_NS); /* the producer blocks */
        }
        RECV(self->endpoint, i, message_length(i, 512));
    }
    EXPECT(weir_recv(self->endpoint, &byte, sizeof byte, WEIR_FOREVER), WEIR_EOF);
    timer_delete(timer);
}

static void eintr(struct scene *scene)
{
    struct sigaction action = {.sa_handler = ignore}; /* no SA_RESTART */
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction: %s", strerror(errno));
    open_channel(scene, &(struct weir_channel_config){.max_message_bytes = 512});
    start_workers(scene, send_interrupted, recv_interrupted);
}

const struct conformance_case waiting_cases[] = {
    {"wait_block", "500 round trips with wait=block", PAIRINGS, false, wait_block},
    {"wait_spin", "50 round trips with wait=spin", PAIRINGS, false, wait_spin},
    {"wait_adaptive", "500 round trips with wait=adaptive", PAIRINGS, false, wait_adaptive},
    {"one_cpu_block", "500 round trips with wait=block, both ends on one CPU", PAIRINGS, false, one_cpu_block},
    {"one_cpu_spin", "50 round trips with wait=spin, both ends on one CPU", PAIRINGS, false, one_cpu_spin},
    {"one_cpu_adaptive", "500 round trips with wait=adaptive, both ends on one CPU", PAIRINGS, false, one_cpu_adaptive},
    {"eintr", "a signal every millisecond: no call returns early and nothing is lost", PAIRINGS, false, eintr},
    {0},
};

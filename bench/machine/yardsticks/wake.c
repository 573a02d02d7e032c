/* SPDX-License-Identifier: MIT
 *
 * Sleeping and waking, by futex: the switch from one to the other on one CPU, and the wake of a sleeper on another CPU,
 * between threads and between processes. Nothing is subtracted and nothing halved: each figure says which calls it
 * holds. All sleeps have a time limit, as they have in any channel that is to notice a death.
 */
#include "yard.h"

#include <limits.h>
#include <linux/futex.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Long enough for the other CPU to have found nothing else to do and to have gone idle. */
#define REST_NS 50000

/* Of each time that is counted in a batch. */
#define ROUNDS 16

struct couch {
    _Alignas(128) _Atomic uint32_t turn;  /* even: the measuring thread's; odd: the partner's */
    _Alignas(128) _Atomic uint32_t lying; /* the sleeper is about to sleep for this turn */
    _Atomic int64_t woken_ns;             /* when it ran again */
    int64_t give_up_ns;
    bool between_processes;
};

static int scope_of(const struct couch *couch)
{
    return couch->between_processes ? 0 : FUTEX_PRIVATE_FLAG;
}

/* A lost wake-up cannot be, but the partner may never be let run. */
static void sleep_while(struct couch *couch, uint32_t turn)
{
    const struct timespec slice = {.tv_nsec = 50000000};
    syscall(SYS_futex, &couch->turn, FUTEX_WAIT | scope_of(couch), turn, &slice, NULL, 0);
}

static long wake(struct couch *couch)
{
    return syscall(SYS_futex, &couch->turn, FUTEX_WAKE | scope_of(couch), 1, NULL, NULL, 0);
}

/* ---- both sides sleep ---------------------------------------------------------------------------------------- */

static bool hand_over(struct couch *couch, uint32_t turn)
{
    atomic_store(&couch->turn, turn);
    wake(couch);
    while (atomic_load(&couch->turn) == turn) {
        sleep_while(couch, turn);
        if (clock_now_ns() > couch->give_up_ns)
            return false;
    }
    return true;
}

/* Some wakes take much longer than most. So a batch holds several rounds even where one is as long as a batch: its mean
 * is what a series of round trips comes to. */
static int64_t take_turns(void *state, unsigned times)
{
    struct couch *couch = state;
    uint32_t turn = atomic_load(&couch->turn);
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times * ROUNDS; i++, turn += 2)
        if (!hand_over(couch, turn + 1))
            return -1;
    return (clock_now_ns() - begin) / ROUNDS;
}

static void answer_turns(void *state)
{
    struct couch *couch = state;
    while (atomic_load(&couch->turn) == 0)
        sleep_while(couch, 0);
    for (uint32_t turn = 2; hand_over(couch, turn); turn += 2)
        ;
}

double yard_wake_round(const struct yard *yard)
{
    static struct couch couch;
    couch.give_up_ns = yard_patience(yard);
    if (yard_partner(yard, answer_turns, &couch) != 0)
        return NAN;
    return yard_repeat(yard, take_turns, &couch);
}

/* The kernel finds a futex that processes share by its page, and changes the address space at each switch. */
double yard_wake_processes(const struct yard *yard)
{
    struct couch *couch = mmap(NULL, sizeof *couch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (couch == MAP_FAILED)
        return NAN;
    couch->between_processes = true;
    couch->give_up_ns = yard_patience(yard);
    if (yard_partner_process(yard, answer_turns, couch) != 0)
        return NAN;
    return yard_repeat(yard, take_turns, couch);
}

/* The same on one CPU: two that take turns make two switches a round, one after the other, so one switch is the time
 * over their number. Each holds the futex_wake of the other and the futex_wait that leaves it the CPU. */
static double one_switch(const struct yard *yard, double (*round)(const struct yard *yard))
{
    struct yard same = *yard;
    same.cpu_b = yard->cpu_a;
    return round(&same) / 2;
}

double yard_switch(const struct yard *yard)
{
    return one_switch(yard, yard_wake_round);
}

double yard_switch_processes(const struct yard *yard)
{
    return one_switch(yard, yard_wake_processes);
}

/* ---- one sleeper --------------------------------------------------------------------------------------------- */

static bool is_time_left(const struct couch *couch)
{
    return clock_now_ns() < couch->give_up_ns;
}

/* One wake of a sleeper that has had its rest; the time until it runs, or -1. Where it had not yet gone to sleep, the
 * wake finds nobody, and is tried again with the next turn. */
static int64_t wake_once(struct couch *couch)
{
    for (long found = 0; is_time_left(couch);) {
        uint32_t turn = atomic_load(&couch->turn);
        if (!yard_await(&couch->lying, turn, couch->give_up_ns))
            return -1;
        for (int64_t rested = clock_now_ns() + REST_NS; clock_now_ns() < rested;)
            ;
        int64_t begin = clock_now_ns();
        atomic_store(&couch->turn, turn + 1);
        found = wake(couch);
        if (!yard_await(&couch->lying, turn + 1, couch->give_up_ns))
            return -1;
        if (found == 1)
            return atomic_load(&couch->woken_ns) - begin;
    }
    return -1;
}

static int64_t wake_often(void *state, unsigned times)
{
    int64_t all = 0;
    for (unsigned i = 0; i < times; i++) {
        int64_t took = wake_once(state);
        if (took < 0)
            return -1;
        all += took;
    }
    return all;
}

static void lie(void *state)
{
    struct couch *couch = state;
    for (uint32_t turn = 0; is_time_left(couch); turn++) {
        atomic_store(&couch->lying, turn); /* the waker sees woken_ns of the turn before */
        while (atomic_load(&couch->turn) == turn && is_time_left(couch))
            sleep_while(couch, turn);
        atomic_store(&couch->woken_ns, clock_now_ns());
    }
}

/* One way: from just before the futex_wake (with the store that goes with it) until the sleeper, woken on the other
 * CPU, is back from futex_wait and reads the clock. Both read the same clock. */
double yard_wake(const struct yard *yard)
{
    static struct couch couch = {.lying = UINT32_MAX};
    couch.give_up_ns = yard_patience(yard);
    if (yard_partner(yard, lie, &couch) != 0)
        return NAN;
    return yard_repeat(yard, wake_often, &couch);
}

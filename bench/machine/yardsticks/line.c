/* SPDX-License-Identifier: MIT
 *
 * Cache lines between two CPUs: the round trip of one.
 */
#include "yard.h"

#include <math.h>

/* One line, and its neighbour, which some CPUs fetch along with it. */
struct ball {
    _Alignas(128) _Atomic uint32_t turn; /* even: the measuring thread's; odd: the partner's */
    _Alignas(128) int64_t give_up_ns;
};

/* ---- by store and load --------------------------------------------------------------------------------------- */

/* Plain loads and stores: neither side needs more than that the other sees its stores in time. */
static int pass_by_store(void *state, unsigned times)
{
    struct ball *ball = state;
    uint32_t turn = atomic_load_explicit(&ball->turn, memory_order_relaxed);
    for (unsigned i = 0; i < times; i++) {
        atomic_store_explicit(&ball->turn, turn + 1, memory_order_release); /* pairs with the partner's await */
        turn += 2;
        if (!yard_await(&ball->turn, turn, ball->give_up_ns))
            return -1;
    }
    return 0;
}

static void return_by_store(void *state)
{
    struct ball *ball = state;
    for (uint32_t turn = 1; yard_await(&ball->turn, turn, ball->give_up_ns); turn += 2)
        atomic_store_explicit(&ball->turn, turn + 1, memory_order_release); /* pairs with pass_by_store's await */
}

/* ---- by compare-and-swap ------------------------------------------------------------------------------------- */

static bool swap(struct ball *ball, uint32_t turn)
{
    do {
        for (int tries = 0; tries < 4096; tries++) {
            uint32_t expected = turn;
            if (atomic_compare_exchange_strong(&ball->turn, &expected, turn + 1))
                return true;
        }
    } while (clock_now_ns() < ball->give_up_ns);
    return false;
}

static int pass_by_swap(void *state, unsigned times)
{
    static uint32_t turn;
    for (unsigned i = 0; i < times; i++, turn += 2)
        if (!swap(state, turn))
            return -1;
    return 0;
}

static void return_by_swap(void *state)
{
    for (uint32_t turn = 1; swap(state, turn); turn += 2)
        ;
}

/* ---- both ---------------------------------------------------------------------------------------------------- */

static double play(const struct yard *yard, int (*pass)(void *, unsigned), void (*answer)(void *))
{
    static struct ball ball;
    ball.give_up_ns = yard_patience(yard);
    if (yard_partner(yard, answer, &ball) != 0)
        return NAN;
    return yard_repeat(yard, pass, &ball);
}

static double by_store(const struct yard *yard)
{
    return play(yard, pass_by_store, return_by_store);
}

static double by_swap(const struct yard *yard)
{
    return play(yard, pass_by_swap, return_by_swap);
}

static double between(double (*measure)(const struct yard *), int cpu_a, int cpu_b, int64_t for_ns)
{
    const struct yard yard = {.cpu_a = cpu_a, .cpu_b = cpu_b, .for_ns = for_ns};
    return cpu_a < 0 || cpu_b < 0 || cpu_a == cpu_b ? NAN : yard_run(measure, &yard);
}

double yardstick_line_ns(int cpu_a, int cpu_b, int64_t for_ns)
{
    return between(by_store, cpu_a, cpu_b, for_ns);
}

double yardstick_line_cas_ns(int cpu_a, int cpu_b, int64_t for_ns)
{
    return between(by_swap, cpu_a, cpu_b, for_ns);
}

/* SPDX-License-Identifier: MIT
 *
 * Clocks: what a read costs, and how far the clocks of two CPUs are apart.
 */
#include "yard.h"

#include <math.h>
#include <time.h>

/* ---- reads --------------------------------------------------------------------------------------------------- */

static int64_t read_often(void *state, unsigned times)
{
    clockid_t id = *(const clockid_t *)state;
    struct timespec now;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++)
        clock_gettime(id, &now);
    return clock_now_ns() - begin;
}

static double read_clock(const struct yard *yard, clockid_t id)
{
    return yard_repeat(yard, read_often, &id);
}

double yard_clock_monotonic(const struct yard *yard)
{
    return read_clock(yard, CLOCK_MONOTONIC);
}

double yard_clock_raw(const struct yard *yard)
{
    return read_clock(yard, CLOCK_MONOTONIC_RAW);
}

double yard_clock_thread(const struct yard *yard)
{
    return read_clock(yard, CLOCK_THREAD_CPUTIME_ID);
}

#if defined(__x86_64__)

static int64_t read_counter(void *state, unsigned times)
{
    uint64_t sum = 0;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++)
        sum += __rdtsc();
    *(volatile uint64_t *)state = sum;
    return clock_now_ns() - begin;
}

double yard_clock_counter(const struct yard *yard)
{
    uint64_t sum;
    return yard_repeat(yard, read_counter, &sum);
}

#else

double yard_clock_counter(const struct yard *yard)
{
    (void)yard;
    return NAN;
}

#endif

/* ---- skew ---------------------------------------------------------------------------------------------------- */

/* The partner's clock, read between two reads of one's own, lies between them: b - end <= offset <= b - begin. Each
 * exchange narrows the interval; the least disturbed ones do most (F. Cristian, "Probabilistic clock synchronization",
 * Distributed Computing 3, 1989). So it holds as long as the offset does not change while this runs. */
struct exchange {
    _Alignas(128) _Atomic uint32_t turn; /* even: the measuring thread's; odd: the partner's */
    _Atomic int64_t theirs_ns;           /* on the same line: it travels with the turn */
    _Alignas(128) int64_t give_up_ns;
    int64_t least_ns, most_ns; /* of partner's clock less one's own */
};

static int64_t compare_clocks(void *state, unsigned times)
{
    struct exchange *exchange = state;
    uint32_t turn = atomic_load(&exchange->turn);
    int64_t start = clock_now_ns();
    for (unsigned i = 0; i < times; i++) {
        int64_t begin = clock_now_ns();
        atomic_store_explicit(&exchange->turn, turn + 1, memory_order_release); /* pairs with tell_clock */
        turn += 2;
        if (!yard_await(&exchange->turn, turn, exchange->give_up_ns))
            return -1;
        int64_t end = clock_now_ns(), theirs = atomic_load_explicit(&exchange->theirs_ns, memory_order_relaxed);
        if (theirs - end > exchange->least_ns)
            exchange->least_ns = theirs - end;
        if (theirs - begin < exchange->most_ns)
            exchange->most_ns = theirs - begin;
    }
    return clock_now_ns() - start;
}

static void tell_clock(void *state)
{
    struct exchange *exchange = state;
    for (uint32_t turn = 1; yard_await(&exchange->turn, turn, exchange->give_up_ns); turn += 2) {
        atomic_store_explicit(&exchange->theirs_ns, clock_now_ns(), memory_order_relaxed);
        atomic_store_explicit(&exchange->turn, turn + 1, memory_order_release); /* pairs with compare_clocks */
    }
}

static bool exchange_clocks(const struct yard *yard, struct exchange *exchange)
{
    exchange->give_up_ns = yard_patience(yard);
    exchange->least_ns = INT64_MIN;
    exchange->most_ns = INT64_MAX;
    return yard_partner(yard, tell_clock, exchange) == 0 && isfinite(yard_repeat(yard, compare_clocks, exchange));
}

/* The middle of the interval. */
double yard_skew(const struct yard *yard)
{
    static struct exchange exchange;
    return exchange_clocks(yard, &exchange) ? (double)(exchange.least_ns + exchange.most_ns) / 2 : NAN;
}

/* Its end that is farther from zero: the clocks are no further apart than this. */
double yard_skew_bound(const struct yard *yard)
{
    static struct exchange exchange;
    if (!exchange_clocks(yard, &exchange))
        return NAN;
    return fmax(fabs((double)exchange.least_ns), fabs((double)exchange.most_ns));
}

/* SPDX-License-Identifier: MIT
 *
 * Calibrating the clock, and what it can show.
 */
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Each end of the comparison is known to about 50 ns: over 20 ms that is 5 parts in a million. */
#define CALIBRATION_NS INT64_C(20000000)

struct clock clock_in_use;
_Thread_local uint64_t clock_reads;

static struct clock_facts facts = {.source = "CLOCK_MONOTONIC_RAW"};

/* ---- the counter --------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)

static bool kernel_trusts_counter(void)
{
    char source[32] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL)
        return false;
    const char *got = fgets(source, sizeof source, file);
    fclose(file);
    return got != NULL && strcmp(source, "tsc\n") == 0;
}

static bool counter_is_invariant(void)
{
    unsigned a, b, c, d = 0;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
}

/* One instant on both clocks: of several tries the one that was least disturbed. */
static void read_both(uint64_t *ret_ticks, int64_t *ret_ns)
{
    uint64_t least = UINT64_MAX;
    for (int tries = 0; tries < 20; tries++) {
        _mm_lfence();
        uint64_t before = __rdtsc();
        int64_t now = clock_raw_ns();
        _mm_lfence();
        uint64_t width = __rdtsc() - before;
        if (width < least) {
            least = width;
            *ret_ticks = before + width / 2;
            *ret_ns = now;
        }
    }
}

static void use_counter(void)
{
    struct clock clock = {.ticks = true};
    uint64_t end_ticks = 0;
    int64_t end_ns = 0;
    read_both(&clock.base_ticks, &clock.base_ns);
    do
        read_both(&end_ticks, &end_ns);
    while (end_ns - clock.base_ns < CALIBRATION_NS);
    if (end_ticks <= clock.base_ticks)
        return;
    clock_product scaled = (clock_product)(uint64_t)(end_ns - clock.base_ns) << 32;
    clock.scale = (uint64_t)(scaled / (end_ticks - clock.base_ticks));
    clock_in_use = clock;
    facts.source = "tsc";
}

#else

static bool kernel_trusts_counter(void)
{
    return false;
}

static bool counter_is_invariant(void)
{
    return false;
}

static void use_counter(void)
{
}

#endif

double clock_drift(void)
{
    int64_t begin_raw = clock_raw_ns(), now = clock_now_ns(), end_raw = clock_raw_ns();
    int64_t since = end_raw - clock_in_use.base_ns;
    if (!clock_in_use.ticks || since <= 0)
        return 0;
    return ((double)(now - begin_raw) - (double)(end_raw - begin_raw) / 2) / (double)since;
}

/* ---- what it can show ---------------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The median of a thousand times sixteen reads, and the smallest step between two that differ. */
static void find_facts(void)
{
    enum { SAMPLES = 1000, READS = 16 };
    static int64_t times[SAMPLES];
    int64_t step = INT64_MAX;
    for (int i = 0; i < SAMPLES; i++) {
        int64_t begin = clock_now_ns(), last = begin;
        for (int j = 0; j < READS; j++) {
            int64_t now = clock_now_ns();
            if (now > last && now - last < step)
                step = now - last;
            last = now;
        }
        times[i] = last - begin;
    }
    qsort(times, SAMPLES, sizeof times[0], compare_times);
    const size_t middle = SAMPLES / 2;
    facts.overhead_ns = (double)times[middle] / READS;
    /* A clock that never steps by less than a read takes resolves at least that; a finer step cannot be seen. */
    facts.resolution_ns = step == INT64_MAX ? facts.overhead_ns : (double)step;
}

void clock_calibrate(void)
{
    if (counter_is_invariant() && kernel_trusts_counter())
        use_counter();
    find_facts();
}

const struct clock_facts *clock_facts(void)
{
    return &facts;
}

/* SPDX-License-Identifier: MIT
 *
 * The pair of fences (channels/fence.h) between two threads on two CPUs that each store and then look at what the other
 * has stored: they must never miss each other. Also says how often they do with light fences on both sides, which
 * shows that this machine can tell.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "../../channels/fence.h"
#include "late.h"

enum { TRIALS = 20000 };

static struct {
    _Alignas(64) _Atomic uint32_t frequent;
    _Alignas(64) _Atomic uint32_t rare;
    _Alignas(64) _Atomic uint32_t begun; /* trials of the rare side */
    _Alignas(64) _Atomic uint32_t ended; /* of the frequent side */
    _Alignas(64) _Atomic uint32_t word;  /* for fence.h */
    enum weir_fence fence;
    uint32_t seen; /* of the rare side, by the frequent one */
} table;

static void *be_frequent(void *unused)
{
    for (uint32_t trial = 1; trial <= TRIALS; trial++) {
        while (atomic_load_explicit(&table.begun, memory_order_acquire) != trial)
            ;
        atomic_store_explicit(&table.frequent, trial, memory_order_relaxed);
        weir_fence_light(table.fence, &table.word);
        table.seen = atomic_load_explicit(&table.rare, memory_order_relaxed);
        atomic_store_explicit(&table.ended, trial, memory_order_release);
    }
    return unused;
}

/* How often both have looked before they saw. */
static int count_misses(bool heavy)
{
    pthread_t thread;
    int misses = 0;
    table.begun = table.ended = table.frequent = table.rare = 0;
    if (pthread_create(&thread, NULL, be_frequent, NULL) != 0)
        late_fail("no thread");
    for (uint32_t trial = 1; trial <= TRIALS; trial++) {
        atomic_store_explicit(&table.begun, trial, memory_order_release);
        for (volatile uint32_t delay = trial % 64; delay > 0; delay--)
            ;
        atomic_store_explicit(&table.rare, trial, memory_order_relaxed);
        if (heavy && weir_fence_heavy(table.fence, &table.word) != 0)
            late_fail("the fence was refused");
        if (!heavy)
            weir_fence_light(table.fence, &table.word);
        uint32_t seen = atomic_load_explicit(&table.frequent, memory_order_relaxed);
        while (atomic_load_explicit(&table.ended, memory_order_acquire) != trial)
            ;
        misses += seen != trial && table.seen != trial;
    }
    pthread_join(thread, NULL);
    return misses;
}

int main(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) < 2)
        return puts("needs two CPUs"), 77;
    for (int shared = 0; shared < 2; shared++) {
        table.fence = weir_fence_offered(shared != 0);
        if (table.fence == WEIR_FENCE_BOTH || weir_fence_register(table.fence) != 0)
            return puts("no membarrier here"), 77;
        int light = count_misses(false), heavy = count_misses(true);
        printf("%d trials: %d missed with light fences on both sides, %d with a heavy one\n", TRIALS, light, heavy);
        if (heavy != 0)
            late_fail("both sides have missed each other");
    }
    return 0;
}

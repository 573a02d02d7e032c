/* SPDX-License-Identifier: MIT
 *
 * The stage's memory and the few questions asked of it.
 */
#include "stage.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct stage *stage_create(void)
{
    void *memory = mmap(NULL, sizeof(struct stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void stage_clear(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
}

uint64_t stage_sum(const struct stage *stage, uint32_t first, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = first; i < first + count; i++)
        sum += atomic_load_explicit(&stage->slots[i].count, memory_order_relaxed);
    return sum;
}

bool stage_all(const struct stage *stage, uint32_t first, uint32_t count, enum phase phase)
{
    for (uint32_t i = first; i < first + count; i++)
        if (atomic_load_explicit(&stage->slots[i].phase, memory_order_acquire) < phase)
            return false;
    return true;
}

void stage_note_finish(struct stage *stage, uint32_t producers, uint64_t before)
{
    uint64_t least = UINT64_MAX, sum = 0;
    if (atomic_exchange_explicit(&stage->finished, 1, memory_order_relaxed) != 0)
        return;
    for (uint32_t i = 0; i < producers; i++) {
        uint64_t count = atomic_load_explicit(&stage->slots[i].count, memory_order_relaxed);
        count = count > before ? count - before : 0;
        least = count < least ? count : least;
        sum += count;
    }
    stage->least_share = sum > 0 ? (double)least * producers / (double)sum : 0;
}

void stage_pause(unsigned looks)
{
    if (looks < 200) {
        sched_yield();
    } else {
        struct timespec pause = {.tv_nsec = 50000};
        nanosleep(&pause, NULL);
    }
}

/* SPDX-License-Identifier: MIT
 *
 * Random numbers that a seed can repeat: splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014).
 */
#ifndef WEIR_BENCH_RANDOM_H
#define WEIR_BENCH_RANDOM_H

#include <stdint.h>

static inline uint64_t random_draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 to count - 1; the bias of the remainder is below 2^-32 for counts below 2^32. */
static inline uint64_t random_below(uint64_t *state, uint64_t count)
{
    return random_draw(state) % count;
}

#endif

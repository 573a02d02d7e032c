/* SPDX-License-Identifier: MIT
 *
 * Random numbers for tests: the same in each run, so that a failure repeats (xorshift64; Marsaglia, "Xorshift RNGs",
 * 2003).
 */
#ifndef WEIR_TESTS_RANDOM_H
#define WEIR_TESTS_RANDOM_H

#include <stdint.h>

static inline uint64_t random_below(uint64_t limit)
{
    static uint64_t random_state = 88172645463325252u;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 16) % limit;
}

#endif

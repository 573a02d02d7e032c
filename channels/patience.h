/* SPDX-License-Identifier: MIT
 *
 * Whether to spin before a sleep, learned from what became of the spins before: wait=adaptive.
 *
 * A spin costs at most about as much as the sleep that it may save, so whoever always spins first never pays more than
 * twice the least (Karlin et al., "Empirical studies of competitive spinning", 1991). But waits that are long once are
 * mostly long again, and then even that is thrown away: so after each spin in vain twice as many waits begin with the
 * sleep, up to 63. One that led to something takes two failures back: where at least a third succeed it is spun.
 */
#ifndef WEIR_PATIENCE_H
#define WEIR_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_MOST_FAILURES 7

struct weir_patience {
    uint8_t failures;    /* 0: as if every spin had succeeded */
    uint8_t sleeps_left; /* waits that begin with the sleep before a spin is tried again */
};

/* Before a wait. */
static inline bool weir_patience_spins(struct weir_patience *patience)
{
    if (patience->sleeps_left == 0)
        return true;
    patience->sleeps_left--;
    return false;
}

/* After a spin. The first failure has no consequence: it may be the pause between two bursts. */
static inline void weir_patience_learn(struct weir_patience *patience, bool succeeded)
{
    unsigned failures = patience->failures;
    if (succeeded)
        failures = failures > 2 ? failures - 2 : 0;
    else if (failures < PATIENCE_MOST_FAILURES)
        failures++;
    patience->failures = (uint8_t)failures;
    patience->sleeps_left = (uint8_t)(succeeded || failures == 0 ? 0 : (1u << (failures - 1)) - 1);
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Rounds of a cell that stand far from the others, each with what the machine did meanwhile. They are marked and stay:
 * the median bears them, and a machine that has them is a machine that has them.
 */
#ifndef WEIR_BENCH_OUTLIERS_H
#define WEIR_BENCH_OUTLIERS_H

#include "journal.h"

enum outlier_cause {
    CAUSE_STEAL = 1,     /* the hypervisor took CPU time */
    CAUSE_PREEMPTED = 2, /* a worker was ready to run and did not, or was put off its CPU more often than usual */
    CAUSE_REGIME = 4,    /* the CPUs were as far apart as in few other rounds, or moved meanwhile */
};

struct outlier {
    double ns;
    uint32_t round;
    unsigned causes; /* 0: unknown */
};

/* Writes at most `capacity` outliers, in the order of the rounds; returns how many there are. A value is one if it lies
 * more than 1.5 times the distance of the quartiles outside of them (Tukey, Exploratory Data Analysis, 1977), within
 * its regime. None below 6 rounds. */
size_t outliers_find(const struct cell *cell, const struct journal *journal, struct outlier *ret, size_t capacity);

/* "steal", "preempted", "regime": the static name of the cause with that bit; NULL past the last. */
const char *outlier_cause_name(unsigned bit);

#endif

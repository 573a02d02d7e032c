/* SPDX-License-Identifier: MIT
 *
 * What spins of a known time really take here, without weir: `spins NS` makes the spins that the test module timed
 * makes, in a loop of nothing else, and prints the median of a hundred epochs of 12 ms, in nanoseconds a spin. It is
 * more than NS where something else takes the CPU now and then: the kernel's ticks, a host.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../modules/spin.h"

enum { EPOCHS = 100 };

#define EPOCH_NS INT64_C(12000000)

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double epoch(int64_t ns)
{
    int64_t owed_ps = 0, count = EPOCH_NS / ns, begin_ns = spin_now_ns(), end_ns = begin_ns;
    for (int64_t i = 0; i < count; i++) {
        owed_ps += ns * 1000;
        end_ns = spin_off(&owed_ps, end_ns);
    }
    return (double)(end_ns - begin_ns) / (double)count;
}

int main(int argc, char **argv)
{
    static double costs[EPOCHS];
    int64_t ns = argc == 2 ? strtoll(argv[1], NULL, 10) : 0;
    if (ns < 1 || ns > EPOCH_NS) {
        fprintf(stderr, "usage: spins NS\n");
        return 2;
    }
    for (int i = 0; i < EPOCHS; i++)
        costs[i] = epoch(ns);
    qsort(costs, EPOCHS, sizeof costs[0], compare_doubles);
    printf("%.3f\n", (costs[EPOCHS / 2 - 1] + costs[EPOCHS / 2]) / 2);
    return 0;
}

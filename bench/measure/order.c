/* SPDX-License-Identifier: MIT
 *
 * Shuffled, then reversed.
 */
#include "order.h"

#include "random.h"

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Fisher and Yates, as in Knuth, The Art of Computer Programming, volume 2, algorithm P. */
static void shuffle(uint32_t *order, size_t count, uint64_t *random)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--)
        swap(&order[i - 1], &order[random_below(random, i)]);
}

void order_draw(uint32_t *order, size_t count, uint64_t round, uint64_t *random)
{
    if (round % 2 == 0) {
        shuffle(order, count, random);
        return;
    }
    for (size_t i = 0; i < count / 2; i++)
        swap(&order[i], &order[count - 1 - i]);
}

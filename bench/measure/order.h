/* SPDX-License-Identifier: MIT
 *
 * The order of the cells in a round. Rounds come in pairs: an order drawn at random, then the same backwards, so that
 * within each pair all cells stand at the same place on average, and a machine that slows down steadily slows all of
 * them alike (counterbalancing).
 */
#ifndef WEIR_BENCH_ORDER_H
#define WEIR_BENCH_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* Writes the order of round `round` (from 0) into `order`, which has `count` places and holds the order of the round
 * before it, unless this is the first. */
void order_draw(uint32_t *order, size_t count, uint64_t round, uint64_t *random);

#endif

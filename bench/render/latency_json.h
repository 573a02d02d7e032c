/* SPDX-License-Identifier: MIT
 *
 * A cell's latency and rate as JSON.
 */
#ifndef WEIR_BENCH_LATENCY_JSON_H
#define WEIR_BENCH_LATENCY_JSON_H

#include <jansson.h>

#include "measure/cell.h"

/* null for a cell whose messages were not timed. */
json_t *latency_json(const struct cell *cell);

/* null for a cell that is not paced. */
json_t *rate_json(const struct cell *cell);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What all JSON of the program has in common.
 */
#ifndef WEIR_BENCH_RENDER_JSON_H
#define WEIR_BENCH_RENDER_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "machine/checks.h"

/* What is not finite is not known: null. */
json_t *number_or_null(double number);

/* Prints and frees a whole document. */
void json_print(FILE *file, json_t *root);

/* The object "tool": which weir this is. */
json_t *tool_json(void);

/* The object "env": the machine, and the checks that are warnings. */
json_t *environment_json(const struct environment *environment, const struct checks *checks);

#endif

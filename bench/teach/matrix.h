/* SPDX-License-Identifier: MIT
 *
 * Cells of the benchmark as rows and columns of an experiment: its own epochs, with every message checked.
 */
#ifndef WEIR_BENCH_MATRIX_H
#define WEIR_BENCH_MATRIX_H

#include "experiment.h"
#include "measure/cell.h"

/* A cell of two workers, on CPUs of their own: what is most asked for. Change what differs. */
struct setup matrix_setup(const char *spec, enum weir_worker_kind kind, enum pattern pattern, size_t size);

/* Makes the cells ready to be measured, row by row; those that cannot be made here stay without figures. They are the
 * experiment's state. 0, 1 (interrupted), or as experiment_failed. */
int matrix_prepare(struct experiment *experiment, const struct setup *setups, size_t rows, size_t columns);

/* A lesson's `finish`. */
void matrix_finish(struct experiment *experiment);

/* One epoch of each cell of a row: the cost of a message, and the CPU time of both sides (may be NULL); for each column
 * one figure. As a lesson's `measure` returns. */
int matrix_measure(struct experiment *experiment, size_t row, double *ret_wall_ns, double *ret_cpu_ns);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Calibrated once, then measured with the rows.
 */
#include "matrix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "measure/calibration.h"
#include "measure/statistics.h"

#define DEPTH 512

struct matrix {
    struct cell *cells; /* row by row */
    size_t rows, columns;
    struct measurer *measurer;
};

struct setup matrix_setup(const char *spec, enum weir_worker_kind kind, enum pattern pattern, size_t size)
{
    return (struct setup){.spec = spec,
                          .pairing = {kind, kind},
                          .size = size,
                          .workers = {1, 1},
                          .pattern = pattern,
                          .codec = CODEC_RAW,
                          .depth = DEPTH,
                          .batch = 1,
                          .pin = "auto"};
}

static struct measurer *start_measurer(const struct experiment *experiment)
{
    struct measurer *measurer = calloc(1, sizeof *measurer);
    struct stage *stage = measurer != NULL ? stage_create() : NULL;
    if (stage == NULL) {
        free(measurer);
        return NULL;
    }
    *measurer = (struct measurer){
        .stage = stage, .random = experiment->random, .interrupt_fd = experiment->interrupt_fd, .epoch_ns = EPOCH_NS};
    return measurer;
}

int matrix_prepare(struct experiment *experiment, const struct setup *setups, size_t rows, size_t columns)
{
    size_t measurable = 0;
    struct matrix *matrix = calloc(1, sizeof *matrix);
    if (matrix == NULL)
        return experiment_failed(experiment, "there is no memory for the workers");
    experiment->state = matrix;
    *matrix = (struct matrix){.cells = calloc(rows * columns + 1, sizeof *matrix->cells),
                              .rows = rows,
                              .columns = columns,
                              .measurer = start_measurer(experiment)};
    if (matrix->cells == NULL || matrix->measurer == NULL)
        return experiment_failed(experiment, "there is no memory for the workers");
    for (size_t i = 0; i < rows * columns; i++) {
        struct cell *cell = &matrix->cells[i];
        cell_start(cell, &setups[i]);
        if (cell->status == CELL_OK && calibrate(matrix->measurer, cell) != 0)
            return 1;
        if (cell->status == CELL_FAILED)
            return experiment_failed(experiment, "%s: %s", setups[i].spec, cell->reason);
        measurable += cell->status == CELL_OK;
    }
    return measurable > 0 ? 0 : experiment_cannot(experiment, "%s: %s", setups[0].spec, matrix->cells[0].reason);
}

void matrix_finish(struct experiment *experiment)
{
    struct matrix *matrix = experiment->state;
    if (matrix == NULL)
        return;
    for (size_t i = 0; matrix->cells != NULL && i < matrix->rows * matrix->columns; i++)
        cell_clear(&matrix->cells[i]);
    free(matrix->cells);
    if (matrix->measurer != NULL)
        munmap(matrix->measurer->stage, sizeof *matrix->measurer->stage);
    free(matrix->measurer);
    free(matrix);
}

int matrix_measure(struct experiment *experiment, size_t row, double *ret_wall_ns, double *ret_cpu_ns)
{
    struct matrix *matrix = experiment->state;
    for (size_t i = 0; i < matrix->columns; i++) {
        size_t column = experiment->rounds % 2 == 0 ? i : matrix->columns - 1 - i; /* none is always the first */
        struct cell *cell = &matrix->cells[row * matrix->columns + column];
        struct outcome outcome;
        if (cell->status != CELL_OK)
            continue;
        if (measure(matrix->measurer, cell, false, &outcome) != 0)
            return 1;
        if (cell->status != CELL_OK)
            return experiment_failed(experiment, "%s: %s", cell->setup.spec, cell->reason);
        recalibrate(matrix->measurer, cell, outcome.wall_ns);
        ret_wall_ns[column] = outcome.cost.wall_ns;
        if (ret_cpu_ns != NULL)
            ret_cpu_ns[column] = epoch_cpu_ns(&outcome.cost);
    }
    return 0;
}

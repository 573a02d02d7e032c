/* SPDX-License-Identifier: MIT
 *
 * `weir run`: from the command line, or a job file, to the results.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/job.h"
#include "cli/session.h"
#include "commands.h"

/* All cells of the job, those of a section each. 0 or -1 (memory). */
static int make_cells(struct cells *cells, const struct job *job)
{
    for (size_t i = 0; i < job->sections.count; i++) {
        char where[512];
        if (cells_make(&cells[i], &job->options[i].axes) != 0)
            return -1;
        job_where(job, i, where, sizeof where);
        session_check_twice(&cells[i], where);
    }
    return 0;
}

/* Tables and lists of several sections need titles. */
static void print_title(const struct job *job, size_t i)
{
    if (job->sections.count > 1)
        printf("%s[%s]\n", i > 0 ? "\n" : "", job->sections.items[i].title);
}

static int list_cells(const struct cells *cells, const struct job *job)
{
    for (size_t i = 0; i < job->sections.count; i++) {
        print_title(job, i);
        for (size_t k = 0; k < cells[i].count; k++) {
            const struct cell *cell = &cells[i].items[k];
            printf("%s%s%s\n", cell->id, cell->reason[0] ? ": skipped: " : "", cell->reason);
        }
    }
    return 0;
}

static int print_job(const struct job *job)
{
    struct weir_error error;
    if (job_print(stdout, job, &error) == 0)
        return 0;
    fprintf(stderr, "weir: %s\n", error.text);
    return 2;
}

static void print_table(FILE *file, void *result)
{
    render_table(file, result);
}

static int measure_section(struct cells *cells, const struct job *job, size_t i, bool *ret_interrupted)
{
    static const struct output_formats formats = {render_json, render_csv, render_markdown, print_table};
    const struct options *options = &job->options[i];
    struct session session;
    int status = session_measure(&session, cells, &options->axes, &options->schedule, &options->output);
    if (status == 0) {
        print_title(job, i);
        status = session_write(&session, &options->output, &formats);
    }
    *ret_interrupted = session.result.interrupted != 0;
    session_end(&session);
    return status;
}

/* The status of the first section with which not all was well; an interrupt ends all. */
static int measure(struct cells *cells, const struct job *job)
{
    size_t count = job->sections.count;
    int status = 0;
    for (size_t i = 0; i < count; i++) {
        bool interrupted;
        int result = measure_section(&cells[i], job, i, &interrupted);
        if (interrupted && i + 1 < count)
            fprintf(stderr, "weir: interrupted: %zu of %zu sections were not begun\n", count - i - 1, count);
        if (interrupted)
            return result;
        if (status == 0)
            status = result;
    }
    return status;
}

int command_run(int argc, char **argv)
{
    struct job job;
    int status = 1;
    job_parse(&job, command_names(), argc, argv);
    struct cells *cells = calloc(job.sections.count, sizeof *cells);
    if (cells == NULL || make_cells(cells, &job) != 0)
        fprintf(stderr, "weir: no memory for the cells\n");
    else if (job.print)
        status = print_job(&job);
    else
        status = job.dry_run ? list_cells(cells, &job) : measure(cells, &job);
    for (size_t i = 0; cells != NULL && i < job.sections.count; i++)
        cells_free(&cells[i]);
    free(cells);
    job_free(&job);
    return status;
}

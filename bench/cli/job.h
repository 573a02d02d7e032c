/* SPDX-License-Identifier: MIT
 *
 * What `weir run` is to do: one run that the command line describes, or those of a job file, an INI file whose sections
 * are runs and whose keys are the long options and `channel`. What is typed beside --job takes the place of the same
 * key in every section.
 */
#ifndef WEIR_BENCH_JOB_H
#define WEIR_BENCH_JOB_H

#include "options.h"
#include "sections.h"

struct job {
    const char *path;         /* NULL: no file */
    struct sections sections; /* as given, those of the command line included */
    struct options *options;  /* one for each section */
    bool dry_run, print;      /* list the cells; print the job file; and stop */
};

extern const struct syntax run_syntax;

/* Parses the arguments of `weir run` and the file that they name. Ends the program as syntax_parse does. */
void job_parse(struct job *ret, const char *const *alternatives, int argc, char **argv);

/* "F.ini:7: [tour]: ", which begins a complaint about section i, or "" without a file. */
void job_where(const struct job *job, size_t i, char *ret_text, size_t capacity);

/* Writes a job file that does the same. 0, or -1 with a sentence. */
int job_print(FILE *file, const struct job *job, struct weir_error *error);

void job_free(struct job *job);

#endif

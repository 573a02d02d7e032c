/* SPDX-License-Identifier: MIT
 *
 * `weir run`: from the command line to the results.
 */
#include <stdio.h>

#include "cli/options.h"
#include "cli/session.h"
#include "commands.h"

static int list_cells(const struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        printf("%s%s%s\n", cells->items[i].id, cells->items[i].reason[0] ? ": skipped: " : "", cells->items[i].reason);
    return 0;
}

static void print_table(FILE *file, void *result)
{
    render_table(file, result);
}

static int measure(const struct options *options, struct cells *cells)
{
    static const struct output_formats formats = {render_json, render_csv, render_markdown, print_table};
    struct session session;
    int status = session_measure(&session, cells, &options->axes, &options->schedule, &options->output);
    if (status == 0)
        status = session_write(&session, &options->output, &formats);
    session_end(&session);
    return status;
}

int command_run(int argc, char **argv)
{
    struct options options;
    struct cells cells = {0};
    int status = 1;
    options_parse(&options, command_names(), argc, argv);
    if (cells_make(&cells, &options.axes) != 0) {
        fprintf(stderr, "weir: no memory for the cells\n");
    } else {
        session_check_twins(&cells);
        status = options.dry_run ? list_cells(&cells) : measure(&options, &cells);
    }
    cells_free(&cells);
    options_free(&options);
    return status;
}

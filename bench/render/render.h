/* SPDX-License-Identifier: MIT
 *
 * Results as people and programs read them. Each renderer takes the same struct result.
 */
#ifndef WEIR_BENCH_RENDER_H
#define WEIR_BENCH_RENDER_H

#include <stdio.h>

#include "machine/checks.h"
#include "measure/journal.h"
#include "sheet.h"

struct verdicts;

struct result {
    const struct cells *cells;
    const struct axes *axes;
    const struct environment *environment;
    const struct checks *checks;
    char started[32]; /* UTC, ISO 8601 */
    double wall_s;
    uint64_t seed;
    struct journal journal;
    const struct verdicts *verdicts; /* NULL: nothing was compared */
    double precision;                /* asked for; 0: none */
    int interrupted;                 /* the signal, or 0 */
    double skew_ns;                  /* how far the clocks of the two ends' CPUs are apart at most; NaN: not known */
    bool verbose;
    bool color;
};

/* Whole rounds. */
static inline size_t result_rounds(const struct result *result)
{
    return result->journal.round_count - result->journal.last_round_is_partial;
}

/* The table, the notes on what was skipped or failed, and the sentence that answers. */
void render_table(FILE *file, const struct result *result);

/* After the text `before`: how many rounds there were, and whether the machine was the same in all of them. */
void render_rounds(FILE *file, const char *before, const struct result *result);

/* Why cells were skipped or failed. */
void render_notes(FILE *file, const struct cells *cells);

/* More about each cell: intervals, every round as a sparkline, outliers, memory. */
void render_details(FILE *file, const struct result *result);

/* For struct output_formats: the argument is the struct result. */
void render_json(FILE *file, void *result);
void render_csv(FILE *file, void *result);
void render_markdown(FILE *file, void *result);

/* The table's cells as text, for the renderers that have rows. */
struct grid {
    const char **heads;
    char (*texts)[48]; /* row by row */
    bool *right;       /* columns of figures */
    size_t rows, columns;
};

/* Each makes the rows that there are, perhaps none: costs, in the layout that tells most within so many columns;
 * latencies of one pattern, of one pairing of the axes without saying so, or of all. 0 or -1 (memory). */
#define ANY_WIDTH    SIZE_MAX
#define ALL_PAIRINGS SIZE_MAX

int costs_grid_make(struct grid *ret, const struct result *result, size_t width);
int latency_grid_make(struct grid *ret, const struct result *result, enum pattern pattern, size_t pairing);

int grid_alloc(struct grid *ret, size_t rows, size_t columns);
void grid_free(struct grid *grid);
size_t grid_width(const struct grid *grid);
struct sheet grid_sheet(const struct grid *grid);

/* What the columns of a table of costs mean, those that are there. */
void costs_explain(FILE *file, const struct grid *grid);

/* The sentence that answers: which channel is the cheapest, and what cannot be told apart from it. */
void render_cheapest(FILE *file, const struct result *result);

/* Whether the latencies of a pattern are shown: of paced always, of pingpong if nothing else or more was asked for. */
bool latency_is_shown(const struct result *result, enum pattern pattern);

/* What the columns of that table mean, and where the knee of a sweep of rates is. */
void latency_explain(FILE *file, const struct result *result, enum pattern pattern);

/* Whether the locale has more letters than ASCII. */
bool speaks_utf8(void);

#define COLUMNS 80

/* How wide the terminal is that the file goes to; COLUMNS if it goes elsewhere. */
size_t terminal_width(FILE *file);

/* How many columns the text takes: bytes that continue a UTF-8 letter take none. */
size_t text_width(const char *text, size_t length);

/* Prints text for people, broken between words at so many columns; a line that begins with spaces goes on as far in. */
void say(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "98.1 ns", "1.23 µs": three digits. */
void format_ns(char *text, size_t capacity, double nanoseconds);

/* "12×", and with a mark what is below 1: "0.87× !" */
void format_times(char *text, size_t capacity, double ratio);

/* "734K", "1M", "12.5": of messages a second; K is 1000. */
void format_message_rate(char *text, size_t capacity, double rate);

/* "64 B", "4 KiB" */
void format_bytes(char *text, size_t capacity, size_t bytes);

#endif

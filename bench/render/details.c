/* SPDX-License-Identifier: MIT
 *
 * What -v adds: a paragraph a cell, with every round to be seen.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/limit.h"
#include "measure/outliers.h"
#include "measure/pace.h"
#include "measure/statistics.h"
#include "render.h"

#define SPARKS      40 /* letters at most; more rounds than that share one, as their median */
#define MOST_SHOWN  6  /* outliers */
#define SPARK_STEPS 8

/* ---- sparkline ----------------------------------------------------------------------------------------------- */

struct sparks {
    double heights[SPARKS];
    size_t count;
    double low, high;
};

static struct sparks gather_sparks(const struct cell *cell)
{
    struct sparks sparks = {
        .count = cell->round_count < SPARKS ? cell->round_count : SPARKS, .low = INFINITY, .high = -INFINITY};
    double *values = calloc(cell->round_count + 1, sizeof *values);
    sparks.count = values != NULL ? sparks.count : 0;
    for (size_t i = 0; i < sparks.count; i++) {
        size_t from = i * cell->round_count / sparks.count, to = (i + 1) * cell->round_count / sparks.count;
        for (size_t j = from; j < to; j++)
            values[j - from] = cell->rounds[j].wall_ns;
        sparks.heights[i] = estimate_median(values, to - from).median;
        sparks.low = fmin(sparks.low, sparks.heights[i]);
        sparks.high = fmax(sparks.high, sparks.heights[i]);
    }
    free(values);
    return sparks;
}

/* From the lowest to the highest of this cell: it shows the shape, not the size. Flat within 2 %. */
static void draw_sparks(char *text, size_t capacity, const struct cell *cell)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {"_", ".", ",", "-", "~", "=", "*", "#"};
    struct sparks sparks = gather_sparks(cell);
    double range = fmax(fmax(sparks.high - sparks.low, 0.02 * sparks.low), 1e-9); /* all may be 0 */
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < sparks.count && used + 4 < capacity; i++) {
        int step = (int)((sparks.heights[i] - sparks.low) / range * (SPARK_STEPS - 0.01));
        used += (size_t)snprintf(text + used, capacity - used, "%s", (speaks_utf8() ? blocks : plain)[step]);
    }
}

/* ---- a cell -------------------------------------------------------------------------------------------------- */

static void print_outliers(FILE *file, const struct cell *cell, const struct journal *journal)
{
    struct outlier outliers[MOST_SHOWN];
    size_t count = outliers_find(cell, journal, outliers, MOST_SHOWN);
    char text[1024] = "", cost[32];
    size_t used = 0;
    for (size_t i = 0; i < count && i < MOST_SHOWN; i++) {
        format_ns(cost, sizeof cost, outliers[i].ns);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s round %u (%s", i > 0 ? "," : "",
                                 outliers[i].round + 1, cost);
        for (unsigned bit = 0; outlier_cause_name(bit) != NULL; bit++)
            if (outliers[i].causes & 1u << bit)
                used += (size_t)snprintf(text + used, sizeof text - used, ", %s", outlier_cause_name(bit));
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s)", outliers[i].causes == 0 ? ", no cause seen" : "");
    }
    if (count > 0)
        say(file, "  %zu outlier%s, kept:%s%s\n", count, count == 1 ? "" : "s", text, count > MOST_SHOWN ? ", …" : "");
}

static void format_memory(char *text, size_t capacity, double bytes)
{
    if (isfinite(bytes))
        snprintf(text, capacity, "%.0f KiB", bytes / 1024);
    else
        snprintf(text, capacity, "n/a");
}

/* "near 42.1 ns [41.0 ns, 43.2 ns], far 97.0 ns [n/a, n/a]", without names where there is one regime. */
static void format_costs(char *text, size_t capacity, const struct cell *cell, const struct journal *journal)
{
    const int regimes = journal->regime_count == 2 ? 2 : 1;
    size_t used = 0;
    for (int regime = 0; regime < regimes && used < capacity; regime++) {
        char median[32], low[32], high[32];
        struct estimate wall =
            estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), (struct slice){journal, regime});
        format_ns(median, sizeof median, wall.median);
        format_ns(low, sizeof low, wall.low);
        format_ns(high, sizeof high, wall.high);
        used += (size_t)snprintf(text + used, capacity - used, "%s%s%s%s [%s, %s]", regime > 0 ? ", " : "",
                                 regimes > 1 ? journal->regimes[regime].name : "", regimes > 1 ? " " : "", median, low,
                                 high);
    }
}

static void print_limit(FILE *file, const struct cell *cell, struct slice slice)
{
    char ns[32], ratio[32];
    double times = limit_ratio(cell, estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice).median);
    if (!isfinite(times))
        return;
    format_ns(ns, sizeof ns, cell->limit.ns);
    format_times(ratio, sizeof ratio, times);
    say(file, "  nearest limit: %s, %s; this is %s%s\n", cell->limit.name, ns, ratio,
        times < 1
            ? ": suspicious, for it is less than the machine allows; one of the two figures is wrong, or does not "
              "mean what it seems to"
            : "");
}

/* Its table has no columns for these. */
static void print_paced(FILE *file, const struct cell *cell, struct slice slice)
{
    char cpu[32], achieved[32];
    if (cell->setup.pattern != PATTERN_PACED)
        return;
    format_ns(cpu, sizeof cpu, median_cpu(cell, slice));
    format_message_rate(achieved, sizeof achieved, pace_of_cell(cell).achieved);
    say(file, "  median latency%s%s%s; CPU of both sides, but for waiting until a message is due: %s; %.2f switches\n",
        cell_is_saturated(cell) ? ", saturated at " : "", cell_is_saturated(cell) ? achieved : "",
        cell_is_saturated(cell) ? "/s" : "", cpu, median_switches(cell, slice));
}

static void print_fairness(FILE *file, const struct cell *cell, struct slice slice)
{
    double share = median_least_share(cell, slice);
    if (isfinite(share))
        say(file, "  fairness: when the first producer had sent all, the slowest had sent %.2f of the mean\n", share);
}

static void print_cell(FILE *file, const struct result *result, const struct cell *cell)
{
    char sparks[SPARKS * 4 + 1], costs[256], producer[32], consumer[32], length[32];
    struct estimate epoch = estimate_rounds(cell, offsetof(struct epoch_cost, epoch_ns), slice_main(&result->journal));
    format_costs(costs, sizeof costs, cell, &result->journal);
    draw_sparks(sparks, sizeof sparks, cell);
    format_ns(length, sizeof length, epoch.median);
    say(file, "%s: %s %s\n", cell->id, costs, sparks);
    format_memory(producer, sizeof producer, cell->memory.producer_bytes);
    format_memory(consumer, sizeof consumer, cell->memory.consumer_bytes);
    say(file,
        "  %llu messages an epoch of %s, depth %zu, wait %s, %llu checked; memory (PSS): a producer %s, a "
        "consumer %s\n",
        (unsigned long long)cell->count, length, cell->depth, wait_name(cell->wait),
        (unsigned long long)cell->integrity.received, producer, consumer);
    print_paced(file, cell, slice_main(&result->journal));
    print_fairness(file, cell, slice_main(&result->journal));
    print_limit(file, cell, slice_main(&result->journal));
    print_outliers(file, cell, &result->journal);
}

void render_details(FILE *file, const struct result *result)
{
    fputc('\n', file);
    for (size_t i = 0; i < result->cells->count; i++)
        if (result->cells->items[i].status == CELL_OK && result->cells->items[i].round_count > 0)
            print_cell(file, result, &result->cells->items[i]);
    double floor = journal_worst_noise_floor(&result->journal, result->cells);
    if (isfinite(floor))
        say(file, "noise floor: %.1f %% (%s, measured twice in each round)\n", 100 * floor,
            result->cells->items[result->journal.twins[0].cell].id);
}

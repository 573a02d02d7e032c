/* SPDX-License-Identifier: MIT
 *
 * The sentence that answers. What it says of two channels is what their rounds prove, paired.
 */
#include <stdarg.h>
#include <string.h>

#include "measure/comparison.h"
#include "measure/statistics.h"
#include "render.h"

static double median_wall(const struct result *result, const struct cell *cell)
{
    return estimate_rounds(cell, offsetof(struct epoch_cost, wall_ns), slice_main(&result->journal)).median;
}

/* Cells that differ in their channel only. */
static bool comparable(const struct cell *a, const struct cell *b)
{
    return a->setup.pairing.producer == b->setup.pairing.producer &&
           a->setup.pairing.consumer == b->setup.pairing.consumer && a->setup.pattern == b->setup.pattern &&
           a->setup.size == b->setup.size && a->setup.workers.producers == b->setup.workers.producers &&
           a->setup.workers.consumers == b->setup.workers.consumers && a->setup.codec == b->setup.codec &&
           a->setup.wait == b->setup.wait && a->setup.depth == b->setup.depth && a->setup.batch == b->setup.batch &&
           a->setup.access == b->setup.access && strcmp(a->setup.pin, b->setup.pin) == 0;
}

/* Latencies have an answer of their own. */
static bool counts(const struct cell *cell)
{
    return cell->setup.pattern != PATTERN_PACED && cell->status == CELL_OK && cell->round_count > 0 &&
           !cell_is_synthetic(cell);
}

/* The last pairing of a run says most: with all four it is process:process. NULL: nothing was measured. */
static const struct cell *find_cheapest(const struct result *result)
{
    const struct cells *cells = result->cells;
    const struct pairing *last = &result->axes->pairings[result->axes->pairing_count - 1];
    const struct cell *best = NULL, *first = NULL;
    for (size_t i = 0; i < cells->count; i++) {
        const struct cell *cell = &cells->items[i];
        if (!counts(cell) || cell->setup.pairing.producer != last->producer ||
            cell->setup.pairing.consumer != last->consumer || (first != NULL && !comparable(first, cell)))
            continue;
        if (first == NULL)
            first = cell;
        if (best == NULL || median_wall(result, cell) < median_wall(result, best))
            best = cell;
    }
    return best;
}

struct list {
    char text[640];
    size_t used;
};

static void add(struct list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Leaves out what has no room. */
static void add(struct list *list, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (list->used + 120 < sizeof list->text)
        list->used += (size_t)vsnprintf(list->text + list->used, sizeof list->text - list->used, format, arguments);
    va_end(arguments);
}

void render_cheapest(FILE *file, const struct result *result)
{
    const struct cells *cells = result->cells;
    const struct cell *best = find_cheapest(result);
    const double delta = comparison_delta(journal_worst_noise_floor(&result->journal, cells));
    struct list dearer = {0}, alike = {0};
    bool sure = true;
    for (size_t i = 0; best != NULL && i < cells->count; i++) {
        const struct cell *cell = &cells->items[i];
        struct comparison comparison;
        if (cell == best || !counts(cell) || !comparable(best, cell) ||
            compare_paired(&comparison, best, cell, slice_main(&result->journal), delta) != 0)
            continue;
        sure &= comparison.low == comparison.low; /* a number */
        if (comparison.verdict == VERDICT_SLOWER || comparison.low != comparison.low)
            add(&dearer, "%s %.1f%s below %.64s", dearer.used > 0 ? "," : "", comparison.ratio,
                speaks_utf8() ? "×" : "x", cell->setup.spec);
        else
            add(&alike, "%s %.64s", alike.used > 0 ? "," : "", cell->setup.spec);
    }
    if (dearer.used + alike.used == 0)
        return;
    say(file, "\n%s is the cheapest %s here (%s)%s%s%s%s%s.\n", best->setup.spec,
        best->setup.pattern == PATTERN_STREAM ? "stream" : "round trip", pairing_name(best->setup.pairing),
        dearer.used > 0 ? ":" : "", dearer.text, alike.used > 0 ? "; not to be told apart from it:" : "", alike.text,
        sure ? "" : "; but fewer than 6 rounds prove little");
    say(file, "Next: weir run %s -p %s -s 8..64K*8\n", best->setup.spec, pairing_name(best->setup.pairing));
}

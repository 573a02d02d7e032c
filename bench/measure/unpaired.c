/* SPDX-License-Identifier: MIT
 *
 * Matching, judging what may be compared, and comparing.
 */
#include "unpaired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bootstrap.h"

/* ---- matching ------------------------------------------------------------------------------------------------ */

static int compare_ids(const void *a, const void *b)
{
    const struct reference *left = a, *right = b;
    return strcmp(left->cell->id, right->cell->id);
}

static struct reference *sort_cells(const struct cells *cells)
{
    struct reference *sorted = calloc(cells->count + 1, sizeof *sorted);
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < cells->count; i++)
        sorted[i].cell = &cells->items[i];
    qsort(sorted, cells->count, sizeof *sorted, compare_ids);
    return sorted;
}

static const struct cell *find_cell(const struct reference *sorted, size_t count, const struct cell *like)
{
    const struct reference *found = bsearch(&(struct reference){like}, sorted, count, sizeof *sorted, compare_ids);
    return found != NULL ? found->cell : NULL;
}

int matches_make(struct matches *ret, const struct saved *a, const struct saved *b)
{
    struct matches matches = {.items = calloc(a->cells.count + 1, sizeof *matches.items),
                              .only_a = calloc(a->cells.count + 1, sizeof *matches.only_a),
                              .only_b = calloc(b->cells.count + 1, sizeof *matches.only_b)};
    struct reference *sorted_a = sort_cells(&a->cells), *sorted_b = sort_cells(&b->cells);
    int result = -1;
    if (matches.items == NULL || matches.only_a == NULL || matches.only_b == NULL || sorted_a == NULL ||
        sorted_b == NULL)
        goto done;
    for (size_t i = 0; i < a->cells.count; i++) {
        const struct cell *cell = &a->cells.items[i], *other = find_cell(sorted_b, b->cells.count, cell);
        if (other != NULL && cell->setup.pattern == PATTERN_PACED)
            matches.paced_count++;
        else if (other != NULL)
            matches.items[matches.count++] = (struct match){cell, other};
        else
            matches.only_a[matches.only_a_count++].cell = cell;
    }
    for (size_t i = 0; i < b->cells.count; i++)
        if (find_cell(sorted_a, a->cells.count, &b->cells.items[i]) == NULL)
            matches.only_b[matches.only_b_count++].cell = &b->cells.items[i];
    *ret = matches;
    result = 0;
done:
    if (result != 0)
        matches_free(&matches);
    free(sorted_a);
    free(sorted_b);
    return result;
}

void matches_free(struct matches *matches)
{
    free(matches->items);
    free(matches->only_a);
    free(matches->only_b);
    *matches = (struct matches){0};
}

/* ---- may they be compared ------------------------------------------------------------------------------------ */

static int check_same(const char *what, const char *a, const char *b, struct weir_error *error)
{
    if (strcmp(a, b) == 0)
        return 0;
    weir_error_set(error, WEIR_EINVAL, "not comparable: the %s differs (A: %.80s, B: %.80s)", what, *a ? a : "none",
                   *b ? b : "none");
    return -1;
}

int check_comparable(const struct saved *a, const struct saved *b, const struct matches *matches,
                     struct weir_error *error)
{
    if (check_same("CPU", a->cpu, b->cpu, error) != 0 || check_same("kernel", a->kernel, b->kernel, error) != 0 ||
        check_same("hypervisor", a->hypervisor, b->hypervisor, error) != 0 ||
        check_same("build type", a->build_type, b->build_type, error) != 0 ||
        check_same("compiler", a->compiler, b->compiler, error) != 0)
        return -1;
    if (a->cpus != b->cpus) {
        weir_error_set(error, WEIR_EINVAL, "not comparable: the number of CPUs differs (A: %d, B: %d)", a->cpus,
                       b->cpus);
        return -1;
    }
    for (size_t i = 0; i < matches->count; i++)
        if (check_same("placement", matches->items[i].a->setup.pin, matches->items[i].b->setup.pin, error) != 0)
            return -1;
    return 0;
}

/* NaN, which is not known, is unlike nothing. */
static bool epochs_differ(const struct cell *a, const struct cell *b)
{
    if (!cell_has_cost(a) || !cell_has_cost(b))
        return false;
    double a_ns = a->rounds[0].epoch_ns, b_ns = b->rounds[0].epoch_ns;
    return a_ns > b_ns * EPOCHS_ALIKE || b_ns > a_ns * EPOCHS_ALIKE;
}

const struct match *matches_of_other_epochs(const struct matches *matches)
{
    for (size_t i = 0; i < matches->count; i++)
        if (epochs_differ(matches->items[i].a, matches->items[i].b))
            return &matches->items[i];
    return NULL;
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

/* What of A is compared with what of B. */
struct frame {
    struct slice a, b;
    const char *regime; /* NULL: there is but one, as far as is known */
    bool unlike;
};

struct work {
    const struct saved *a, *b;
    double delta;
    size_t resamples;
    uint64_t seed;
    double *values; /* room for the rounds of A, then of B */
};

static bool alike(double a_ns, double b_ns)
{
    return a_ns <= b_ns * REGIMES_ALIKE && b_ns <= a_ns * REGIMES_ALIKE;
}

/* At most two frames. */
static size_t find_frames(struct frame *ret, const struct journal *a, const struct journal *b)
{
    size_t count = 0;
    if (a->regime_count == 0 || b->regime_count == 0) { /* not known */
        ret[0] = (struct frame){.a = {NULL, 0}, .b = {NULL, 0}};
        return 1;
    }
    bool several = a->regime_count > 1 || b->regime_count > 1;
    for (int i = 0; i < (int)a->regime_count; i++)
        for (int j = 0; j < (int)b->regime_count; j++)
            if (alike(a->regimes[i].line_ns, b->regimes[j].line_ns) && count < 2)
                ret[count++] = (struct frame){
                    .a = {a, i},
                    .b = {b, j},
                    .regime = !several              ? NULL
                              : a->regime_count > 1 ? a->regimes[i].name
                                                    : b->regimes[j].name,
                };
    if (count > 0)
        return count;
    ret[0] = (struct frame){.a = {NULL, 0}, .b = {NULL, 0}, .regime = "unlike", .unlike = true};
    return 1;
}

static struct rounds_view take_rounds(double *values, const struct cell *cell, struct slice slice)
{
    size_t count = 0;
    for (size_t i = 0; cell_has_cost(cell) && i < cell->round_count; i++)
        if (slice_holds(slice, cell->rounds[i].round))
            values[count++] = cell->rounds[i].wall_ns;
    return (struct rounds_view){values, count};
}

static int compare_match(struct comparison *ret, const struct work *work, const struct match *match,
                         const struct frame *frame)
{
    struct rounds_view a = take_rounds(work->values, match->a, frame->a);
    struct rounds_view b = take_rounds(work->values + match->a->round_count, match->b, frame->b);
    struct estimate ratio;
    if (bootstrap_ratio(&ratio, a, b, work->resamples, work->seed) != 0)
        return -1;
    *ret = (struct comparison){.a = match->a, .b = match->b, .regime = frame->regime, .ratio = ratio.median};
    ret->low = ratio.low;
    ret->high = ratio.high;
    ret->delta = work->delta;
    ret->a_ns = median_cost(match->a, frame->a);
    ret->b_ns = median_cost(match->b, frame->b);
    comparison_judge(ret);
    if (frame->unlike)
        ret->verdict = VERDICT_INCONCLUSIVE;
    return 0;
}

static size_t count_rounds(const struct matches *matches, size_t *ret_most)
{
    size_t sum = 0;
    *ret_most = 0;
    for (size_t i = 0; i < matches->count; i++) {
        size_t rounds = matches->items[i].a->round_count + matches->items[i].b->round_count;
        sum += rounds;
        *ret_most = rounds > *ret_most ? rounds : *ret_most;
    }
    return sum;
}

int compare_saved(struct comparisons *ret, const struct saved *a, const struct saved *b, const struct matches *matches,
                  uint64_t seed, size_t *ret_resamples)
{
    struct comparisons comparisons = {0};
    struct frame frames[2];
    size_t most, sum = count_rounds(matches, &most), frame_count = find_frames(frames, &a->journal, &b->journal);
    struct work work = {
        .a = a,
        .b = b,
        .delta = comparison_delta(fmax(a->noise_floor, b->noise_floor)),
        .resamples = bootstrap_resamples(sum),
        .seed = seed,
        .values = calloc(most + 1, sizeof *work.values),
    };
    int result = work.values != NULL ? 0 : -1;
    for (size_t i = 0; i < matches->count && result == 0; i++)
        for (size_t frame = 0; frame < frame_count && result == 0; frame++) {
            struct comparison comparison;
            result = compare_match(&comparison, &work, &matches->items[i], &frames[frame]);
            if (result == 0)
                result = comparisons_add(&comparisons, &comparison);
        }
    free(work.values);
    if (result != 0) {
        comparisons_free(&comparisons);
        return -1;
    }
    *ret_resamples = work.resamples;
    *ret = comparisons;
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Making cells from axes, and their names.
 */
#include "cell.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "histogram.h"

const char *pattern_name(enum pattern pattern)
{
    static const char *const names[] = {"stream", "pingpong", "paced"};
    return names[pattern];
}

const char *pairing_name(struct pairing pairing)
{
    static const char *const names[2][2] = {{"thread:thread", "thread:process"}, {"process:thread", "process:process"}};
    return names[pairing.producer][pairing.consumer];
}

const char *wait_name(enum weir_wait wait)
{
    static const char *const names[] = {"default", "block", "spin", "adaptive"};
    return names[wait];
}

const char *access_name(enum access access)
{
    static const char *const names[] = {"copy", "place"};
    return names[access];
}

const char *status_name(enum cell_status status)
{
    static const char *const names[] = {"ok", "skipped", "failed"};
    return names[status];
}

void cell_set(struct cell *cell, enum cell_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cell->status = status;
    vsnprintf(cell->reason, sizeof cell->reason, format, arguments);
    va_end(arguments);
}

void integrity_add(struct integrity *sum, const struct integrity *part)
{
    sum->sent += part->sent;
    sum->received += part->received;
    sum->lost += part->lost;
    sum->duplicated += part->duplicated;
    sum->reordered += part->reordered;
    sum->corrupted += part->corrupted;
}

bool cell_is_synthetic(const struct cell *cell)
{
    return (cell->capabilities & WEIR_CAP_SYNTHETIC) != 0;
}

enum weir_wait cell_wait(const struct cell *cell)
{
    return cell->wait != WEIR_WAIT_DEFAULT ? cell->wait : cell->setup.wait;
}

size_t cell_depth(const struct cell *cell)
{
    return cell->depth != 0 ? cell->depth : cell->setup.depth;
}

int cell_add_round(struct cell *cell, const struct epoch_cost *cost)
{
    struct epoch_cost *rounds = grow(cell->rounds, cell->round_count, &cell->round_capacity, sizeof *rounds);
    if (rounds == NULL)
        return -1;
    cell->rounds = rounds;
    cell->rounds[cell->round_count++] = *cost;
    return 0;
}

static int add_histogram(struct histogram **sum, const struct histogram *part)
{
    if (part == NULL)
        return 0;
    if (*sum == NULL && (*sum = histogram_create()) == NULL)
        return -1;
    histogram_merge(*sum, part);
    return 0;
}

int cell_add_latency(struct cell *cell, const struct histogram *latency, const struct histogram *uncorrected)
{
    return add_histogram(&cell->latency, latency) | add_histogram(&cell->uncorrected, uncorrected);
}

/* Which of the axes that stand in an id only where cells differ in them do differ. */
struct extras {
    bool wait, depth, batch, pin;
};

static struct extras find_extras(const struct cells *cells)
{
    struct extras extras = {0};
    for (size_t i = 1; i < cells->count; i++) {
        const struct setup *first = &cells->items[0].setup, *setup = &cells->items[i].setup;
        extras.wait |= setup->wait != first->wait;
        extras.depth |= setup->depth != first->depth;
        extras.batch |= setup->batch != first->batch;
        extras.pin |= strcmp(setup->pin, first->pin) != 0;
    }
    return extras;
}

static void name_cell(struct cell *cell, struct extras extras)
{
    const struct setup *setup = &cell->setup;
    size_t used = (size_t)snprintf(cell->id, sizeof cell->id, "%s/%s/%zu/%ux%u/%s/%s", setup->spec,
                                   pairing_name(setup->pairing), setup->size, setup->workers.producers,
                                   setup->workers.consumers, pattern_name(setup->pattern), codec_name(setup->codec));
#define EXTRA(differs, ...)                                                                                            \
    if ((differs) && used < sizeof cell->id)                                                                           \
    used += (size_t)snprintf(cell->id + used, sizeof cell->id - used, __VA_ARGS__)
    EXTRA(setup->pattern == PATTERN_PACED, "/rate=%.0f", setup->rate);
    EXTRA(extras.wait, "/wait=%s", wait_name(setup->wait));
    EXTRA(extras.depth, "/depth=%zu", setup->depth);
    EXTRA(extras.batch, "/batch=%u", setup->batch);
    EXTRA(setup->access != ACCESS_COPY, "/access=%s", access_name(setup->access));
    EXTRA(extras.pin, "/pin=%s", setup->pin);
#undef EXTRA
    snprintf(cell->channel, sizeof cell->channel, "%.*s", (int)strcspn(setup->spec, ","), setup->spec);
}

void cells_name(struct cells *cells)
{
    struct extras extras = find_extras(cells);
    for (size_t i = 0; i < cells->count; i++)
        name_cell(&cells->items[i], extras);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *cells_find_twice(const struct cells *cells)
{
    const char **ids = calloc(cells->count + 1, sizeof *ids), *found = NULL;
    for (size_t i = 0; ids != NULL && i < cells->count; i++)
        ids[i] = cells->items[i].id;
    if (ids != NULL)
        qsort(ids, cells->count, sizeof *ids, compare_ids);
    for (size_t i = 1; ids != NULL && i < cells->count && found == NULL; i++)
        if (strcmp(ids[i], ids[i - 1]) == 0)
            found = ids[i];
    free(ids);
    return found;
}

/* What can be told without making the channel. */
static void check_cell(struct cell *cell)
{
    const struct setup *setup = &cell->setup;
    char reason[256];
    if (codec_size_check(setup->codec, setup->size, reason, sizeof reason) != 0)
        cell_set(cell, CELL_SKIPPED, "%s", reason);
    else if (setup->pattern == PATTERN_PINGPONG &&
             !codec_numbers(setup->codec, setup->size, setup->workers.producers, setup->workers.consumers))
        cell_set(cell, CELL_SKIPPED, "a message of %zu byte%s has no room to say who waits for the answer", setup->size,
                 setup->size == 1 ? "" : "s");
    else if (setup->pattern == PATTERN_PACED && !codec_stamps(setup->codec, setup->size))
        cell_set(cell, CELL_SKIPPED, "a message of %zu byte%s has no room to say when it was sent", setup->size,
                 setup->size == 1 ? "" : "s");
    else if (setup->pattern == PATTERN_PACED && setup->rate < setup->workers.producers)
        cell_set(cell, CELL_SKIPPED, "%.0f a second are less than one a second from each of %u producers", setup->rate,
                 setup->workers.producers);
}

/* One value of each axis but the pattern, by mixed-radix digits of `index`; the last axis turns fastest. */
static struct setup pick(const struct axes *axes, enum pattern pattern, size_t index)
{
    struct setup setup = {.pattern = pattern};
#define DIGIT(field, values, count)                                                                                    \
    setup.field = axes->values[index % axes->count];                                                                   \
    index /= axes->count
    if (pattern == PATTERN_PACED) {
        DIGIT(rate, rates, rate_count);
    }
    DIGIT(pairing, pairings, pairing_count);
    DIGIT(spec, specs, spec_count);
    DIGIT(pin, pins, pin_count);
    DIGIT(access, accesses, access_count);
    DIGIT(batch, batches, batch_count);
    DIGIT(depth, depths, depth_count);
    DIGIT(wait, waits, wait_count);
    DIGIT(codec, codecs, codec_count);
    DIGIT(workers, workers, workers_count);
    DIGIT(size, sizes, size_count);
#undef DIGIT
    return setup;
}

void cell_start(struct cell *ret, const struct setup *setup)
{
    *ret = (struct cell){.setup = *setup, .memory = {NAN, NAN}, .fixed_ns = NAN};
    check_cell(ret);
}

size_t cells_of_pattern(const struct axes *axes, enum pattern pattern)
{
    size_t count = axes->spec_count * axes->pairing_count * axes->size_count * axes->workers_count * axes->codec_count *
                   axes->wait_count * axes->depth_count * axes->batch_count * axes->access_count * axes->pin_count;
    return pattern == PATTERN_PACED ? count * axes->rate_count : count;
}

int cells_make(struct cells *ret_cells, const struct axes *axes)
{
    size_t count = 0, made = 0;
    for (size_t i = 0; i < axes->pattern_count; i++)
        count += cells_of_pattern(axes, axes->patterns[i]);
    struct cell *items = calloc(count + 1, sizeof *items);
    if (items == NULL)
        return -1;
    for (size_t i = 0; i < axes->pattern_count; i++) {
        enum pattern pattern = axes->patterns[i];
        for (size_t j = 0; j < cells_of_pattern(axes, pattern); j++) {
            struct setup setup = pick(axes, pattern, j);
            cell_start(&items[made++], &setup);
        }
    }
    *ret_cells = (struct cells){items, count};
    cells_name(ret_cells);
    return 0;
}

void cell_clear(struct cell *cell)
{
    free(cell->rounds);
    free(cell->latency);
    free(cell->uncorrected);
    cell->rounds = NULL;
    cell->latency = cell->uncorrected = NULL;
    cell->round_count = cell->round_capacity = 0;
}

void cells_free(struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++)
        cell_clear(&cells->items[i]);
    free(cells->items);
    *cells = (struct cells){0};
}

/* SPDX-License-Identifier: MIT
 *
 * Choosing pairs and sizes.
 */
#include "survey.h"

#include <stdlib.h>

#define LEAST_COPY_BYTES ((size_t)4 << 10)
#define MOST_COPY_BYTES  ((size_t)8 << 20)

static struct gauge *add(struct survey *survey, enum yardstick yardstick, int cpu_a, int cpu_b, size_t size)
{
    int index = gauges_add(&survey->gauges, yardstick, cpu_a, cpu_b, size);
    return index < 0 ? NULL : &survey->gauges.items[index];
}

/* ---- sizes --------------------------------------------------------------------------------------------------- */

/* Source and destination together fill half of the cache, and are larger than the one before it. */
static int add_copies(struct survey *survey, const char *root, int cpu)
{
    static const char *const names[] = {"L1", "L2", "L3"};
    static const size_t usual[] = {(size_t)32 << 10, (size_t)1 << 20, (size_t)8 << 20};
    size_t before = 0;
    bool known = cache_bytes(root, cpu, 1) != 0;
    for (int level = 1; level <= 3; level++) {
        size_t cache = known ? cache_bytes(root, cpu, level) : usual[level - 1];
        size_t size = cache / 4 < MOST_COPY_BYTES ? cache / 4 : MOST_COPY_BYTES;
        if (size < LEAST_COPY_BYTES || 2 * size <= before)
            continue;
        struct gauge *gauge = add(survey, YARDSTICK_COPY, cpu, -1, size);
        if (gauge == NULL)
            return -1;
        gauge->name = names[level - 1];
        before = cache;
    }
    return 0;
}

static const size_t *sizes_of(enum yardstick yardstick, size_t *ret_count)
{
    static const size_t messages[] = {64, 4096, 65536}, small[] = {64}, blocks[] = {4096, 65536}, block[] = {262144},
                        none[] = {0};
    *ret_count = 1;
    switch (yardstick) {
    case YARDSTICK_TRANSIT_PIPE:
    case YARDSTICK_TRANSIT_SEQPACKET:
    case YARDSTICK_TRANSIT_STREAM:
        *ret_count = 3;
        return messages;
    case YARDSTICK_WRITE_PIPE:
    case YARDSTICK_WRITE_SEQPACKET:
    case YARDSTICK_WRITE_STREAM:
        return small;
    case YARDSTICK_COPY_WRITTEN:
        *ret_count = 2;
        return blocks;
    case YARDSTICK_COPY_MEMORY:
        return block;
    default:
        return none;
    }
}

static int add_sizes(struct survey *survey, enum yardstick yardstick, int cpu_a, int cpu_b, bool minor)
{
    size_t count;
    const size_t *sizes = sizes_of(yardstick, &count);
    for (size_t i = 0; i < count; i++) {
        struct gauge *gauge = add(survey, yardstick, cpu_a, cpu_b, sizes[i]);
        if (gauge == NULL)
            return -1;
        gauge->minor = minor;
    }
    return 0;
}

/* ---- pairs --------------------------------------------------------------------------------------------------- */

static int add_pairs(struct survey *survey, enum yardstick yardstick, bool whole)
{
    bool seen[DISTANCE_COUNT] = {false};
    bool few = survey->spot_count <= SURVEY_FEW_CPUS;
    bool each = yardstick == YARDSTICK_LINE_STORE && (few || (whole && survey->spot_count <= SURVEY_MOST_CPUS));
    for (size_t i = 0; i < survey->spot_count; i++)
        for (size_t j = i + 1; j < survey->spot_count; j++) {
            const struct spot *a = &survey->spots[i], *b = &survey->spots[j];
            enum distance distance = distance_between(a, b);
            bool first = !seen[distance];
            seen[distance] = true;
            if ((first || each) && add_sizes(survey, yardstick, a->cpu, b->cpu, !first && !few) != 0)
                return -1;
        }
    return 0;
}

/* Where a new worker runs is for the scheduler to say; all else of one CPU is measured on the first. */
static int add_yardstick(struct survey *survey, const char *root, enum yardstick yardstick, bool whole)
{
    int cpu = survey->spot_count > 0 ? survey->spots[0].cpu : -1;
    if (yardstick_facts(yardstick)->is_pair)
        return add_pairs(survey, yardstick, whole);
    if (yardstick == YARDSTICK_COPY)
        return add_copies(survey, root, cpu);
    bool creates = yardstick == YARDSTICK_THREAD || yardstick == YARDSTICK_FORK || yardstick == YARDSTICK_SPAWN;
    return add_sizes(survey, yardstick, creates ? -1 : cpu, -1, false);
}

int survey_make(struct survey *ret, const char *root, const int *cpus, size_t cpu_count,
                const bool wants[YARDSTICK_COUNT], bool whole)
{
    struct survey survey = {.spots = calloc(cpu_count + 1, sizeof *survey.spots), .spot_count = cpu_count};
    if (survey.spots == NULL)
        return -1;
    for (size_t i = 0; i < cpu_count; i++)
        survey.spots[i] = spot_read(root, cpus[i]);
    for (int i = 0; i < YARDSTICK_COUNT; i++)
        if (wants[i] && add_yardstick(&survey, root, (enum yardstick)i, whole) != 0) {
            survey_free(&survey);
            return -1;
        }
    *ret = survey;
    return 0;
}

static const struct spot *spot_of(const struct survey *survey, int cpu)
{
    const struct spot *spot = survey->spots;
    while (spot->cpu != cpu)
        spot++;
    return spot;
}

enum distance survey_distance(const struct survey *survey, const struct gauge *gauge)
{
    return distance_between(spot_of(survey, gauge->cpu_a), spot_of(survey, gauge->cpu_b));
}

void survey_free(struct survey *survey)
{
    gauges_free(&survey->gauges);
    free(survey->spots);
    *survey = (struct survey){0};
}

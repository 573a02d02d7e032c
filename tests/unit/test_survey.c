/* SPDX-License-Identifier: MIT
 *
 * What `weir limits` chooses to measure on machines that are not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "measure/survey.h"

static char root[] = "/tmp/weir-survey.XXXXXX";

static void write_leaf(int cpu, const char *leaf, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/%s", root, cpu, leaf);
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    fclose(file);
}

static void write_cache(int cpu, int index, const char *level, const char *type, const char *size, const char *shared)
{
    const char *const texts[][2] = {{"level", level}, {"type", type}, {"size", size}, {"shared_cpu_list", shared}};
    for (size_t i = 0; i < 4; i++) {
        char leaf[64];
        snprintf(leaf, sizeof leaf, "cache/index%d/%s", index, texts[i][0]);
        write_leaf(cpu, leaf, texts[i][1]);
    }
}

/* Two packages; in each two groups of two cores that share a last-level cache, of two threads each: 16 CPUs, numbered
 * as Linux likes to: first one thread of each core, then the other. */
static int make_machine(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    for (int cpu = 0; cpu < 16; cpu++) {
        int core = cpu % 8, group = core / 2 * 2;
        char siblings[16], shared[32], package[8];
        snprintf(siblings, sizeof siblings, "%d,%d", core, core + 8);
        snprintf(shared, sizeof shared, "%d-%d,%d-%d", group, group + 1, group + 8, group + 9);
        snprintf(package, sizeof package, "%d", core / 4);
        write_leaf(cpu, "topology/thread_siblings_list", siblings);
        write_leaf(cpu, "topology/physical_package_id", package);
        write_cache(cpu, 0, "1", "Data", "48K", siblings);
        write_cache(cpu, 1, "1", "Instruction", "32K", siblings);
        write_cache(cpu, 2, "2", "Unified", "1M", siblings);
        write_cache(cpu, 3, "3", "Unified", "32768K", shared);
    }
    return 0;
}

static int remove_machine(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command); /* NOLINT(bugprone-command-processor): a fixed text */
}

static enum distance between(int a, int b)
{
    struct spot first = spot_read(root, a), second = spot_read(root, b);
    return distance_between(&first, &second);
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(between(0, 8), DISTANCE_CORE);
    assert_int_equal(between(0, 1), DISTANCE_CACHE);
    assert_int_equal(between(0, 9), DISTANCE_CACHE);
    assert_int_equal(between(0, 2), DISTANCE_PACKAGE);
    assert_int_equal(between(3, 4), DISTANCE_FAR);
    assert_int_equal(between(100, 101), DISTANCE_PACKAGE); /* nothing is known of either */
}

static void cache_sizes(void **state)
{
    (void)state;
    assert_int_equal(cache_bytes(root, 0, 1), 48 << 10);
    assert_int_equal(cache_bytes(root, 0, 2), 1 << 20);
    assert_int_equal(cache_bytes(root, 0, 3), 32 << 20);
    assert_int_equal(cache_bytes(root, 0, 4), 0);
    assert_int_equal(cache_bytes(root, 100, 1), 0);
}

static size_t count_of(const struct survey *survey, enum yardstick yardstick, bool minor_too)
{
    size_t count = 0;
    for (size_t i = 0; i < survey->gauges.count; i++)
        count += survey->gauges.items[i].yardstick == yardstick && (minor_too || !survey->gauges.items[i].minor);
    return count;
}

static struct survey survey_of(size_t cpu_count, bool whole)
{
    int cpus[16];
    bool wants[YARDSTICK_COUNT];
    struct survey survey;
    for (int i = 0; i < 16; i++)
        cpus[i] = i;
    memset(wants, true, sizeof wants);
    assert_int_equal(survey_make(&survey, root, cpus, cpu_count, wants, whole), 0);
    return survey;
}

static void many_cpus_have_one_pair_of_each_distance(void **state)
{
    (void)state;
    struct survey survey = survey_of(16, false);
    assert_int_equal(count_of(&survey, YARDSTICK_LINE_STORE, true), DISTANCE_COUNT);
    assert_int_equal(count_of(&survey, YARDSTICK_WAKE, true), DISTANCE_COUNT);
    assert_int_equal(count_of(&survey, YARDSTICK_COPY_WRITTEN, true), 2 * DISTANCE_COUNT);
    survey_free(&survey);
    survey = survey_of(16, true);
    assert_int_equal(count_of(&survey, YARDSTICK_LINE_STORE, true), 16 * 15 / 2);
    assert_int_equal(count_of(&survey, YARDSTICK_LINE_STORE, false), DISTANCE_COUNT);
    assert_int_equal(count_of(&survey, YARDSTICK_WAKE, true), DISTANCE_COUNT);
    survey_free(&survey);
}

static void few_cpus_have_every_pair(void **state)
{
    (void)state;
    struct survey survey = survey_of(8, false); /* no two of one core */
    assert_int_equal(count_of(&survey, YARDSTICK_LINE_STORE, false), 8 * 7 / 2);
    assert_int_equal(count_of(&survey, YARDSTICK_LINE_SWAP, true), DISTANCE_COUNT - 1);
    survey_free(&survey);
    survey = survey_of(1, true);
    assert_int_equal(count_of(&survey, YARDSTICK_LINE_STORE, true), 0);
    assert_int_equal(count_of(&survey, YARDSTICK_CALL, true), 1);
    survey_free(&survey);
}

static void copies_fill_half_of_each_cache(void **state)
{
    (void)state;
    struct survey survey = survey_of(2, false);
    size_t sizes[3] = {0}, count = 0;
    for (size_t i = 0; i < survey.gauges.count && count < 3; i++)
        if (survey.gauges.items[i].yardstick == YARDSTICK_COPY)
            sizes[count++] = survey.gauges.items[i].size;
    assert_int_equal(sizes[0], 12 << 10);
    assert_int_equal(sizes[1], 256 << 10);
    assert_int_equal(sizes[2], 8 << 20);
    survey_free(&survey);
}

static void a_gauge_is_set_up_once(void **state)
{
    (void)state;
    struct gauges gauges = {0};
    assert_int_equal(gauges_add(&gauges, YARDSTICK_LINE_STORE, 0, 1, 64), 0);
    assert_int_equal(gauges_add(&gauges, YARDSTICK_CALL, 0, 1, 64), 1);
    assert_int_equal(gauges_add(&gauges, YARDSTICK_LINE_STORE, 0, 1, 128), 0); /* it has no size */
    assert_int_equal(gauges_add(&gauges, YARDSTICK_LINE_STORE, 1, 0, 64), 2);
    assert_int_equal(gauges_add(&gauges, YARDSTICK_TRANSIT_PIPE, 0, -1, 64), 3);
    assert_int_equal(gauges_add(&gauges, YARDSTICK_TRANSIT_PIPE, 0, -1, 65), 4);
    gauges_free(&gauges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(cache_sizes),
        cmocka_unit_test(many_cpus_have_one_pair_of_each_distance),
        cmocka_unit_test(few_cpus_have_every_pair),
        cmocka_unit_test(copies_fill_half_of_each_cache),
        cmocka_unit_test(a_gauge_is_set_up_once),
    };
    return cmocka_run_group_tests(tests, make_machine, remove_machine);
}

/* SPDX-License-Identifier: MIT
 *
 * Placement policies, on the CPUs that are here and on a machine that is not: topology.c, which the library does not
 * export, is compiled in and shown a folder of our own in place of sysfs.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <weir/worker.h>

#include "../../workers/topology.c" /* NOLINT(bugprone-suspicious-include) */

#define MAX_CPUS 1024

static int allowed[MAX_CPUS];
static size_t allowed_count;

static int read_allowed_cpus(void **state)
{
    (void)state;
    int count = weir_cpus_allowed(allowed, MAX_CPUS);
    if (count < 1 || count > MAX_CPUS)
        return -1;
    allowed_count = (size_t)count;
    return 0;
}

static int first_cpu_not_allowed(void)
{
    size_t cpu = 0;
    while (cpu < allowed_count && allowed[cpu] == (int)cpu)
        cpu++;
    return (int)cpu;
}

/* ---- placement --------------------------------------------------------------------------------------------- */

static void test_cpus_allowed(void **state)
{
    (void)state;
    int first = -1;
    assert_int_equal(weir_cpus_allowed(NULL, 0), allowed_count);
    assert_int_equal(weir_cpus_allowed(&first, 1), allowed_count);
    assert_int_equal(first, allowed[0]);
    for (size_t i = 1; i < allowed_count; i++)
        assert_true(allowed[i - 1] < allowed[i]);

    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)allowed[allowed_count - 1], &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int count = weir_cpus_allowed(&first, 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(count, 1);
    assert_int_equal(first, allowed[allowed_count - 1]);
}

static void assert_placement(const char *policy, uint32_t producers, uint32_t consumers, const int *expected)
{
    int cpus[16];
    struct weir_error error = {0};
    if (weir_placement(cpus, policy, producers, consumers, &error) != 0)
        fail_msg("'%s': %s", policy, error.text);
    for (size_t i = 0; i < producers + consumers; i++)
        assert_int_equal(cpus[i], expected[i]);
}

static void test_policies(void **state)
{
    (void)state;
    int a = allowed[0], b = allowed[allowed_count - 1];
    char policy[64];
    assert_placement("none", 2, 1, (int[]){-1, -1, -1});
    assert_placement("same", 2, 1, (int[]){a, a, a});
    snprintf(policy, sizeof policy, "%d:%d", a, b);
    assert_placement(policy, 1, 1, (int[]){a, b});
    assert_placement(policy, 2, 3, (int[]){a, a, b, b, b});
    snprintf(policy, sizeof policy, "%d,%d:%d,%d-%d,%d", a, b, b, a, a, a);
    assert_placement(policy, 3, 4, (int[]){a, b, a, b, a, a, b});
    snprintf(policy, sizeof policy, "%d,%d:%d", a, b, a);
    assert_placement(policy, 5, 1, (int[]){a, b, a, b, a, a});
    if (allowed_count > 1 && allowed[1] == a + 1) {
        snprintf(policy, sizeof policy, "%d-%d:%d", a, a + 1, a);
        assert_placement(policy, 3, 1, (int[]){a, a + 1, a, a});
        assert_placement(policy, 1, 1, (int[]){a, a});
    }
}

static void test_auto_gives_each_its_own_cpu_or_none(void **state)
{
    (void)state;
    int cpus[MAX_CPUS + 1];
    uint32_t count = (uint32_t)allowed_count;
    assert_int_equal(weir_placement(cpus, "auto", count, 0, NULL), 0);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(cpus[i], cpus[j]);
    assert_int_equal(weir_placement(cpus, "auto", count, 1, NULL), 0);
    for (uint32_t i = 0; i <= count; i++)
        assert_int_equal(cpus[i], -1);
}

static void test_malformed_policies(void **state)
{
    (void)state;
    const char *policies[] = {"",     "foo",  "Auto", "auto ", "0",    "0:",     ":0",    "0:0:0",
                              "0,:0", "0;0",  "0:-1", " 0:0",  "0-:0", "0:0,",   "0:0x",  "99999999999999999999:0",
                              "+0:0", "-0:0", "0:0 ", "1-0:0", ":",    "same:0", "0--0:0"};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        int cpus[2] = {77, 77};
        struct weir_error error = {0};
        if (weir_placement(cpus, policies[i], 1, 1, &error) != WEIR_EINVAL)
            fail_msg("'%s' was taken for a policy", policies[i]);
        assert_int_equal(error.code, WEIR_EINVAL);
        assert_int_equal(cpus[0], 77);
        assert_int_equal(cpus[1], 77);
    }
    struct weir_error error;
    assert_int_equal(weir_placement(NULL, "foo", 0, 0, &error), WEIR_EINVAL);
    assert_string_equal(error.text, "pin 'foo' is not one of auto, none, same, or P:C such as 0:1");
}

static void test_policy_with_a_cpu_that_is_not_allowed(void **state)
{
    (void)state;
    int bad = first_cpu_not_allowed();
    char policy[64], beginning[64];
    snprintf(beginning, sizeof beginning, "CPU %d is not allowed here; allowed: %d", bad, allowed[0]);
    for (int form = 0; form < 3; form++) {
        if (form == 0)
            snprintf(policy, sizeof policy, "%d:%d", allowed[0], bad);
        else if (form == 1)
            snprintf(policy, sizeof policy, "%d,%d:%d", allowed[0], bad, allowed[0]);
        else
            snprintf(policy, sizeof policy, "%d-2000000000:%d", bad, allowed[0]);
        int cpus[2] = {77, 77};
        struct weir_error error = {0};
        assert_int_equal(weir_placement(cpus, policy, 1, 1, &error), WEIR_EINVAL);
        assert_memory_equal(error.text, beginning, strlen(beginning));
        assert_int_equal(cpus[0], 77);
    }
}

/* ---- a machine that is not there --------------------------------------------------------------------------- */

static char machine[64];

static void write_file(int cpu, const char *leaf, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/cpu%d/%s", machine, cpu, leaf);
    for (char *slash = strchr(path + strlen(machine) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* 8 cores of 2 CPUs, n and n + 8; cores 0-3 share one last-level cache, cores 4-7 another. */
static int make_machine(void **state)
{
    (void)state;
    snprintf(machine, sizeof machine, "/tmp/weir-test-XXXXXX");
    if (mkdtemp(machine) == NULL)
        return -1;
    for (int cpu = 0; cpu < 16; cpu++) {
        char siblings[16];
        snprintf(siblings, sizeof siblings, "%d,%d\n", cpu % 8, cpu % 8 + 8);
        write_file(cpu, "topology/thread_siblings_list", siblings);
        write_file(cpu, "topology/physical_package_id", "0\n");
        write_file(cpu, "cache/index0/level", "1\n");
        write_file(cpu, "cache/index0/shared_cpu_list", siblings);
        write_file(cpu, "cache/index1/level", "3\n");
        write_file(cpu, "cache/index1/shared_cpu_list", cpu % 8 < 4 ? "0-3,8-11\n" : "4-7,12-15\n");
        write_file(cpu, "cache/index2/level", "2\n"); /* the order of the numbers is not to be relied upon */
        write_file(cpu, "cache/index2/shared_cpu_list", siblings);
    }
    return 0;
}

static int remove_machine(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", machine);
    return system(command);
}

static void assert_assigned(const int *cpus, size_t count, size_t producers, size_t consumers, const int *expected)
{
    struct weir_cpu_place places[16];
    int assigned[16];
    weir_topology_read(places, cpus, count, machine);
    weir_topology_assign(assigned, producers, consumers, places, count);
    for (size_t i = 0; i < producers + consumers; i++)
        assert_int_equal(assigned[i], expected[i]);
}

static const int sixteen[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_topology_is_read(void **state)
{
    (void)state;
    struct weir_cpu_place places[16];
    weir_topology_read(places, sixteen, 16, machine);
    assert_int_equal(places[13].cpu, 13);
    assert_int_equal(places[13].core, 5);
    assert_int_equal(places[13].cache, 4);
    assert_int_equal(places[13].package, 0);
    assert_int_equal(places[13].sibling_rank, 1);
    assert_int_equal(places[13].cache_cores, 4);
}

static void test_near_and_on_cores_of_their_own(void **state)
{
    (void)state;
    assert_assigned(sixteen, 16, 1, 1, (int[]){0, 1});
    assert_assigned(sixteen, 16, 2, 2, (int[]){0, 2, 1, 3});
    assert_assigned(sixteen, 16, 4, 1, (int[]){0, 2, 3, 4, 1}); /* the consumer is near three of four */
    assert_assigned(sixteen, 16, 1, 4, (int[]){0, 1, 2, 3, 4});
    assert_assigned(sixteen, 16, 4, 4, (int[]){0, 2, 4, 6, 1, 3, 5, 7});
    assert_assigned(sixteen, 16, 5, 5, (int[]){0, 2, 4, 6, 8, 1, 3, 5, 7, 9}); /* no core is free any more */
}

static void test_the_largest_group_of_neighbours_is_used_first(void **state)
{
    (void)state;
    assert_assigned((int[]){0, 4, 5, 6}, 4, 1, 1, (int[]){4, 5});
    assert_assigned((int[]){0, 8, 4}, 3, 1, 1, (int[]){0, 4});                /* 8 is the sibling of 0 */
    assert_assigned((int[]){3, 11}, 2, 1, 1, (int[]){3, 11});                 /* nothing better is there */
    assert_assigned((int[]){0, 8, 1, 9, 4, 5, 6}, 7, 2, 1, (int[]){4, 6, 5}); /* cores count, not CPUs */
}

static void test_missing_topology_does_no_harm(void **state)
{
    (void)state;
    struct weir_cpu_place places[3];
    int cpus[3];
    weir_topology_read(places, (int[]){5, 20, 21}, 3, machine);
    assert_int_equal(places[1].core, 20);
    assert_int_equal(places[1].cache, -1);
    assert_int_equal(places[1].package, -1);
    weir_topology_assign(cpus, 2, 1, places, 3);
    weir_topology_read(places, (int[]){0, 1, 2}, 3, "/nowhere");
    weir_topology_assign(cpus, 1, 2, places, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(cpus[i], i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpus_allowed),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_auto_gives_each_its_own_cpu_or_none),
        cmocka_unit_test(test_malformed_policies),
        cmocka_unit_test(test_policy_with_a_cpu_that_is_not_allowed),
        cmocka_unit_test_setup_teardown(test_topology_is_read, make_machine, remove_machine),
        cmocka_unit_test_setup_teardown(test_near_and_on_cores_of_their_own, make_machine, remove_machine),
        cmocka_unit_test_setup_teardown(test_the_largest_group_of_neighbours_is_used_first, make_machine,
                                        remove_machine),
        cmocka_unit_test_setup_teardown(test_missing_topology_does_no_harm, make_machine, remove_machine),
    };
    return cmocka_run_group_tests_name("placement", tests, read_allowed_cpus, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The judgements about a machine, on machines that are not there: each test writes the files that the kernel would
 * show into a folder of its own, and reads them from there.
 */
#include "checks_helpers.h"

/* A file of the CPU that comes `index`th among those that this test may use. */
static void put_cpu(int index, const char *leaf, const char *text)
{
    int cpus[1024];
    char path[256];
    assert_true(weir_cpus_allowed(cpus, 1024) > index);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", cpus[index], leaf);
    put(path, text);
}

/* ---- a machine that says nothing ----------------------------------------------------------------------------- */

static void what_is_not_told_is_not_ok(void **state)
{
    (void)state;
    look();
    environment_sample(&machine);
    expect("cpu-quota", CHECK_NA, "not to be seen", "");
    expect("steal", CHECK_NA, "/proc/stat", "");
    expect("other-load", CHECK_NA, "/proc/stat", "");
    expect("pressure", CHECK_NA, "/proc/pressure/cpu", "");
    expect("governor", CHECK_NA, "cpufreq", "");
    expect("turbo", CHECK_NA, "", "");
    expect("slow-clock", CHECK_NA, "", "");
    expect("shared-memory", CHECK_NA, "/dev/shm", "");
    machine.hypervisor_told = false;
    expect("virtual-machine", CHECK_NA, "", "");
    machine.descriptors = machine.processes = NAN;
    expect("descriptors", CHECK_NA, "", "");
    expect("processes", CHECK_NA, "", "");
    machine.cpus = -1;
    expect("one-cpu", CHECK_NA, "", "");
}

static void every_check_says_something(void **state)
{
    (void)state;
    look();
    judge("steal");
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        assert_in_range(strlen(checks.items[i].text), 1, CHECK_TEXT);
        assert_true(strlen(checks.items[i].id) <= 15);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(checks.items[i].id, checks.items[j].id);
    }
}

/* ---- the build and the CPUs ---------------------------------------------------------------------------------- */

static void builds_for_debugging(void **state)
{
    (void)state;
    look();
    machine.build = "release";
    expect("slow-build", CHECK_OK, "", "");
    machine.build = "debug";
    expect("slow-build", CHECK_WARNING, "debug", "buildtype=release");
    machine.build = "sanitized";
    expect("slow-build", CHECK_WARNING, "sanitized", "b_sanitize=none");
}

static void few_cpus(void **state)
{
    (void)state;
    look();
    expect("one-cpu", CHECK_OK, "2", "");
    expect("more-workers", CHECK_OK, "2 workers a cell, 2 CPUs", "");
    environment_seat_on(&machine, "auto", (int[]){-1, -1, -1, -1, -1}, 5);
    expect("more-workers", CHECK_WARNING, "5 workers on 2 CPUs", "-w");
    environment_seat_on(&machine, "0-1:2-3", (int[]){0, 1, 2, 3, 0, 1, 2, 3}, 8); /* 2 for each, and 5 on 2 is worse */
    expect("more-workers", CHECK_WARNING, "5 workers on 2 CPUs", "-w");
    machine.cpus = 1;
    expect("one-cpu", CHECK_WARNING, "one CPU", "taskset");
}

static void all_on_one_cpu_is_not_crowding_where_it_was_asked_for(void **state)
{
    (void)state;
    environment_read(&machine, root);
    machine.cpus = 2;
    environment_seat_on(&machine, "same", (int[]){0, 0, 0, 0}, 4);
    expect("more-workers", CHECK_NA, "one CPU", "");
    environment_seat_on(&machine, "auto", (int[]){-1, -1, -1}, 3);
    expect("more-workers", CHECK_WARNING, "3 workers on 2 CPUs", "");
}

static void siblings(void **state)
{
    (void)state;
    put("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,4\n");
    put("/sys/devices/system/cpu/cpu4/topology/thread_siblings_list", "0,4\n");
    put("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,5\n");
    look();
    expect("smt-siblings", CHECK_OK, "", "");
    environment_seat_on(&machine, "same", (int[]){4, 4}, 2);
    expect("smt-siblings", CHECK_OK, "", "");
    strcpy(machine.hypervisor, "KVM");
    expect("smt-siblings", CHECK_NA, "guest", "");
    environment_seat_on(&machine, "4:0,1", (int[]){4, 1, 0}, 3);
    expect("smt-siblings", CHECK_WARNING, "0 and 4", "--pin auto");
    environment_seat_on(&machine, "auto", (int[]){0, 4}, 2);
    expect("smt-siblings", CHECK_WARNING, "0 and 4", "-w");
    look();
    environment_seat_on(&machine, "none", (int[]){-1, -1}, 2);
    expect("smt-siblings", CHECK_NA, "scheduler", "");
}

static void placements_are_those_of_the_workers(void **state)
{
    (void)state;
    environment_read(&machine, root);
    assert_int_equal(environment_seat(&machine, "none", 3, 2), 0);
    assert_int_equal(machine.seating.most_workers, 5);
    assert_true(machine.seating.unpinned);
    assert_int_equal(environment_seat(&machine, "sideways", 1, 1), -1);
}

/* ---- others -------------------------------------------------------------------------------------------------- */

/* Looks again as if 10 s had gone by. */
static void look_again_after_10_s(const char *stat)
{
    put("/proc/stat", stat);
    machine.begin.now_ns = weir_now_ns() - 10000000000;
    environment_sample(&machine);
}

static void steal_and_others_over_the_sample(void **state)
{
    (void)state;
    put("/proc/stat", "cpu 1000 0 1000 5000 0 0 0 100 0 0\ncpu0 1 0 1 1 0 0 0 0\n");
    look();
    expect("steal", CHECK_NA, "not sampled", "");
    expect("other-load", CHECK_NA, "not sampled", "");
    look_again_after_10_s("cpu 1170 0 1025 9000 0 3 1 101 0 0\n");
    expect("steal", CHECK_OK, "0.5 %", "");
    look_again_after_10_s("cpu 1000 0 1090 9970 0 4 3 103 0 0\n");
    expect("steal", CHECK_WARNING, "3.0 %", "CPUs of its own");
    expect("other-load", CHECK_OK, "CPUs in 10.0 s", "");
    look_again_after_10_s("cpu 1000 300 1000 5700 0 0 0 100 0 0\n");
    assert_true(machine.others_cpus > 0.2 && machine.others_cpus <= 0.3);
    expect("other-load", CHECK_WARNING, "CPUs in 10.0 s", "top");
}

static void too_short_a_sample_says_nothing(void **state)
{
    (void)state;
    put("/proc/stat", "cpu 1000 0 1000 5000 0 0 0 100 0 0\n");
    look();
    put("/proc/stat", "cpu 1001 0 1000 5000 0 0 0 101 0 0\n");
    machine.begin.now_ns = weir_now_ns() - 20000000;
    environment_sample(&machine);
    expect("steal", CHECK_NA, "too short", "");
    expect("other-load", CHECK_NA, "too short", "");
    look();
    look_again_after_10_s("cpu 1001 0 1000 5000 0 0 0 101 0 0\n"); /* no tick went by */
    expect("steal", CHECK_NA, "", "");
    expect("other-load", CHECK_NA, "", "");
}

static void a_guest_that_was_never_told_of_steal_does_not_know(void **state)
{
    (void)state;
    put("/proc/stat", "cpu 1000 0 1000 5000 0 0 0 0 0 0\n");
    look();
    look_again_after_10_s("cpu 1000 0 1000 6000 0 0 0 0 0 0\n");
    expect("other-load", CHECK_OK, "0.00 CPUs", "");
    expect("steal", CHECK_NA, "", "");
    look_again_after_10_s("cpu 1100 0 1000 6000 0 0 0 0 0 0\n");
    expect("steal", CHECK_OK, "0.0 %", "");
    strcpy(machine.hypervisor, "KVM");
    expect("steal", CHECK_NA, "may not tell", "");
}

static void pressure(void **state)
{
    (void)state;
    put("/proc/pressure/cpu", "some avg10=2.41 avg60=9.59 avg300=9.52 total=2724710842\nfull avg10=9.00\n");
    look();
    expect("pressure", CHECK_OK, "2.4 %", "");
    put("/proc/pressure/cpu", "some avg10=12.00 avg60=0.00 avg300=0.00 total=1\n");
    look();
    expect("pressure", CHECK_WARNING, "12 %", "top");
    put("/proc/loadavg", "0.78 0.50 0.76 3/89 17065\n");
    look();
    expect("pressure", CHECK_WARNING, "12 %", "top");
    put("/proc/loadavg", "0.78 0.50 0.76 1/89 17065\n");
    look();
    expect("pressure", CHECK_OK, "none runs now", "");
}

static void hypervisors(void **state)
{
    (void)state;
    look();
    machine.hypervisor_told = true;
    expect("virtual-machine", CHECK_OK, "", "");
    strcpy(machine.hypervisor, "KVM");
    expect("virtual-machine", CHECK_WARNING, "KVM", "bare metal");
}

/* ---- the clock rate and the clock ---------------------------------------------------------------------------- */

static void governors(void **state)
{
    (void)state;
    put_cpu(0, "cpufreq/scaling_governor", "performance\n");
    environment_read(&machine, root);
    expect("governor", CHECK_OK, "performance", "");
    if (machine.cpus < 2)
        skip();
    put_cpu(1, "cpufreq/scaling_governor", "schedutil\n");
    look();
    expect("governor", CHECK_WARNING, "schedutil on 1 CPU:", "cpupower");
    put_cpu(0, "cpufreq/scaling_governor", "schedutil\n");
    environment_read(&machine, root);
    expect("governor", CHECK_WARNING, "schedutil on 2 CPUs", "cpupower");
}

static void turbo_of_both_kinds(void **state)
{
    (void)state;
    put("/sys/devices/system/cpu/cpufreq/boost", "1\n");
    look();
    expect("turbo", CHECK_WARNING, "on", "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost");
    put("/sys/devices/system/cpu/cpufreq/boost", "0\n");
    look();
    expect("turbo", CHECK_OK, "off", "");
    put("/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n");
    look();
    expect("turbo", CHECK_WARNING, "on", "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo");
    put("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
    look();
    expect("turbo", CHECK_OK, "off", "");
}

static void clocks(void **state)
{
    (void)state;
    const char *path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    put(path, "tsc\n");
    look();
    machine.clock = (struct clock_facts){"tsc", 20, 15};
    expect("slow-clock", CHECK_OK, "20 ns", "");
    machine.clock.overhead_ns = 250;
    expect("slow-clock", CHECK_WARNING, "250 ns", "clocksource=tsc");
    put(path, "hpet\n");
    look();
    machine.clock = (struct clock_facts){"CLOCK_MONOTONIC_RAW", 90, 70};
    expect("slow-clock", CHECK_WARNING, "hpet", "clocksource=tsc");
}

/* ---- room ---------------------------------------------------------------------------------------------------- */

static void room(void **state)
{
    (void)state;
    put("/dev/shm/some", "");
    look();
    assert_true(machine.shared_memory_bytes >= 0);
    machine.shared_memory_bytes = 64 << 20;
    expect("shared-memory", CHECK_OK, "64 MiB", "");
    machine.shared_memory_bytes -= 1;
    expect("shared-memory", CHECK_WARNING, "63 MiB", "remount");
    machine.descriptors = machine.processes = 1024;
    expect("descriptors", CHECK_OK, "1024", "");
    expect("processes", CHECK_OK, "1024", "");
    machine.descriptors = machine.processes = 1023;
    expect("descriptors", CHECK_WARNING, "1023", "ulimit -n");
    expect("processes", CHECK_WARNING, "1023", "ulimit -u");
    machine.descriptors = machine.processes = INFINITY;
    expect("descriptors", CHECK_OK, "any", "");
    expect("processes", CHECK_OK, "any", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_not_told_is_not_ok),
        CASE(every_check_says_something),
        CASE(builds_for_debugging),
        CASE(few_cpus),
        CASE(all_on_one_cpu_is_not_crowding_where_it_was_asked_for),
        CASE(siblings),
        CASE(placements_are_those_of_the_workers),
        CASE(steal_and_others_over_the_sample),
        CASE(too_short_a_sample_says_nothing),
        CASE(a_guest_that_was_never_told_of_steal_does_not_know),
        CASE(pressure),
        CASE(hypervisors),
        CASE(governors),
        CASE(turbo_of_both_kinds),
        CASE(clocks),
        CASE(room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

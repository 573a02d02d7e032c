/* SPDX-License-Identifier: MIT
 *
 * Quotas of CPU time, in control groups of both versions, up the tree and out of containers.
 */
#include "checks_helpers.h"

/* ---- quotas -------------------------------------------------------------------------------------------------- */

static void quota_of_version_2_up_the_tree(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/machine/box/leaf\n");
    put("/proc/self/mountinfo", "30 23 0:26 / /sys rw - sysfs sysfs rw\n"
                                "31 30 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    look();
    expect("cpu-quota", CHECK_NA, "", ""); /* the group is not there to be seen */
    put("/sys/fs/cgroup/machine/box/leaf/cgroup.procs", "1\n");
    look();
    expect("cpu-quota", CHECK_OK, "none", "");
    put("/sys/fs/cgroup/machine/box/leaf/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/machine/box/cpu.max", "400000 100000\n");
    look();
    expect("cpu-quota", CHECK_OK, "4.0 CPUs", "");
    put("/sys/fs/cgroup/machine/cpu.max", "75000 50000\n");
    look();
    expect("cpu-quota", CHECK_WARNING, "1.5 CPUs for workers on 2",
           "echo max | sudo tee /sys/fs/cgroup/machine/cpu.max");
    put("/sys/fs/cgroup/machine/cpu.max", "garbage\n");
    look();
    expect("cpu-quota", CHECK_OK, "4.0 CPUs", "");
}

static void quota_of_a_container_that_sees_its_own_tree_only(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", "31 30 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    look();
    expect("cpu-quota", CHECK_WARNING, "0.5 CPUs", "/sys/fs/cgroup/cpu.max");
    put("/proc/self/cgroup", "0::/../other\n");
    look();
    expect("cpu-quota", CHECK_NA, "", "");
}

static void quota_of_version_1_below_the_root_of_its_mount(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "8:pids:/docker/ab\n4:cpu,cpuacct:/docker/ab\n2:cpuset:/docker/ab\n");
    put("/proc/self/mountinfo", "35 31 0:31 /docker/ab /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
                                "33 31 0:30 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    look();
    expect("cpu-quota", CHECK_OK, "none", "");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "120000\n");
    look();
    expect("cpu-quota", CHECK_WARNING, "1.2 CPUs", "echo -1 | sudo tee /sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us");
    put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/ab/inner\n");
    put("/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_quota_us", "30000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_period_us", "100000\n");
    look();
    expect("cpu-quota", CHECK_WARNING, "0.3 CPUs", "/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_quota_us");
    put("/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n");
    put("/sys/fs/cgroup/cpu,cpuacctc/cgroup.procs", "1\n");
    look();
    expect("cpu-quota", CHECK_NA, "", "");
}

/* Both versions at once: a quota may be set in the tree that cannot be seen. */
static void quota_of_a_tree_that_is_not_mounted(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "4:cpu,cpuacct:/box\n0::/box\n");
    put("/proc/self/mountinfo", "31 30 0:27 / /sys/fs/cgroup/unified ro - cgroup2 cgroup rw\n");
    put("/sys/fs/cgroup/unified/box/cgroup.procs", "1\n");
    look();
    expect("cpu-quota", CHECK_NA, "", "");
}

static void a_quota_counts_only_for_the_cpus_that_workers_use(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", "31 30 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    look();
    machine.cpus = 64;
    expect("cpu-quota", CHECK_OK, "2.0 CPUs", "");
    environment_seat_on(&machine, "none", (int[]){-1, -1, -1}, 3);
    expect("cpu-quota", CHECK_WARNING, "2.0 CPUs for workers on 3", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(quota_of_version_2_up_the_tree),
        CASE(quota_of_a_container_that_sees_its_own_tree_only),
        CASE(quota_of_version_1_below_the_root_of_its_mount),
        CASE(quota_of_a_tree_that_is_not_mounted),
        CASE(a_quota_counts_only_for_the_cpus_that_workers_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

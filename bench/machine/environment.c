/* SPDX-License-Identifier: MIT
 *
 * Looking round. What cannot be found out stays empty.
 */
#include "environment.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <weir/weir.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
const char build_type[] = "sanitized";
#elif defined(__OPTIMIZE__)
const char build_type[] = "release";
#else
const char build_type[] = "debug";
#endif

#ifdef __clang__
const char build_compiler[] = "clang " __clang_version__;
#else
const char build_compiler[] = "gcc " __VERSION__;
#endif

static void read_cpu(char *ret, size_t capacity)
{
    char line[256];
    snprintf(ret, capacity, "unknown CPU");
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            snprintf(ret, capacity, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

static void read_hypervisor(char *ret, size_t capacity)
{
    *ret = '\0';
#if defined(__x86_64__) || defined(__i386__)
    static const char *const known[][2] = {{"KVMKVMKVM", "KVM"},
                                           {"VMwareVMware", "VMware"},
                                           {"Microsoft Hv", "Hyper-V"},
                                           {"XenVMMXenVMM", "Xen"},
                                           {"VBoxVBoxVBox", "VirtualBox"}};
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & 1u << 31) == 0)
        return;
    char signature[13] = "";
    __cpuid(0x40000000, a, b, c, d);
    memcpy(signature, &b, 4);
    memcpy(signature + 4, &c, 4);
    memcpy(signature + 8, &d, 4);
    snprintf(ret, capacity, "hypervisor");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(signature, known[i][0]) == 0)
            snprintf(ret, capacity, "%s", known[i][1]);
#else
    (void)capacity;
#endif
}

/* user nice system idle iowait irq softirq steal … of all CPUs, in ticks. */
static void read_ticks(uint64_t *ret_steal, uint64_t *ret_all)
{
    unsigned long long ticks[8] = {0};
    *ret_steal = *ret_all = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return;
    if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2], &ticks[3],
               &ticks[4], &ticks[5], &ticks[6], &ticks[7]) == 8) {
        *ret_steal = ticks[7];
        for (int i = 0; i < 8; i++)
            *ret_all += ticks[i];
    }
    fclose(file);
}

double environment_steal_percent(const struct environment *environment)
{
    uint64_t steal, all;
    read_ticks(&steal, &all);
    if (all <= environment->all_ticks)
        return -1;
    return 100.0 * (double)(steal - environment->steal_ticks) / (double)(all - environment->all_ticks);
}

static void warn(struct environment *environment, const char *id, const char *text, const char *fix)
{
    if (environment->warning_count < sizeof environment->warnings / sizeof environment->warnings[0])
        environment->warnings[environment->warning_count++] = (struct warning){id, text, fix};
}

void environment_read(struct environment *ret)
{
    struct utsname name;
    memset(ret, 0, sizeof *ret);
    read_cpu(ret->cpu, sizeof ret->cpu);
    ret->cpus = weir_cpus_allowed(NULL, 0);
    if (uname(&name) == 0)
        snprintf(ret->kernel, sizeof ret->kernel, "%.60s %.60s", name.sysname, name.release);
    read_hypervisor(ret->hypervisor, sizeof ret->hypervisor);
    read_ticks(&ret->steal_ticks, &ret->all_ticks);
    if (ret->hypervisor[0] != '\0')
        warn(ret, "virtual-machine", "this is a virtual machine: its host may move or halt the CPUs at any time",
             "compare within one run only, or measure on bare metal");
    if (ret->cpus == 1)
        warn(ret, "one-cpu", "only one CPU: the two ends take turns, and each message may cost a context switch",
             "allow more CPUs (taskset, cgroup)");
    if (strcmp(build_type, "release") != 0)
        warn(ret, "slow-build", "this build is for debugging: its figures mean nothing",
             "build with -Dbuildtype=release and without -Db_sanitize");
}

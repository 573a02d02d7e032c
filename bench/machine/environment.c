/* SPDX-License-Identifier: MIT
 *
 * Looking round. What cannot be found out stays unknown.
 */
#include "environment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <weir/weir.h>

#include "files.h"

#ifndef __has_feature /* clang's way to tell; gcc defines __SANITIZE_… instead */
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
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

/* ---- CPUs ---------------------------------------------------------------------------------------------------- */

static void read_cpu(struct environment *environment)
{
    char line[256];
    snprintf(environment->cpu, sizeof environment->cpu, "unknown CPU");
    FILE *file = open_below(environment->root, "/proc/cpuinfo");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            snprintf(environment->cpu, sizeof environment->cpu, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

#if defined(__x86_64__) || defined(__i386__)

/* CPUID 1, ECX bit 31 is kept for hypervisors to say that they are there; leaf 40000000H says which. */
static void read_hypervisor(struct environment *environment)
{
    static const char *const known[][2] = {{"KVMKVMKVM", "KVM"},
                                           {"VMwareVMware", "VMware"},
                                           {"Microsoft Hv", "Hyper-V"},
                                           {"XenVMMXenVMM", "Xen"},
                                           {"VBoxVBoxVBox", "VirtualBox"}};
    unsigned a, b, c, d;
    environment->hypervisor_told = true;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & 1u << 31) == 0)
        return;
    char signature[13] = "";
    __cpuid(0x40000000, a, b, c, d);
    memcpy(signature, &b, 4);
    memcpy(signature + 4, &c, 4);
    memcpy(signature + 8, &d, 4);
    strcpy(environment->hypervisor, "hypervisor");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(signature, known[i][0]) == 0)
            strcpy(environment->hypervisor, known[i][1]);
}

#else

static void read_hypervisor(struct environment *environment)
{
    char *name = environment->hypervisor;
    environment->hypervisor_told =
        read_line_below(name, sizeof environment->hypervisor, environment->root, "/sys/hypervisor/type") ||
        read_line_below(name, sizeof environment->hypervisor, environment->root,
                        "/proc/device-tree/hypervisor/compatible");
}

#endif

/* The governor of every CPU that may be used; the first that lets the clock rate go counts. */
static void read_governor(struct environment *environment)
{
    int *cpus = calloc((size_t)environment->cpus + 1, sizeof *cpus);
    int count = cpus != NULL ? weir_cpus_allowed(cpus, (size_t)environment->cpus) : 0;
    char governor[32];
    for (int i = 0; i < count && i < environment->cpus; i++) {
        if (!read_line_below(governor, sizeof governor, environment->root,
                             "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpus[i]))
            continue;
        if (environment->governor[0] == '\0' ||
            (strcmp(environment->governor, "performance") == 0 && strcmp(governor, "performance") != 0)) {
            strcpy(environment->governor, governor);
            environment->governed_cpus = 0;
        }
        environment->governed_cpus += strcmp(environment->governor, governor) == 0;
    }
    free(cpus);
}

static void read_turbo(struct environment *environment)
{
    static const struct {
        const char *file;
        char on;
    } switches[] = {{"/sys/devices/system/cpu/intel_pstate/no_turbo", '0'},
                    {"/sys/devices/system/cpu/cpufreq/boost", '1'}};
    char line[8];
    environment->turbo = -1;
    for (size_t i = 0; i < sizeof switches / sizeof switches[0] && environment->turbo < 0; i++)
        if (read_line_below(line, sizeof line, environment->root, "%s", switches[i].file)) {
            environment->turbo = line[0] == switches[i].on;
            environment->turbo_file = switches[i].file;
        }
}

/* ---- time that others take ----------------------------------------------------------------------------------- */

/* "some avg10=2.41 avg60=…": Documentation/accounting/psi.rst. */
static double read_pressure(const char *root)
{
    char line[128];
    double percent;
    if (!read_line_below(line, sizeof line, root, "/proc/pressure/cpu") ||
        sscanf(line, "some avg10=%lf", &percent) != 1)
        return NAN;
    return percent;
}

/* "0.78 0.50 0.76 1/89 17065": the fourth is how many of all tasks run, and this is one of them (proc(5)). */
static int read_others_running(const char *root)
{
    char line[128];
    int running;
    if (!read_line_below(line, sizeof line, root, "/proc/loadavg") || sscanf(line, "%*f %*f %*f %d/", &running) != 1)
        return -1;
    return running > 0 ? running - 1 : 0;
}

static double used_s(int who)
{
    struct rusage usage;
    if (getrusage(who, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The first line of /proc/stat: user nice system idle iowait irq softirq steal, of all CPUs, in ticks (proc(5)). */
static void read_times(struct cpu_times *ret, const char *root)
{
    char line[256];
    unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
    const double tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
    *ret = (struct cpu_times){.own_s = used_s(RUSAGE_SELF) + used_s(RUSAGE_CHILDREN), .now_ns = weir_now_ns()};
    if (!read_line_below(line, sizeof line, root, "/proc/stat") ||
        sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq,
               &softirq, &steal) != 8)
        return;
    ret->busy_s = (double)(user + nice + system) * tick_s;
    ret->steal_s = (double)steal * tick_s;
    ret->wanted_s = ret->busy_s + ret->steal_s + (double)(irq + softirq) * tick_s;
    ret->all_s = ret->wanted_s + (double)(idle + iowait) * tick_s;
}

int64_t environment_steal_ns(void)
{
    struct cpu_times times;
    read_times(&times, "");
    return times.all_s > 0 ? (int64_t)(times.steal_s * 1e9) : -1;
}

void environment_sample(struct environment *environment)
{
    const struct cpu_times *begin = &environment->begin;
    struct cpu_times end;
    read_times(&end, environment->root);
    environment->sampled_s = (double)(end.now_ns - begin->now_ns) / 1e9;
    if (begin->all_s <= 0 || end.all_s <= begin->all_s || environment->sampled_s <= 0)
        return;
    if (end.wanted_s > begin->wanted_s)
        environment->steal_percent = 100 * (end.steal_s - begin->steal_s) / (end.wanted_s - begin->wanted_s);
    double others_s = end.busy_s - begin->busy_s - (end.own_s - begin->own_s);
    environment->others_cpus = others_s > 0 ? others_s / environment->sampled_s : 0;
}

/* ---- room ---------------------------------------------------------------------------------------------------- */

static double read_shared_memory(const char *root)
{
    char path[512];
    struct statvfs status;
    snprintf(path, sizeof path, "%s/dev/shm", root);
    if (statvfs(path, &status) != 0)
        return NAN;
    return (double)status.f_bavail * (double)status.f_frsize;
}

static double read_limit(__rlimit_resource_t resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return NAN;
    return limit.rlim_cur == RLIM_INFINITY ? INFINITY : (double)limit.rlim_cur;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

void environment_read(struct environment *ret, const char *root)
{
    struct utsname name;
    *ret = (struct environment){
        .root = root,
        .cpus = weir_cpus_allowed(NULL, 0),
        .build = build_type,
        .clock = *clock_facts(),
        .pressure_percent = read_pressure(root),
        .others_running = read_others_running(root),
        .shared_memory_bytes = read_shared_memory(root),
        .descriptors = read_limit(RLIMIT_NOFILE),
        .processes = read_limit(RLIMIT_NPROC),
        .steal_percent = NAN,
        .others_cpus = NAN,
        .seating.siblings = {-1, -1},
    };
    read_cpu(ret);
    if (uname(&name) == 0)
        snprintf(ret->kernel, sizeof ret->kernel, "%.60s %.60s", name.sysname, name.release);
    read_hypervisor(ret);
    read_line_below(ret->clocksource, sizeof ret->clocksource, root,
                    "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    read_governor(ret);
    read_turbo(ret);
    quota_read(&ret->quota, root);
    read_times(&ret->begin, root);
}

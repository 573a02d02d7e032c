/* SPDX-License-Identifier: MIT
 *
 * The judgements. Each says what it found also when all is well, and why it found nothing when the machine does not
 * tell. Texts are short: a run prints one line for a warning.
 */
#include "checks.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- thresholds ---------------------------------------------------------------------------------------------- */

/* Ticks of 10 ms make less than this too coarse: one would be more than 2 % of a CPU's time. */
#define SAMPLE_S 0.5

/* Half of the difference (2 %) below which two costs count as the same. */
#define STEAL_PERCENT 1.0

/* One CPU's tenth: enough for another process to be on a worker's CPU in most epochs. */
#define OTHERS_CPUS 0.1

/* In a twentieth of the time some task found no CPU free; if others still run, the next such task may be a worker. If
 * none runs, it was the run before this one that kept the CPUs busy. */
#define PRESSURE_PERCENT 5.0

/* A system call's worth: a clock that is read without one takes 10 to 50 ns. */
#define CLOCK_READ_NS 100.0

/* Two rings (there and back) of the default 512 messages of 64 KiB each. */
#define SHARED_MEMORY_BYTES (64.0 * 1024 * 1024)

/* What Linux grants by default; hundreds of workers with two endpoints each fit. */
#define DESCRIPTORS 1024.0
#define PROCESSES   1024.0

/* ---- saying -------------------------------------------------------------------------------------------------- */

static void say_ok(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_unknown(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_warning(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_fix(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define WRITE(text)                                                                                                    \
    va_list arguments;                                                                                                 \
    va_start(arguments, format);                                                                                       \
    vsnprintf(text, sizeof(text), format, arguments);                                                                  \
    va_end(arguments)

static void say_ok(struct check *check, const char *format, ...)
{
    check->state = CHECK_OK;
    WRITE(check->text);
}

static void say_unknown(struct check *check, const char *format, ...)
{
    check->state = CHECK_NA;
    WRITE(check->text);
}

static void say_warning(struct check *check, const char *format, ...)
{
    check->state = CHECK_WARNING;
    WRITE(check->text);
}

static void say_fix(struct check *check, const char *format, ...)
{
    WRITE(check->fix);
}

static const char *plural(double count)
{
    return count == 1 ? "" : "s";
}

/* ---- the build and the CPUs ---------------------------------------------------------------------------------- */

/* Any build but an optimized one without sanitizers: its figures are several times too high. */
static void judge_build(struct check *check, const struct environment *environment)
{
    if (strcmp(environment->build, "release") == 0) {
        say_ok(check, "optimized, no sanitizer");
        return;
    }
    say_warning(check, "a %s build of weir: its figures mean nothing", environment->build);
    say_fix(check, "meson configure BUILD -Dbuildtype=release -Db_sanitize=none");
}

/* Exactly one: the two ends can then never run at the same time. */
static void judge_cpus(struct check *check, const struct environment *environment)
{
    if (environment->cpus < 1) {
        say_unknown(check, "the kernel does not say which CPUs may be used");
    } else if (environment->cpus > 1) {
        say_ok(check, "%d CPUs may be used", environment->cpus);
    } else {
        say_warning(check, "one CPU only: the two ends take turns on it");
        say_fix(check, "taskset -c 0-1 weir ..., or give the container or virtual machine more CPUs");
    }
}

/* More workers of a cell than CPUs that they may use; all on one CPU is another matter (one-cpu, or asked for). */
static void judge_workers(struct check *check, const struct environment *environment)
{
    const struct seating *seating = &environment->seating;
    unsigned workers = seating->crowded_workers, cpus = seating->crowded_cpus;
    if (cpus <= 1) {
        say_unknown(check, "all workers are on one CPU");
    } else if (workers <= cpus) {
        say_ok(check, "%u worker%s a cell, %u CPUs for them", workers, plural(workers), cpus);
    } else {
        say_warning(check, "%u workers on %u CPUs take turns; spinning is in vain", workers, cpus);
        say_fix(check, "-w with at most %u workers, or --wait block", cpus);
    }
}

/* A quota below what the workers use when all of them run: they are then stopped in mid-epoch. */
static void judge_quota(struct check *check, const struct environment *environment)
{
    const struct quota *quota = &environment->quota;
    double needed = fmin(environment->seating.most_workers, environment->cpus);
    if (isnan(quota->cpus)) {
        say_unknown(check, "this process's control groups are not to be seen");
    } else if (isinf(quota->cpus)) {
        say_ok(check, "none");
    } else if (quota->cpus >= needed) {
        say_ok(check, "%.1f CPUs, enough for workers on %.0f", quota->cpus, needed);
    } else {
        say_warning(check, "%.1f CPU%s for workers on %.0f: stopped in mid-epoch", quota->cpus, plural(quota->cpus),
                    needed);
        say_fix(check, "echo %s | sudo tee %s", strstr(quota->file, "cfs_quota") != NULL ? "-1" : "max", quota->file);
    }
}

/* Two workers on CPUs of one core (SMT): each then has about half of it. A guest is told what its host likes. */
static void judge_siblings(struct check *check, const struct environment *environment)
{
    const struct seating *seating = &environment->seating;
    if (seating->siblings[0] >= 0) {
        say_warning(check, "CPUs %d and %d are one core, with a worker each", seating->siblings[0],
                    seating->siblings[1]);
        say_fix(check, "%s",
                strcmp(seating->siblings_pin, "auto") == 0
                    ? "fewer workers (-w 1x1), or allow more cores (taskset -c LIST weir ...)"
                    : "--pin auto, which uses each core once before any twice");
    } else if (seating->unpinned) {
        say_unknown(check, "unpinned: the scheduler may put two on one core");
    } else if (environment->hypervisor[0] != '\0') {
        say_unknown(check, "none that the guest is shown; its host may hide some");
    } else {
        say_ok(check, "no two workers share a core");
    }
}

/* ---- others -------------------------------------------------------------------------------------------------- */

/* Whether what was seen between environment_read and environment_sample says something; else says why not. */
static bool was_sampled(struct check *check, const struct environment *environment, double figure)
{
    if (environment->begin.all_s <= 0)
        say_unknown(check, "no /proc/stat here");
    else if (environment->sampled_s <= 0)
        say_unknown(check, "not sampled yet");
    else if (environment->sampled_s < SAMPLE_S || isnan(figure))
        say_unknown(check, "%.2f s are too short to tell", environment->sampled_s);
    else
        return true;
    return false;
}

static void judge_steal(struct check *check, const struct environment *environment)
{
    const bool guest = environment->hypervisor[0] != '\0';
    if (!was_sampled(check, environment, environment->steal_percent))
        return;
    if (environment->steal_percent > STEAL_PERCENT) {
        say_warning(check, "the hypervisor took %.1f %% of the time wanted in %.1f s", environment->steal_percent,
                    environment->sampled_s);
        say_fix(check, "measure again at another hour, or on a machine with CPUs of its own");
    } else if (guest && environment->begin.steal_s <= 0 && environment->steal_percent <= 0) {
        say_unknown(check, "none since boot: this host may not tell its guests");
    } else {
        say_ok(check, "%.1f %% of the time wanted in %.1f s", environment->steal_percent, environment->sampled_s);
    }
}

static void judge_others(struct check *check, const struct environment *environment)
{
    if (!was_sampled(check, environment, environment->others_cpus))
        return;
    if (environment->others_cpus > OTHERS_CPUS) {
        say_warning(check, "other processes used %.2f CPUs in %.1f s", environment->others_cpus,
                    environment->sampled_s);
        say_fix(check, "top -o %%CPU shows which; stop them");
    } else {
        say_ok(check, "other processes used %.2f CPUs in %.1f s", environment->others_cpus, environment->sampled_s);
    }
}

static void judge_pressure(struct check *check, const struct environment *environment)
{
    if (isnan(environment->pressure_percent)) {
        say_unknown(check, "no /proc/pressure/cpu (a kernel without PSI, or psi=0)");
    } else if (environment->pressure_percent > PRESSURE_PERCENT && environment->others_running != 0) {
        say_warning(check, "tasks waited for a CPU in %.0f %% of the last 10 s", environment->pressure_percent);
        say_fix(check, "wait a little, or stop what runs: top -o %%CPU");
    } else {
        say_ok(check, "tasks waited in %.1f %% of the last 10 s%s", environment->pressure_percent,
               environment->pressure_percent > PRESSURE_PERCENT ? "; none runs now" : "");
    }
}

/* Any hypervisor, because no guest can see what its host does. */
static void judge_hypervisor(struct check *check, const struct environment *environment)
{
    if (environment->hypervisor[0] != '\0') {
        say_warning(check, "%s%s may move or halt the CPUs at any time",
                    strcmp(environment->hypervisor, "hypervisor") == 0 ? "the " : "", environment->hypervisor);
        say_fix(check, "compare within one run: weir compare A B; or use bare metal");
    } else if (environment->hypervisor_told) {
        say_ok(check, "no hypervisor");
    } else {
        say_unknown(check, "this CPU does not tell whether there is a hypervisor");
    }
}

/* ---- the clock rate and the clock ---------------------------------------------------------------------------- */

/* Any governor but "performance" changes the rate with the load, and so with what is measured. */
static void judge_governor(struct check *check, const struct environment *environment)
{
    if (environment->governor[0] == '\0') {
        say_unknown(check, "no cpufreq: who sets the clock rate is not to be seen");
    } else if (strcmp(environment->governor, "performance") == 0) {
        say_ok(check, "performance");
    } else {
        say_warning(check, "%s on %d CPU%s: the rate follows the load", environment->governor,
                    environment->governed_cpus, plural(environment->governed_cpus));
        say_fix(check, "sudo cpupower frequency-set -g performance");
    }
}

/* Turbo that is on: how far it goes depends on heat and on how many cores are busy. */
static void judge_turbo(struct check *check, const struct environment *environment)
{
    if (environment->turbo < 0) {
        say_unknown(check, "no switch for it is to be seen");
    } else if (environment->turbo == 0) {
        say_ok(check, "off");
    } else {
        say_warning(check, "on: the rate follows heat and busy cores");
        say_fix(check, "echo %d | sudo tee %s", strstr(environment->turbo_file, "no_turbo") != NULL,
                environment->turbo_file);
    }
}

/* A clock source that is not a counter of the CPU's own, or a read that costs like a system call. */
static void judge_clock(struct check *check, const struct environment *environment)
{
    static const char *const counters[] = {"tsc", "arch_sys_counter", "timebase", "riscv_clocksource", "tod"};
    const struct clock_facts *clock = &environment->clock;
    bool counter = false;
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        counter |= strcmp(environment->clocksource, counters[i]) == 0;
    if (environment->clocksource[0] != '\0' && !counter) {
        say_warning(check, "clock source %s; a read: %.0f ns", environment->clocksource, clock->overhead_ns);
        say_fix(check, "boot with clocksource=tsc; why not: sudo dmesg | grep -i clocksource");
    } else if (clock->overhead_ns > CLOCK_READ_NS) {
        say_warning(check, "a read of the clock (%s) takes %.0f ns", clock->source, clock->overhead_ns);
        say_fix(check, "boot with clocksource=tsc, or ask the host for an invariant TSC");
    } else if (environment->clocksource[0] == '\0') {
        say_unknown(check, "clock source not to be seen; a read: %.0f ns", clock->overhead_ns);
    } else {
        say_ok(check, "%s, a read: %.0f ns", environment->clocksource, clock->overhead_ns);
    }
}

/* ---- room ---------------------------------------------------------------------------------------------------- */

static void judge_shared_memory(struct check *check, const struct environment *environment)
{
    const double mib = 1024 * 1024;
    if (isnan(environment->shared_memory_bytes)) {
        say_unknown(check, "no /dev/shm here");
    } else if (environment->shared_memory_bytes >= SHARED_MEMORY_BYTES) {
        say_ok(check, "%.0f MiB free in /dev/shm", floor(environment->shared_memory_bytes / mib));
    } else {
        say_warning(check, "%.0f MiB free in /dev/shm; large messages need %.0f",
                    floor(environment->shared_memory_bytes / mib), SHARED_MEMORY_BYTES / mib);
        say_fix(check, "sudo mount -o remount,size=1G /dev/shm; of a container: --shm-size=1g");
    }
}

static void judge_limit(struct check *check, double limit, double least, const char *what, const char *fix)
{
    if (isnan(limit)) {
        say_unknown(check, "the kernel does not say how many there may be");
    } else if (isinf(limit)) {
        say_ok(check, "any number of %s", what);
    } else if (limit >= least) {
        say_ok(check, "%.0f %s", limit, what);
    } else {
        say_warning(check, "at most %.0f %s", limit, what);
        say_fix(check, "%s", fix);
    }
}

static void judge_descriptors(struct check *check, const struct environment *environment)
{
    judge_limit(check, environment->descriptors, DESCRIPTORS, "open files a process", "ulimit -n 4096");
}

static void judge_processes(struct check *check, const struct environment *environment)
{
    judge_limit(check, environment->processes, PROCESSES, "processes and threads a user", "ulimit -u 4096");
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *id;
    void (*judge)(struct check *check, const struct environment *environment);
} table[] = {
    {"slow-build", judge_build},
    {"one-cpu", judge_cpus},
    {"more-workers", judge_workers},
    {"cpu-quota", judge_quota},
    {"steal", judge_steal},
    {"other-load", judge_others},
    {"pressure", judge_pressure},
    {"virtual-machine", judge_hypervisor},
    {"smt-siblings", judge_siblings},
    {"governor", judge_governor},
    {"turbo", judge_turbo},
    {"slow-clock", judge_clock},
    {"shared-memory", judge_shared_memory},
    {"descriptors", judge_descriptors},
    {"processes", judge_processes},
};
_Static_assert(sizeof table / sizeof table[0] == CHECK_COUNT, "one check for each line of the table");

void checks_make(struct checks *ret, const struct environment *environment)
{
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        ret->items[i] = (struct check){.id = table[i].id};
        table[i].judge(&ret->items[i], environment);
    }
}

size_t checks_warnings(const struct checks *checks)
{
    size_t count = 0;
    for (size_t i = 0; i < CHECK_COUNT; i++)
        count += checks->items[i].state == CHECK_WARNING;
    return count;
}

const char *check_state_name(enum check_state state)
{
    static const char *const names[] = {"ok", "warning", "n/a"};
    return names[state];
}

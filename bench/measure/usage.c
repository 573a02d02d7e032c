/* SPDX-License-Identifier: MIT
 *
 * Reading the kernel's accounts.
 */
#include "usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "machine/clock.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec time = {0};
    if (clock_gettime(id, &time) != 0)
        return 0; /* the thread has ended */
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The CPU clock of a thread of this process, as pthread_getcpuclockid makes it of a thread that has a pthread_t: the
 * complement of the number, then 4 (of one thread) and 2 (the scheduler's exact account). */
static clockid_t clock_of_thread(pid_t tid)
{
    return (clockid_t)(~(unsigned)tid << 3 | 6);
}

static bool is_worker(const struct stage *stage, pid_t tid)
{
    if (tid == getpid()) /* the runner itself */
        return true;
    for (uint32_t i = 0; i < STAGE_MOST_WORKERS; i++) {
        int32_t worker = atomic_load_explicit(&stage->slots[i].tid, memory_order_relaxed);
        if (worker == 0 || worker == tid)
            return worker == tid;
    }
    return false;
}

/* -1: not to be seen. */
static int64_t read_driver_threads(const struct stage *stage)
{
    int64_t sum_ns = 0;
    DIR *threads = opendir("/proc/self/task");
    if (threads == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && !is_worker(stage, tid))
            sum_ns += read_clock(clock_of_thread(tid));
    }
    closedir(threads);
    return sum_ns;
}

/* The second number of schedstat: nanoseconds on a run queue. */
static int64_t read_delay(int fd)
{
    char text[96];
    ssize_t length = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    if (length <= 0)
        return -1;
    text[length] = '\0';
    const char *second = strchr(text, ' ');
    return second != NULL ? strtoll(second, NULL, 10) : -1;
}

void usage_meter_open(struct usage_meter *meter, bool is_thread, const struct stage *drivers_of)
{
    meter->is_thread = is_thread;
    meter->stage = is_thread ? drivers_of : NULL;
    meter->delay_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

void usage_meter_close(struct usage_meter *meter)
{
    if (meter->delay_fd >= 0)
        close(meter->delay_fd);
}

void usage_read(const struct usage_meter *meter, struct usage *ret)
{
    ret->cpu_ns = read_clock(meter->is_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID);
    getrusage(meter->is_thread ? RUSAGE_THREAD : RUSAGE_SELF, &ret->rusage);
    ret->driver_ns = meter->stage != NULL ? read_driver_threads(meter->stage) : 0;
    ret->delayed_ns = read_delay(meter->delay_fd);
    ret->clock_reads = clock_reads;
}

int64_t usage_memory_bytes(void)
{
    char line[128];
    long long kibibytes = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    while (file != NULL && kibibytes < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Pss:", 4) == 0)
            kibibytes = strtoll(line + 4, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kibibytes < 0 ? -1 : kibibytes * 1024;
}

/* SPDX-License-Identifier: MIT
 *
 * Workers: a body run by a thread or by a process, started, placed on CPUs, watched and joined the same way.
 *
 * Start process workers before the first thread of the program: fork copies the calling thread only. A process worker
 * dies with the thread that started it (PR_SET_PDEATHSIG). A worker sends results home as bytes through its report
 * pipe; what they mean is between the body and its parent.
 */
#ifndef WEIR_WORKER_H
#define WEIR_WORKER_H

#include <weir/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_worker_kind { WEIR_THREAD = 0, WEIR_PROCESS = 1 };

struct weir_worker; /* one worker; its functions are for the thread that started it, all others for any */

/* What a worker runs. `report_fd` is the blocking write end of its report pipe, owned by the worker and closed when
 * the body returns. The result reaches the parent as weir_worker_end.value; of a process only 0..255 survive. */
typedef int (*weir_worker_body)(void *argument, int report_fd);

struct weir_worker_config {
    enum weir_worker_kind kind;
    int cpu;          /* the CPU to run on, from its first instruction of the body; -1: where it likes */
    const char *name; /* shown as the thread's name (15 bytes of it); NULL: "weir" */
    weir_worker_body body;
    void *argument; /* of a process: its copy of what this points to */
};

/* How a worker ended. */
enum weir_worker_how {
    WEIR_WORKER_RUNNING = 0,
    WEIR_WORKER_RETURNED = 1, /* the body of a thread returned `value` */
    WEIR_WORKER_EXITED = 2,   /* a process ended with exit code `value`: its body's result, or that of exit */
    WEIR_WORKER_SIGNALED = 3, /* a process was killed by signal `value` */
};
struct weir_worker_end {
    enum weir_worker_how how;
    int value;
};

/* Starts a worker. WEIR_EINVAL (a CPU that is not there or not allowed), WEIR_ENOMEM, WEIR_ESYSTEM, in words in
 * `ret_error` (may be NULL). */
WEIR_API int weir_worker_start(struct weir_worker **ret_worker, const struct weir_worker_config *config,
                               struct weir_error *ret_error);

/* The read end of the report pipe: readable when there is something to read and when the worker has ended (end of
 * file). Owned by the worker handle; non-blocking. */
WEIR_API int weir_worker_report_fd(const struct weir_worker *worker);

/* The process of the worker: its own, or this one's for a thread. */
WEIR_API pid_t weir_worker_pid(const struct weir_worker *worker);

/* Waits for the end. 0, WEIR_EAGAIN (deadline WEIR_NOW) or WEIR_ETIMEDOUT: it still runs. May be repeated; it then
 * gives the same answer at once. WEIR_ESYSTEM: a process has ended and nobody knows how, because the program ignores
 * SIGCHLD or waits for children that are not its own. */
WEIR_API int weir_worker_join(struct weir_worker *worker, int64_t deadline_ns, struct weir_worker_end *ret_end);

/* Kills a process worker (SIGKILL). WEIR_ENOTSUP for a thread: nothing can kill a thread alone. 0 if it had ended. */
WEIR_API int weir_worker_kill(struct weir_worker *worker);

/* Frees the handle of a worker that has been joined; kills and joins a process that still runs, waits for a thread.
 * NULL is a no-op. */
WEIR_API void weir_worker_destroy(struct weir_worker *worker);

/* "returned 0", "exited with code 3", "killed by signal 9 (Killed)"; written to `buffer`, which is returned. */
WEIR_API const char *weir_worker_end_text(const struct weir_worker_end *end, char *buffer, size_t capacity);

/* ---- placement --------------------------------------------------------------------------------------------- */

/* The CPUs that this thread may run on, ascending: writes at most `capacity` and returns how many there are, or
 * WEIR_ESYSTEM. */
WEIR_API int weir_cpus_allowed(int *ret_cpus, size_t capacity);

/* Where to put producers and consumers: a policy is "auto" (each on a CPU of its own, consumers as near to producers
 * as the topology allows, if there are enough CPUs; else as "none"), "none" (-1: the scheduler's choice), "same" (all
 * on one CPU), or an explicit "P:C" with lists of CPUs, "0:1", "0,2:1,3", "0-3:4-7", dealt out in turn. Writes
 * `producers` + `consumers` numbers, producers first. 0, or WEIR_EINVAL with what is wrong in `ret_error`. */
WEIR_API int weir_placement(int *ret_cpus, const char *policy, uint32_t producers, uint32_t consumers,
                            struct weir_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT
 *
 * The mq driver: one POSIX message queue for the whole channel, under a name that nobody can guess and that is unlinked
 * at once: forked workers inherit the descriptor. On Linux the descriptor can be polled. The kernel keeps messages
 * whole, for any number of ends; all have the same priority, so first in is first out.
 *
 * It allows little without privilege (10 messages of 8192 bytes), and all queues of a user together at most
 * RLIMIT_MSGQUEUE bytes: the depth is what can be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <weir/driver.h>

#include "../names.h"

/* What nobody gets more of (HARD_MSGMAX and HARD_MSGSIZEMAX, include/linux/ipc_namespace.h). */
#define MOST_MESSAGES      65536
#define MOST_MESSAGE_BYTES ((size_t)16 << 20)

/* What the kernel counts for a message beside its bytes: a struct msg_msg and a node of a tree (ipc/mqueue.c). */
#define MESSAGE_OVERHEAD_BYTES 96

struct state {
    mqd_t queue;
    bool is_open;
};

static int probe(struct weir_error *error)
{
    mqd_t queue = mq_open("/weir-probe", O_RDONLY);
    if (queue >= 0)
        mq_close(queue);
    else if (errno == ENOSYS)
        return weir_error_set(error, WEIR_EUNAVAILABLE,
                              "this kernel has no POSIX message queues (CONFIG_POSIX_MQUEUE)");
    return 0;
}

/* Should the process be killed between the two calls, weir_sweep finds the name where /dev/mqueue is mounted. */
static mqd_t open_nameless(size_t depth, size_t longest)
{
    struct mq_attr attributes = {.mq_maxmsg = (long)depth, .mq_msgsize = (long)longest};
    uint64_t number;
    char name[64];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return -1;
    snprintf(name, sizeof name, "/" WEIR_MQUEUE_PREFIX "%0*llx", WEIR_MQUEUE_SUFFIX, (unsigned long long)number);
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attributes);
    if (queue >= 0)
        mq_unlink(name); /* if a sweeper was quicker the name is gone, as it should be */
    return queue;
}

/* One of the limits in /proc/sys/fs/mqueue; 0: not known. */
static size_t read_limit(const char *path)
{
    char digits[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, digits, sizeof digits - 1);
    close(fd);
    return length > 0 ? strtoul(digits, NULL, 10) : 0;
}

/* A quarter of what all queues of this user may take: a run has several channels. */
static size_t affordable_depth(size_t wanted, size_t longest, rlim_t limit_bytes)
{
    rlim_t fit = limit_bytes == RLIM_INFINITY ? MOST_MESSAGES : limit_bytes / 4 / (longest + MESSAGE_OVERHEAD_BYTES);
    if (fit > MOST_MESSAGES)
        fit = MOST_MESSAGES;
    if (wanted > fit)
        wanted = fit;
    return wanted > 0 ? wanted : 1;
}

static int refuse(struct weir_error *error, int reason, size_t longest, rlim_t limit_bytes)
{
    size_t msgsize_max = read_limit("/proc/sys/fs/mqueue/msgsize_max");
    if (reason == EINVAL && longest > msgsize_max)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes: without privilege POSIX message queues carry at most %zu (root "
                              "may raise /proc/sys/fs/mqueue/msgsize_max)",
                              longest, msgsize_max);
    if (reason == EMFILE && longest + MESSAGE_OVERHEAD_BYTES > limit_bytes)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "one message of %zu bytes is more than RLIMIT_MSGQUEUE, %llu bytes (raise it: ulimit -q)",
                              longest, (unsigned long long)limit_bytes);
    if (reason == EMFILE)
        return weir_error_set(error, WEIR_ESYSTEM,
                              "no descriptor is left, or this user's message queues take up RLIMIT_MSGQUEUE, %llu "
                              "bytes (end some, or raise it: ulimit -q)",
                              (unsigned long long)limit_bytes);
    if (reason == ENOSPC)
        return weir_error_set(error, WEIR_ESYSTEM,
                              "there are as many POSIX message queues as may be (end some, or have root raise "
                              "/proc/sys/fs/mqueue/queues_max)");
    errno = reason;
    return weir_error_errno(error, "mq_open");
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    size_t longest = channel->config->max_message_bytes;
    struct rlimit limit = {.rlim_cur = 0};
    getrlimit(RLIMIT_MSGQUEUE, &limit);
    size_t depth = affordable_depth(channel->depth, longest, limit.rlim_cur);
    while ((state->queue = open_nameless(depth, longest)) < 0) {
        int reason = errno;
        size_t msg_max = read_limit("/proc/sys/fs/mqueue/msg_max");
        if (reason == EMFILE && depth > 1)
            depth /= 2; /* others have queues too */
        else if (reason == EINVAL && msg_max > 0 && depth > msg_max)
            depth = msg_max;
        else
            return refuse(error, reason, longest, limit.rlim_cur);
    }
    state->is_open = true;
    channel->depth = depth;
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    if (state->is_open)
        mq_close(state->queue);
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
    return 0;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
}

static mqd_t queue_of(const struct weir_driver_endpoint *endpoint)
{
    return ((const struct state *)endpoint->channel->state)->queue;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    int result;
    do
        result = mq_send(queue_of(endpoint), length > 0 ? buffer : "", length, 0);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return 0;
    /* ENOMEM: the kernel found no memory just now; as with a full queue, nothing happened. */
    return errno == EAGAIN || errno == ENOMEM ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static ssize_t recv_message(struct weir_driver_endpoint *endpoint, void *buffer, size_t capacity)
{
    ssize_t length;
    do
        length = mq_receive(queue_of(endpoint), buffer, capacity, NULL);
    while (length < 0 && errno == EINTR);
    if (length >= 0)
        return length;
    return errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static int descriptor(struct weir_driver_endpoint *endpoint, short *ret_events)
{
    *ret_events = endpoint->role == WEIR_PRODUCER ? POLLOUT : POLLIN;
    return queue_of(endpoint);
}

extern const struct weir_driver weir_driver_mq;
const struct weir_driver weir_driver_mq = {
    .abi = WEIR_DRIVER_ABI,
    .name = "mq",
    .summary = "a POSIX message queue without a name",
    .capabilities = WEIR_CAP_FD | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct state),
    .max_message_bytes = MOST_MESSAGE_BYTES,
    .probe = probe,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .recv = recv_message,
    .fd = descriptor,
};

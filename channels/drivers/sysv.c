/* SPDX-License-Identifier: MIT
 *
 * The sysv driver: one System V message queue for the whole channel. The kernel keeps messages whole, for any number of
 * ends, and cannot be polled: sleeping is on the core's doorbells.
 *
 * A queue outlives its processes, and marking it for removal removes it. So it goes with a record: a file in the
 * channel's private folder whose name is the queue's key, made before the queue. Whoever removes that folder, the
 * channel's creator or a sweeper who finds that nobody of the channel lives, removes the queue (folder.c,
 * docs/design/0014-more-mechanisms.md). So `destroy` has nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <unistd.h>

#include <weir/driver.h>

#include "../names.h"

struct state {
    int queue;
};

/* As msgsnd and msgrcv want it, so each message is copied once more on its way. Each endpoint has one. */
struct message {
    long type;
    unsigned char body[];
};

enum { OF_ANY_TYPE = 0, THE_TYPE = 1 };

/* ---- the queue and its record -------------------------------------------------------------------------------- */

static int make_record(const char *folder, key_t key)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/" WEIR_SYSV_RECORD "%0*x", folder, WEIR_SYSV_DIGITS, (unsigned)key);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 0 : -1;
}

static void remove_record(const char *folder, key_t key)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/" WEIR_SYSV_RECORD "%0*x", folder, WEIR_SYSV_DIGITS, (unsigned)key);
    unlink(path);
}

/* A key and not IPC_PRIVATE: a record can be made before the queue only of what is known before. A key that is taken
 * is given up with its record, which must not lead a sweeper to somebody else's queue. */
static int make_queue(const char *folder, struct weir_error *error)
{
    for (;;) {
        key_t key;
        if (getrandom(&key, sizeof key, 0) != sizeof key)
            return weir_error_errno(error, "getrandom");
        if (key == IPC_PRIVATE)
            continue;
        if (make_record(folder, key) != 0)
            return weir_error_errno(error, "the record of a message queue");
        int queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
        if (queue >= 0)
            return queue;
        int reason = errno;
        remove_record(folder, key);
        if (reason == ENOSYS)
            return weir_error_set(error, WEIR_EUNAVAILABLE,
                                  "this kernel has no System V message queues (CONFIG_SYSVIPC)");
        if (reason == ENOSPC)
            return weir_error_set(error, WEIR_ESYSTEM,
                                  "there are as many System V message queues as may be (see ipcs -q, or have root "
                                  "raise /proc/sys/kernel/msgmni)");
        errno = reason;
        if (reason != EEXIST)
            return weir_error_errno(error, "msgget");
    }
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

/* Asks for the depth in bytes; who is not allowed that much takes the system's default. */
static size_t size_queue(int queue, size_t wanted, size_t fallback)
{
    struct msqid_ds status;
    if (msgctl(queue, IPC_STAT, &status) != 0)
        return 0;
    status.msg_qbytes = wanted;
    if (msgctl(queue, IPC_SET, &status) != 0 && wanted > fallback) {
        status.msg_qbytes = fallback;
        msgctl(queue, IPC_SET, &status);
    }
    return msgctl(queue, IPC_STAT, &status) == 0 ? status.msg_qbytes : 0;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    size_t longest = channel->config->max_message_bytes;
    struct msginfo limits = {0};
    if (msgctl(0, IPC_INFO, (struct msqid_ds *)(void *)&limits) >= 0 && longest > (size_t)limits.msgmax)
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes: System V message queues carry at most %d (root may raise "
                              "/proc/sys/kernel/msgmax)",
                              longest, limits.msgmax);
    const char *folder = weir_private_folder(channel, error);
    if (folder == NULL)
        return error->code;
    state->queue = make_queue(folder, error);
    if (state->queue < 0)
        return state->queue;
    size_t capacity = size_queue(state->queue, channel->depth * longest, (size_t)limits.msgmnb);
    if (longest > capacity || longest == 0) /* 0 never comes: the core fills in its default */
        return weir_error_set(error, WEIR_EMSGSIZE,
                              "messages of %zu bytes do not fit: a queue holds %zu (root may raise "
                              "/proc/sys/kernel/msgmnb)",
                              longest, capacity);
    channel->depth = capacity / longest;
    return 0;
}

static void destroy(struct weir_driver_channel *channel)
{
    (void)channel; /* the queue goes with its record, when the core removes the folder */
}

/* An endpoint's state is one pointer, to its message. */
static struct message *message_of(const struct weir_driver_endpoint *endpoint)
{
    return *(struct message *const *)endpoint->state;
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    struct message *message = malloc(sizeof *message + endpoint->channel->config->max_message_bytes);
    *(struct message **)endpoint->state = message;
    return message != NULL ? 0 : WEIR_ENOMEM;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    free(message_of(endpoint));
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int queue_of(const struct weir_driver_endpoint *endpoint)
{
    return ((const struct state *)endpoint->channel->state)->queue;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    struct message *message = message_of(endpoint);
    message->type = THE_TYPE;
    if (length > 0)
        memcpy(message->body, buffer, length);
    int result;
    do
        result = msgsnd(queue_of(endpoint), message, length, IPC_NOWAIT);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return 0;
    /* ENOMEM: the kernel found no memory just now; as with a full queue, nothing happened. */
    return errno == EAGAIN || errno == ENOMEM ? WEIR_EAGAIN : WEIR_ESYSTEM;
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    struct message *message = message_of(endpoint);
    size_t longest = endpoint->channel->config->max_message_bytes;
    ssize_t length;
    do
        length = msgrcv(queue_of(endpoint), message, longest, OF_ANY_TYPE, IPC_NOWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return errno == ENOMSG ? WEIR_EAGAIN : errno == E2BIG ? WEIR_ECORRUPT : WEIR_ESYSTEM;
    *ret_buffer = message->body;
    return length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint; /* msgrcv has taken it off */
}

extern const struct weir_driver weir_driver_sysv;
const struct weir_driver weir_driver_sysv = {
    .abi = WEIR_DRIVER_ABI,
    .name = "sysv",
    .summary = "a System V message queue, the core's doorbells",
    .capabilities = WEIR_CAP_PEEK | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_BLOCK,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct message *),
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .peek = peek,
    .release = release,
};

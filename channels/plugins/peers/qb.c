/* SPDX-License-Identifier: MIT
 *
 * The qb driver: libqb's ring buffer of chunks in shared memory, one producer to one consumer, without its semaphore:
 * the core waits. A message is a chunk, written and read in place.
 *
 * The ring's two files lose their names as soon as they are mapped: forked workers inherit the mapping.
 *
 * Not kept: a producer killed between the ring's two last stores (write pointer, then mark) leaves a chunk that is
 * never whole, and the consumer waits at it. libqb knows a whole chunk by its mark only, so a message that holds that
 * mark where the next chunk would begin can be taken for one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <qb/qbrb.h>

#include <weir/driver.h>

enum { CHUNK_HEADER_BYTES = 8 };

struct state {
    qb_ringbuffer_t *ring;
    pid_t creator;
};

/* ---- create -------------------------------------------------------------------------------------------------- */

/* The names are of no use any more, and would be left behind by a crash. */
static void remove_names(qb_ringbuffer_t *ring)
{
    static const char header[] = "-header";
    char path[4096];
    int length = snprintf(path, sizeof path, "%s", qb_rb_name_get(ring));
    unlink(path);
    char *end = path + length - (sizeof header - 1);
    if (length >= (int)sizeof header && strcmp(end, header) == 0) {
        strcpy(end, "-data");
        unlink(path);
    }
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    const struct weir_channel_config *config = channel->config;
    size_t chunk_bytes = CHUNK_HEADER_BYTES + (config->max_message_bytes + 3) / 4 * 4;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    if (channel->depth > (size_t)sysconf(_SC_PHYS_PAGES) * page_bytes / chunk_bytes)
        return weir_error_set(error, WEIR_ENOMEM, "%zu messages of %zu bytes are more than this machine's memory",
                              channel->depth, config->max_message_bytes);
    size_t bytes = channel->depth * chunk_bytes;
    uint64_t number;
    char name[64];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return weir_error_errno(error, "getrandom");
    snprintf(name, sizeof name, "weir-%016llx", (unsigned long long)number);
    uint32_t sharing = config->span == WEIR_SPAN_THREADS ? QB_RB_FLAG_SHARED_THREAD : QB_RB_FLAG_SHARED_PROCESS;
    state->creator = getpid();
    state->ring = qb_rb_open(name, bytes, QB_RB_FLAG_CREATE | QB_RB_FLAG_NO_SEMAPHORE | sharing, 0);
    if (state->ring == NULL)
        return weir_error_errno(error, "libqb cannot make its ring buffer in /dev/shm");
    remove_names(state->ring);
    /* libqb rounds up to pages, and keeps a word and a margin of three free. */
    channel->depth = ((size_t)qb_rb_space_free(state->ring) - 16) / chunk_bytes;
    return 0;
}

/* Closing would take from the count of users that is shared: only its maker's business. */
static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    if (state->creator == getpid())
        qb_rb_close(state->ring);
}

/* ---- ends ---------------------------------------------------------------------------------------------------- */

/* An end's state is a copy of the pointer to the ring. */
static qb_ringbuffer_t *ring_of(struct weir_driver_endpoint *endpoint)
{
    return *(qb_ringbuffer_t **)endpoint->state;
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    *(qb_ringbuffer_t **)endpoint->state = state->ring;
    return 0;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint;
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int reserve(struct weir_driver_endpoint *endpoint, size_t length, void **ret_buffer)
{
    void *chunk = qb_rb_chunk_alloc(ring_of(endpoint), length);
    if (chunk == NULL)
        return errno == EAGAIN ? WEIR_EAGAIN : WEIR_ESYSTEM;
    *ret_buffer = chunk;
    return 0;
}

static int commit(struct weir_driver_endpoint *endpoint, size_t length, unsigned flags)
{
    (void)flags;
    return qb_rb_chunk_commit(ring_of(endpoint), length) == 0 ? 0 : WEIR_ESYSTEM;
}

static void abort_reservation(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint; /* the next chunk is made in the same place */
}

/* libqb says 0 of an empty ring and of an empty chunk, but shows only a chunk. */
static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    void *chunk = NULL;
    ssize_t length = qb_rb_chunk_peek(ring_of(endpoint), &chunk, 0);
    if (chunk == NULL)
        return WEIR_EAGAIN;
    if (length < 0 || (size_t)length > endpoint->channel->config->max_message_bytes)
        return WEIR_ECORRUPT;
    *ret_buffer = chunk;
    return length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    qb_rb_chunk_reclaim(ring_of(endpoint));
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct weir_driver qb_driver = {
    .abi = WEIR_DRIVER_ABI,
    .name = "qb",
    .summary = "peer: libqb's ring buffer of chunks in shared memory",
    .capabilities = WEIR_CAP_RESERVE | WEIR_CAP_PEEK,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(qb_ringbuffer_t *),
    .max_producers = 1,
    .max_consumers = 1,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .reserve = reserve,
    .commit = commit,
    .abort = abort_reservation,
    .peek = peek,
    .release = release,
};
WEIR_DRIVER_MODULE(qb_driver);

/* SPDX-License-Identifier: MIT
 *
 * The file driver: producers append to a file in the channel's private folder, consumers follow. A record is a length
 * of 4 bytes and the message, written by one pwritev. Two words in shared memory say how far it is written (`tail`) and
 * how far it is read (`head`), as positions that only grow.
 *
 * The file is bounded: it is written in laps. Records are appended until they reach the end of a lap, then the file is
 * written anew from its start, which was read long ago. The file has room for one longest record behind the end of a
 * lap, so that records never wrap, and both sides know from the lengths alone where the next one begins.
 *
 * Invariants: bytes from head to tail are whole records that nobody writes to. The tail moves after the write and under
 * the producers' lock, so one who is killed in mid-write has written nothing. A consumer takes a record by moving the
 * head past it (compare-and-swap), so each goes to one consumer; what it has read before is valid exactly if that
 * succeeds, since nobody writes behind a head that has not moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weir/driver.h>

#include "../lock.h"

enum { OPTION_CAPACITY };

static const struct weir_option options[] = {
    [OPTION_CAPACITY] = {.name = "capacity",
                         .type = WEIR_OPTION_NUMBER,
                         .fallback = "0",
                         .min = 0,
                         .max = (uint64_t)1 << 40,
                         .help = "bytes of the file; 0: as the channel's depth needs, up to 1M"},
    {.name = NULL},
};

#define HEADER_BYTES sizeof(uint32_t)

/* The file takes no more than this unless its longest messages need it, or the user says so: pages that stay in a cache
 * near the CPU cost a quarter of those that do not. */
#define MOST_FILE_BYTES ((uint64_t)1 << 20)

/* A consumer reads so many bytes at once, or one longest record. */
#define CHUNK_BYTES ((size_t)64 << 10)

/* What all ends share, each role's word in a line of its own. */
struct words {
    _Alignas(64) _Atomic uint64_t head;
    _Alignas(64) _Atomic uint64_t tail;
    struct weir_lock producers; /* not taken by a lone one */
};

struct state {
    struct words *words;
    int fd;
    bool is_open;
    uint64_t lap_bytes;  /* a record that ends here or beyond is the last of its lap */
    uint64_t file_bytes; /* a lap, and one longest record */
};

/* An endpoint's: what a consumer has read, of positions from `start`. Nothing in it ever changes its meaning. */
struct chunk {
    unsigned char *bytes;
    uint64_t start;
    size_t filled;
    size_t capacity;
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

/* The space is really allocated: a full disk is an error now, not later. */
static int make_file(struct state *state, const char *folder, struct weir_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/messages", folder);
    state->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (state->fd < 0)
        return weir_error_errno(error, path);
    state->is_open = true;
    do
        errno = posix_fallocate(state->fd, 0, (off_t)state->file_bytes);
    while (errno == EINTR);
    if (errno == ENOSPC)
        return weir_error_set(error, WEIR_ESYSTEM,
                              "no room for %llu bytes in %s (free some, ask for less depth, or set WEIR_TMPDIR)",
                              (unsigned long long)state->file_bytes, folder);
    return errno == 0 ? 0 : weir_error_errno(error, "posix_fallocate");
}

static void plan_file(struct weir_driver_channel *channel, struct state *state)
{
    uint64_t longest = HEADER_BYTES + channel->config->max_message_bytes;
    uint64_t capacity = channel->options[OPTION_CAPACITY].number;
    uint64_t fit = (capacity != 0 ? capacity : MOST_FILE_BYTES) / longest;
    uint64_t depth = fit > 2 ? fit - 1 : 1; /* one longest record lies behind the end of a lap */
    if (capacity == 0 && depth > channel->depth)
        depth = channel->depth;
    state->lap_bytes = depth * longest;
    state->file_bytes = state->lap_bytes + longest;
    channel->depth = depth;
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    plan_file(channel, state);
    state->words = weir_shared_alloc(channel, sizeof *state->words);
    if (state->words == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the positions in the file");
    if (weir_lock_init(&state->words->producers, channel->config->span == WEIR_SPAN_PROCESSES) != 0)
        return weir_error_set(error, WEIR_ESYSTEM, "the producers' lock cannot be made");
    const char *folder = weir_private_folder(channel, error);
    return folder == NULL ? error->code : make_file(state, folder, error);
}

static void destroy(struct weir_driver_channel *channel)
{
    const struct state *state = channel->state;
    if (state->is_open)
        close(state->fd); /* the core removes the folder */
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    struct chunk *chunk = endpoint->state;
    if (endpoint->role == WEIR_PRODUCER)
        return 0;
    size_t longest = HEADER_BYTES + endpoint->channel->config->max_message_bytes;
    chunk->capacity = longest > CHUNK_BYTES ? longest : CHUNK_BYTES;
    chunk->bytes = malloc(chunk->capacity);
    return chunk->bytes != NULL ? 0 : WEIR_ENOMEM;
}

static void detach(struct weir_driver_endpoint *endpoint)
{
    struct chunk *chunk = endpoint->state;
    free(chunk->bytes);
}

/* Where the record after one of `bytes` at `position` begins. */
static uint64_t position_after(const struct state *state, uint64_t position, uint64_t bytes)
{
    position += bytes;
    uint64_t offset = position % state->file_bytes;
    return offset < state->lap_bytes ? position : position - offset + state->file_bytes;
}

/* ---- appending ----------------------------------------------------------------------------------------------- */

static int write_record(const struct state *state, uint64_t position, const void *buffer, size_t length)
{
    uint32_t header = (uint32_t)length;
    struct iovec parts[] = {{&header, sizeof header}, {(void *)(uintptr_t)buffer, length}};
    ssize_t written;
    do
        written = pwritev(state->fd, parts, length > 0 ? 2 : 1, (off_t)(position % state->file_bytes));
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)(HEADER_BYTES + length) ? 0 : WEIR_ESYSTEM;
}

static int append(const struct state *state, const void *buffer, size_t length)
{
    struct words *words = state->words;
    uint64_t bytes = HEADER_BYTES + length;
    uint64_t tail = atomic_load_explicit(&words->tail, memory_order_relaxed);
    /* Acquire: partner of the release in take; what was there has been read. */
    uint64_t head = atomic_load_explicit(&words->head, memory_order_acquire);
    if (head > tail || tail - head > state->file_bytes)
        return WEIR_ECORRUPT;
    if (tail + bytes - head > state->file_bytes)
        return WEIR_EAGAIN;
    int result = write_record(state, tail, buffer, length);
    if (result == 0) /* Release: partner of the acquire in peek; the record is whole. */
        atomic_store_explicit(&words->tail, position_after(state, tail, bytes), memory_order_release);
    return result;
}

static int send_message(struct weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned flags)
{
    (void)flags;
    const struct state *state = endpoint->channel->state;
    if (endpoint->channel->config->producers == 1)
        return append(state, buffer, length);
    int result = weir_lock_take(&state->words->producers);
    if (result != 0 && result != WEIR_EPEERDIED) /* whoever died in there has written nothing */
        return result;
    result = append(state, buffer, length);
    weir_lock_give(&state->words->producers);
    return result;
}

/* ---- following ----------------------------------------------------------------------------------------------- */

/* Reads from `position` on, up to the tail, or the end of the file where a lap's end lies between. */
static int fill_chunk(const struct state *state, struct chunk *chunk, uint64_t position, uint64_t tail)
{
    uint64_t offset = position % state->file_bytes;
    uint64_t wanted = tail - position;
    if (wanted > state->file_bytes - offset)
        wanted = state->file_bytes - offset;
    if (wanted > chunk->capacity)
        wanted = chunk->capacity;
    ssize_t got;
    do
        got = pread(state->fd, chunk->bytes, wanted, (off_t)offset);
    while (got < 0 && errno == EINTR);
    chunk->start = position;
    chunk->filled = got > 0 ? (size_t)got : 0;
    return got < 0 ? WEIR_ESYSTEM : 0;
}

/* The record at `position` in the chunk, or NULL if it is not there whole. */
static const unsigned char *find_record(const struct chunk *chunk, uint64_t position, uint32_t *ret_length)
{
    uint64_t at = position - chunk->start; /* huge if before the start */
    if (at >= chunk->filled || chunk->filled - at < HEADER_BYTES)
        return NULL;
    memcpy(ret_length, chunk->bytes + at, HEADER_BYTES);
    return chunk->filled - at - HEADER_BYTES >= *ret_length ? chunk->bytes + at + HEADER_BYTES : NULL;
}

/* One look at the head: the length of its record, now this consumer's, or WEIR_EAGAIN with *ret_again when somebody
 * else was quicker. */
static ssize_t take(const struct weir_driver_endpoint *endpoint, const void **ret_buffer, bool *ret_again)
{
    const struct state *state = endpoint->channel->state;
    struct chunk *chunk = endpoint->state;
    uint64_t head = atomic_load_explicit(&state->words->head, memory_order_acquire);
    /* Acquire: partner of the release in append. */
    uint64_t tail = atomic_load_explicit(&state->words->tail, memory_order_acquire);
    if (head == tail)
        return WEIR_EAGAIN;
    uint32_t length = 0;
    const unsigned char *body = NULL;
    if (tail - head <= state->file_bytes) {
        body = find_record(chunk, head, &length);
        if (body == NULL && fill_chunk(state, chunk, head, tail) == 0)
            body = find_record(chunk, head, &length);
    }
    bool is_sound = body != NULL && length <= endpoint->channel->config->max_message_bytes;
    uint64_t expected = head;
    /* Release: partner of the acquire in append. Acquire and release together keep the reads above it. */
    if (is_sound && atomic_compare_exchange_strong_explicit(&state->words->head, &expected,
                                                            position_after(state, head, HEADER_BYTES + length),
                                                            memory_order_acq_rel, memory_order_relaxed)) {
        *ret_buffer = body;
        return (ssize_t)length;
    }
    /* Others have moved the head: what was read may be anything. */
    *ret_again = atomic_load_explicit(&state->words->head, memory_order_relaxed) != head;
    return *ret_again ? WEIR_EAGAIN : WEIR_ECORRUPT;
}

static ssize_t peek(struct weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    ssize_t length;
    bool again;
    do {
        again = false;
        length = take(endpoint, ret_buffer, &again);
    } while (again);
    return length;
}

static void release(struct weir_driver_endpoint *endpoint)
{
    (void)endpoint; /* it was this consumer's own copy */
}

extern const struct weir_driver weir_driver_file;
const struct weir_driver weir_driver_file = {
    .abi = WEIR_DRIVER_ABI,
    .name = "file",
    .summary = "a file that producers append to and consumers follow",
    .capabilities = WEIR_CAP_PEEK | WEIR_CAP_KERNEL,
    .wait = WEIR_WAIT_ADAPTIVE,
    .channel_bytes = sizeof(struct state),
    .endpoint_bytes = sizeof(struct chunk),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
    .detach = detach,
    .send = send_message,
    .peek = peek,
    .release = release,
};

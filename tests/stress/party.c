/* SPDX-License-Identifier: MIT
 *
 * A producer or a consumer that does everything in turn: both forms of each call, every kind of deadline, WEIR_MORE,
 * buffers that are too small, reservations given up, goodbyes and returns.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stress.h"

struct worker {
    const struct party *party;
    const struct round *round;
    struct weir_endpoint *endpoint;
    uint64_t random;
    uint32_t incarnation, sequence;                 /* of a producer's endpoint */
    uint64_t next[MOST_SIDE][MOST_INCARNATION + 1]; /* of a consumer: the least sequence to come */
    unsigned char buffer[MOST_BYTES];
};

static int fail(struct worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct worker *worker, const char *format, ...)
{
    struct board *board = worker->round->board;
    if (atomic_exchange(&board->failed, 1) == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(board->reason, sizeof board->reason, format, arguments);
        va_end(arguments);
    }
    return -1;
}

/* What ends a worker: 0 where a kill may have led to it. */
static int end(struct worker *worker, const char *what, int64_t result)
{
    const struct round *round = worker->round;
    struct board *board = round->board;
    if (result == WEIR_ECORRUPT && (round->info.capabilities & WEIR_CAP_KERNEL) != 0 &&
        atomic_load(&board->kills[0]) + atomic_load(&board->kills[1]) > 0) {
        atomic_store(&board->in_pieces, true);
        weir_channel_shutdown(round->channel);
    }
    if (atomic_load(&board->failed))
        return -1;
    return atomic_load(&board->in_pieces) ? 0 : fail(worker, "%s: %s", what, weir_strerror((int)result));
}

/* At once, soon, or for ever. */
static int64_t draw_deadline(struct worker *worker)
{
    uint32_t choice = below(&worker->random, 4);
    return choice == 0 ? WEIR_NOW : choice == 1 ? weir_now_ns() + below(&worker->random, 200000) : WEIR_FOREVER;
}

/* Whoever has left may come back, unless it is done: then consumers end (see consume), and they after all producers. */
static bool may_try_again(const struct worker *worker, int64_t result)
{
    enum weir_role peers = worker->party->role == WEIR_PRODUCER ? WEIR_CONSUMER : WEIR_PRODUCER;
    if (result == WEIR_EPEERDIED)
        return atomic_load(&worker->round->board->kills[peers]) > 0;
    return result == WEIR_EAGAIN || result == WEIR_ETIMEDOUT || result == WEIR_EOF || result == WEIR_EPIPE;
}

static int come(struct worker *worker)
{
    int result;
    while ((result = weir_attach(&worker->endpoint, worker->round->channel, worker->party->role,
                                 worker->party->index)) == WEIR_EBUSY &&
           worker->party->life > 0)
        sched_yield(); /* who was killed here is not quite dead */
    if (result != 0)
        return end(worker, "attach", result);
    worker->sequence = 0;
    if (worker->party->role == WEIR_PRODUCER)
        worker->incarnation = atomic_fetch_add(&worker->round->board->incarnations[worker->party->index], 1);
    return worker->incarnation > MOST_INCARNATION ? fail(worker, "too many returns") : 0;
}

/* Messages that wait with the sender while no consumer is there are lost with a goodbye. */
static void say_goodbye(struct worker *worker)
{
    int result = worker->party->role == WEIR_PRODUCER ? WEIR_EAGAIN : 0;
    while (worker->endpoint != NULL && result != 0 && may_try_again(worker, result))
        result = weir_flush(worker->endpoint, weir_now_ns() + 1000000);
    weir_detach(worker->endpoint);
    worker->endpoint = NULL;
}

static int return_at_times(struct worker *worker)
{
    if (below(&worker->random, 500) != 0)
        return 0;
    say_goodbye(worker);
    return come(worker);
}

/* ---- messages: producer u8, length u24, incarnation u32, sequence u64, then bytes that follow from the sequence ---
 */

static unsigned char filling(uint64_t sequence, size_t i)
{
    return (unsigned char)(sequence * 31 + i * 7);
}

static void make(struct worker *worker, unsigned char *bytes, size_t length)
{
    uint32_t head[2] = {worker->party->index << 24 | (uint32_t)length, worker->incarnation};
    uint64_t sequence = worker->sequence;
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + 8, &sequence, sizeof sequence);
    for (size_t i = LEAST_BYTES; i < length; i++)
        bytes[i] = filling(sequence, i);
}

static int check(struct worker *worker, const unsigned char *bytes, size_t length)
{
    uint32_t head[2];
    uint64_t sequence;
    if (length < LEAST_BYTES)
        return fail(worker, "a message of %zu bytes, which nobody sent", length);
    memcpy(head, bytes, sizeof head);
    memcpy(&sequence, bytes + 8, sizeof sequence);
    uint32_t producer = head[0] >> 24, incarnation = head[1];
    if (producer >= worker->round->info.producers || (head[0] & 0xffffff) != length || incarnation > MOST_INCARNATION)
        return fail(worker, "a damaged head: %08x %08x in %zu bytes", head[0], head[1], length);
    uint64_t *next = &worker->next[producer][incarnation];
    if (sequence < *next)
        return fail(worker, "message %llu of producer %u after %llu", (unsigned long long)sequence, producer,
                    (unsigned long long)*next);
    *next = sequence + 1;
    for (size_t i = LEAST_BYTES; i < length; i++)
        if (bytes[i] != filling(sequence, i))
            return fail(worker, "byte %zu of %zu is damaged", i, length);
    return 0;
}

/* ---- producing ----------------------------------------------------------------------------------------------- */

static size_t draw_length(struct worker *worker)
{
    size_t most = worker->round->info.max_message_bytes;
    uint32_t small = below(&worker->random, 4) != 0 && most > 200 ? 200 : (uint32_t)most;
    return LEAST_BYTES + below(&worker->random, small - LEAST_BYTES + 1);
}

static int put_in_place(struct worker *worker, size_t length, unsigned flags)
{
    void *room;
    size_t more = worker->round->info.max_message_bytes - length; /* to reserve and not to use */
    more = below(&worker->random, 2) ? below(&worker->random, (uint32_t)more + 1) : 0;
    int result = weir_reserve(worker->endpoint, length + more, &room, draw_deadline(worker));
    if (result != 0)
        return result;
    make(worker, room, length);
    if (below(&worker->random, 20) == 0) {
        memset(room, 0xee, length);
        weir_abort(worker->endpoint);
        return WEIR_EAGAIN;
    }
    result = weir_commit(worker->endpoint, length, flags, draw_deadline(worker));
    if (result != 0)
        weir_abort(worker->endpoint);
    return result;
}

static int put(struct worker *worker, size_t length)
{
    unsigned flags = below(&worker->random, 3) == 0 ? WEIR_MORE : 0;
    if (below(&worker->random, 2) == 0)
        return put_in_place(worker, length, flags);
    make(worker, worker->buffer, length);
    return weir_send(worker->endpoint, worker->buffer, length, flags, draw_deadline(worker));
}

static int produce(struct worker *worker)
{
    struct board *board = worker->round->board;
    for (uint32_t i = 0; i < worker->round->messages; i++, worker->sequence++) {
        int result;
        size_t length = draw_length(worker);
        atomic_fetch_add(&board->begun, 1);
        while ((result = put(worker, length)) != 0 && may_try_again(worker, result) && !atomic_load(&board->failed))
            if (result != WEIR_ETIMEDOUT)
                sched_yield();
        if (result != 0)
            return end(worker, "send", result);
        atomic_fetch_add(&board->sent, 1);
        if (below(&worker->random, 50) == 0)
            weir_flush(worker->endpoint, WEIR_NOW);
        if (return_at_times(worker) != 0 || worker->endpoint == NULL)
            return -1;
    }
    return 0;
}

/* ---- consuming ----------------------------------------------------------------------------------------------- */

static ssize_t get(struct worker *worker)
{
    const void *message = worker->buffer;
    ssize_t length;
    uint32_t form = below(&worker->random, 4);
    if (form == 0 && (length = weir_recv(worker->endpoint, worker->buffer, LEAST_BYTES - 1, WEIR_NOW)) != WEIR_EMSGSIZE)
        return length < 0 ? length : fail(worker, "%zd bytes into too small a buffer", length);
    if (form < 2) {
        length = weir_peek(worker->endpoint, &message, draw_deadline(worker));
        if (length >= 0 && check(worker, message, (size_t)length) != 0)
            return -1000;
        if (length >= 0)
            weir_release(worker->endpoint);
        return length;
    }
    length = weir_recv(worker->endpoint, worker->buffer, worker->round->info.max_message_bytes, draw_deadline(worker));
    return length >= 0 && check(worker, worker->buffer, (size_t)length) != 0 ? -1000 : length;
}

static bool producers_are_done(const struct round *round)
{
    for (uint32_t i = 0; i < round->info.producers; i++)
        if (!atomic_load(&round->board->done[WEIR_PRODUCER][i]))
            return false;
    return true;
}

static int consume(struct worker *worker)
{
    const struct round *round = worker->round;
    struct board *board = round->board;
    for (;;) {
        /* Read first: what was sent before that is then received before an end. */
        bool all_done = producers_are_done(round);
        ssize_t length = get(worker);
        if (length >= 0) {
            atomic_fetch_add(&board->received, 1);
            if (round->may_return && (return_at_times(worker) != 0 || worker->endpoint == NULL))
                return -1;
        } else if (atomic_load(&board->failed)) {
            return -1;
        } else if (all_done && (length == WEIR_EOF || length == WEIR_EPEERDIED)) {
            return 0;
        } else if (!may_try_again(worker, length)) {
            return end(worker, "receive", length);
        } else if (length != WEIR_ETIMEDOUT) {
            sched_yield();
        }
    }
}

int take_part(void *argument, int report_fd)
{
    static _Thread_local struct worker worker; /* large */
    struct party *party = argument;
    (void)report_fd;
    memset(&worker, 0, sizeof worker);
    worker.party = party;
    worker.round = party->round;
    worker.random = party->round->seed + (uint64_t)party->role * 1000 + party->index * 100 + party->life;
    int result = come(&worker);
    if (result == 0 && worker.endpoint != NULL)
        result = party->role == WEIR_PRODUCER ? produce(&worker) : consume(&worker);
    say_goodbye(&worker);
    atomic_store(&party->round->board->done[party->role][party->index], true);
    return result == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT
 *
 * A player: one worker in an epoch, with all that it needs for its part, and the small steps that all parts share.
 */
#ifndef WEIR_BENCH_PLAYER_H
#define WEIR_BENCH_PLAYER_H

#include "histogram.h"
#include "proto/report.h"
#include "roles.h"
#include "usage.h"

struct player {
    const struct part *part;
    const struct epoch *epoch;
    const struct setup *setup;
    struct stage_slot *slot;
    struct weir_endpoint *sending, *receiving; /* of a server: `sending` is unused */
    struct weir_endpoint **answering;          /* of a server: to each producer */
    struct sample_encoder *encoder;            /* of a server and of made-up receives: one for each producer */
    struct sample_decoder *decoder;
    struct tracker *tracker;
    unsigned char *out, *in;
    const void *message; /* the one received last: in `in`, or where the channel shows it */
    bool in_place;
    struct histogram *latency, *uncorrected; /* of a part that times messages; else NULL */
    int64_t spun_ns;                         /* of a paced producer: CPU time that only waited for its time */
    uint64_t sent;
    weir_Report report;
    struct usage_meter meter;
    struct usage begin, end;
    uint64_t random; /* decides where its memory lies */
    void *blocks[4]; /* that memory, to be freed */
};

/* The parts, from the first message to the last. player.c attaches before and detaches after. */
void stream_produce(struct player *player);
void stream_consume(struct player *player);
void stream_consume_made_up(struct player *player);
void pingpong_ask(struct player *player);
void pingpong_answer(struct player *player);
void paced_produce(struct player *player);
void paced_consume(struct player *player);

/* One relaxed store to a line that nobody else writes. */
static inline void player_set_count(struct player *player, uint64_t count)
{
    atomic_store_explicit(&player->slot->count, count, memory_order_relaxed);
}

/* After more than twice as many messages as are sent a consumer gives up: its channel does not take them off, and would
 * never end. Fewer are counted as repeated. */
static inline uint64_t player_too_many(const struct player *player)
{
    return 2 * epoch_messages(player->epoch) * player->setup->workers.producers;
}

void player_fail_endless(struct player *player);

void player_set_phase(struct player *player, enum phase phase);

/* Remembers the first failure for the report; returns `code`. */
int player_fail(struct player *player, int code, const char *what);

/* Start and stop of the clock, with the usage outside what is timed. */
void player_begin_measuring(struct player *player);
void player_end_measuring(struct player *player);

/* Of a producer among several, at once after its last measured message. */
static inline void player_note_finish(struct player *player)
{
    uint32_t producers = player->setup->workers.producers;
    if (producers > 1)
        stage_note_finish(player->epoch->stage, producers, player->epoch->warm);
}

/* Until `slots` from `first` together count `total`; gives up when nothing moves any more. */
void player_wait_for_sum(struct player *player, uint32_t first, uint32_t slots, uint64_t total);

/* What a message is made and sent with. */
struct sending {
    struct weir_endpoint *endpoint;
    struct sample_encoder *encoder;
    unsigned flags;
};

static inline int player_put_in_place(struct player *player, struct sending by, uint64_t sequence, int64_t sent_ns)
{
    void *room;
    int result = weir_reserve(by.endpoint, player->setup->size, &room, WEIR_FOREVER);
    if (result != 0)
        return player_fail(player, result, "reserving");
    if (sample_encode(by.encoder, sequence, sent_ns, room) != 0)
        return player_fail(player, WEIR_EINVAL, "encoding");
    result = weir_commit(by.endpoint, player->setup->size, by.flags, WEIR_FOREVER);
    return result != 0 ? player_fail(player, result, "committing") : 0;
}

/* Makes message `sequence` and sends it. */
static inline int player_put(struct player *player, struct sending by, uint64_t sequence, int64_t sent_ns)
{
    if (player->in_place)
        return player_put_in_place(player, by, sequence, sent_ns);
    if (sample_encode(by.encoder, sequence, sent_ns, player->out) != 0)
        return player_fail(player, WEIR_EINVAL, "encoding");
    int result = weir_send(by.endpoint, player->out, player->setup->size, by.flags, WEIR_FOREVER);
    return result != 0 ? player_fail(player, result, "sending") : 0;
}

/* A producer's next message, sent and counted; with those before `to` it may travel in batches. */
static inline int player_send(struct player *player, uint64_t sequence, uint64_t to, int64_t sent_ns)
{
    uint32_t batch = player->setup->batch;
    unsigned flags = batch > 1 && (sequence + 1) % batch != 0 && sequence + 1 < to ? WEIR_MORE : 0;
    int result = player_put(player, (struct sending){player->sending, player->encoder, flags}, sequence, sent_ns);
    if (result != 0)
        return result;
    player->sent = sequence + 1;
    player_set_count(player, player->sent);
    return 0;
}

/* The length of the next message, which is then player->message until it has been checked, or why there is none. */
static inline ssize_t player_take(struct player *player)
{
    return player->in_place ? weir_peek(player->receiving, &player->message, WEIR_FOREVER)
                            : weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
}

/* Checks that message, takes note of it and gives its place back. */
static inline void player_check(struct player *player, ssize_t length, struct sample_seen *ret_seen)
{
    enum sample_verdict verdict = sample_decode(player->decoder, player->message, (size_t)length, ret_seen);
    tracker_note(player->tracker, verdict, ret_seen);
    if (player->in_place)
        weir_release(player->receiving);
}

/* On a channel that carries nothing: the same of a message that was made up in `in`, which the channel's memory, where
 * one may only read, cannot hold. */
static inline ssize_t player_take_made_up(struct player *player)
{
    ssize_t length = player_take(player);
    player->message = player->in;
    return length;
}

#endif

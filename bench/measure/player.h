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

void player_set_phase(struct player *player, enum phase phase);

/* Remembers the first failure for the report; returns `code`. */
int player_fail(struct player *player, int code, const char *what);

/* Start and stop of the clock, with the usage outside what is timed. */
void player_begin_measuring(struct player *player);
void player_end_measuring(struct player *player);

/* Until `slots` from `first` together count `total`; gives up when nothing moves any more. */
void player_wait_for_sum(struct player *player, uint32_t first, uint32_t slots, uint64_t total);

/* Makes message `sequence`, sends it, and counts it; with those before `to` it may travel in batches. */
static inline int player_send(struct player *player, uint64_t sequence, uint64_t to, int64_t sent_ns)
{
    uint32_t batch = player->setup->batch;
    unsigned flags = batch > 1 && (sequence + 1) % batch != 0 && sequence + 1 < to ? WEIR_MORE : 0;
    if (sample_encode(player->encoder, sequence, sent_ns, player->out) != 0)
        return player_fail(player, WEIR_EINVAL, "encoding");
    int result = weir_send(player->sending, player->out, player->setup->size, flags, WEIR_FOREVER);
    if (result != 0)
        return player_fail(player, result, "sending");
    player->sent = sequence + 1;
    player_set_count(player, player->sent);
    return 0;
}

/* Checks the message in player->in and takes note of it. */
static inline void player_check(struct player *player, ssize_t length, struct sample_seen *ret_seen)
{
    enum sample_verdict verdict = sample_decode(player->decoder, player->in, (size_t)length, ret_seen);
    tracker_note(player->tracker, verdict, ret_seen);
}

#endif

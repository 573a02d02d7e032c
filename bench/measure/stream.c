/* SPDX-License-Identifier: MIT
 *
 * The parts of a stream. Its clock starts when every warm-up message has been received (so the channel is empty) and
 * stops when the last message has been checked. Two clock reads an epoch: one by each producer before its first
 * measured message, one by the consumer after the last. With several consumers nobody knows which message is the last,
 * so the clock is read after each of the final few.
 */
#include "player.h"

#include "machine/clock.h"

/* All carry the same time: a clock read a message would be a good part of some channels' cost. */
static int send_samples(struct player *player, uint64_t from, uint64_t to, int64_t sent_ns)
{
    int result = 0;
    for (uint64_t sequence = from; sequence < to && result == 0; sequence++)
        result = player_send(player, sequence, to, sent_ns);
    return result;
}

void stream_produce(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    if (send_samples(player, 0, epoch->warm, clock_now_ns()) != 0)
        return;
    player_wait_for_sum(player, workers.producers, workers.consumers, epoch->warm * workers.producers);
    player_begin_measuring(player);
    send_samples(player, epoch->warm, epoch->warm + epoch->count, player->report.first_ns);
    player_note_finish(player);
    if (epoch->is_synthetic) /* the last of all stops the clock (epoch.c): a third clock read */
        player_end_measuring(player);
    else
        usage_read(&player->meter, &player->end);
}

/* ---- receiving ----------------------------------------------------------------------------------------------- */

/* What a consumer does next beside receiving. Alone, the number of messages tells when; else the sequences do, if the
 * messages have them. */
enum step { STEP_BEGIN, STEP_ARRIVAL, STEP_END };

struct watch {
    enum step step;
    uint64_t count;    /* when so many have been received; UINT64_MAX: never */
    uint64_t sequence; /* when a message has this sequence or a later one */
};

static struct watch first_watch(const struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    if (workers.consumers == 1)
        return (struct watch){STEP_BEGIN, epoch->warm * workers.producers, UINT64_MAX};
    return (struct watch){STEP_BEGIN, UINT64_MAX, player->decoder->numbered ? epoch->warm : 0};
}

static struct watch last_watch(const struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    const uint64_t end = epoch->warm + epoch->count, window = epoch->count / 64 + workers.consumers;
    if (workers.consumers == 1)
        return (struct watch){STEP_END, end * workers.producers, UINT64_MAX};
    return (struct watch){STEP_END, UINT64_MAX, player->decoder->numbered && end > window ? end - window : 0};
}

/* Takes the step and returns what comes next. */
static struct watch take_step(struct player *player, struct watch watch)
{
    switch (watch.step) {
    case STEP_BEGIN:
        player_set_phase(player, PHASE_MEASURING);
        usage_read(&player->meter, &player->begin);
        if (player->epoch->exploring && watch.count != UINT64_MAX)
            return (struct watch){STEP_ARRIVAL, watch.count + 1, UINT64_MAX};
        return last_watch(player);
    case STEP_ARRIVAL:
        player->report.has_arrival_ns = true;
        player->report.arrival_ns = clock_now_ns();
        return last_watch(player);
    case STEP_END:
        player->report.last_ns = clock_now_ns();
        if (watch.count != UINT64_MAX)
            usage_read(&player->meter, &player->end);
        return watch;
    }
    return watch;
}

void stream_consume(struct player *player)
{
    struct watch watch = first_watch(player);
    struct sample_seen seen = {0};
    ssize_t length;
    const uint64_t too_many = player_too_many(player);
    uint64_t received = 0;
    while ((length = player_take(player)) >= 0) {
        if (received == too_many) {
            player_fail_endless(player);
            break;
        }
        player_check(player, length, &seen);
        received++;
        if (received == watch.count || seen.sequence >= watch.sequence)
            watch = take_step(player, watch);
        player_set_count(player, received); /* the producers wait for it: so their clock starts after STEP_BEGIN */
    }
    if (length < 0 && length != WEIR_EOF)
        player_fail(player, (int)length, "receiving");
    if (player->end.cpu_ns == 0) /* not alone: nobody else knew when it was over */
        usage_read(&player->meter, &player->end);
    if (player->begin.cpu_ns == 0)
        player->begin = player->end;
}

/* The consumer of a channel that carries nothing makes up what the producers would have sent: of each producer every
 * consumers-th sequence, in turn. */
static int receive_made_up(struct player *player, uint64_t from, uint64_t to)
{
    const struct workers workers = player->setup->workers;
    const uint64_t ahead = (player->part->index + workers.consumers - from % workers.consumers) % workers.consumers;
    uint64_t received = atomic_load_explicit(&player->slot->count, memory_order_relaxed);
    struct sample_encoder *encoder = player->encoder, *last = encoder + workers.producers;
    for (uint64_t sequence = from + ahead; sequence < to;) {
        sample_encode(encoder, sequence, 0, player->in);
        ssize_t length = player_take_made_up(player);
        if (length < 0)
            return player_fail(player, (int)length, "receiving");
        struct sample_seen seen = {0};
        player_check(player, length, &seen);
        player_set_count(player, ++received);
        if (++encoder == last) {
            encoder = player->encoder;
            sequence += workers.consumers;
        }
    }
    return 0;
}

void stream_consume_made_up(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    const uint32_t producers = player->setup->workers.producers;
    if (receive_made_up(player, 0, epoch->warm) != 0)
        return;
    for (unsigned looks = 0; !stage_all(epoch->stage, 0, producers, PHASE_MEASURING); looks++)
        stage_pause(looks);
    player_set_phase(player, PHASE_MEASURING);
    usage_read(&player->meter, &player->begin);
    receive_made_up(player, epoch->warm, epoch->warm + epoch->count);
    player_end_measuring(player);
}

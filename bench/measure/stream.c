/* SPDX-License-Identifier: MIT
 *
 * The parts of a stream. Its clock starts when every warm-up message has been received (so the channel is empty) and
 * stops when the last message has been checked. Two clock reads an epoch: one by each producer before its first
 * measured message, one by the consumer after the last. With several consumers nobody knows which message is the last,
 * so the clock is read after each of the final few.
 */
#include "player.h"

#include "machine/clock.h"

static int send_samples(struct player *player, uint64_t from, uint64_t to)
{
    int64_t sent_ns = clock_now_ns(); /* once: a clock read a message would be a good part of some channels' cost */
    uint32_t batch = player->setup->batch;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        unsigned flags = batch > 1 && (sequence + 1) % batch != 0 && sequence + 1 < to ? WEIR_MORE : 0;
        if (sample_encode(player->encoder, sequence, sent_ns, player->out) != 0)
            return player_fail(player, WEIR_EINVAL, "encoding");
        int result = weir_send(player->sending, player->out, player->setup->size, flags, WEIR_FOREVER);
        if (result != 0)
            return player_fail(player, result, "sending");
        player->sent = sequence + 1;
        player_set_count(player, player->sent);
    }
    return 0;
}

void stream_produce(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    if (send_samples(player, 0, epoch->warm) != 0)
        return;
    player_wait_for_sum(player, workers.producers, workers.consumers, epoch->warm * workers.producers);
    player_begin_measuring(player);
    send_samples(player, epoch->warm, epoch->warm + epoch->count);
    player_end_measuring(player);
}

void stream_consume(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    struct workers workers = player->setup->workers;
    const bool alone = workers.consumers == 1;
    const uint64_t warm = epoch->warm * workers.producers;
    const uint64_t end = epoch->warm + epoch->count;
    const uint64_t all = end * workers.producers;
    const uint64_t window = epoch->count / 64 + workers.consumers;
    const bool numbered = player->decoder->numbered;
    /* Alone, the count tells where warm-up and epoch end; else the sequences do, if the messages have them. */
    const uint64_t first_measured = alone ? UINT64_MAX : numbered ? epoch->warm : 0;
    const uint64_t first_of_last = alone ? UINT64_MAX : numbered && end > window ? end - window : 0;
    bool measuring = false, done = false;
    struct sample_seen seen = {0};
    for (uint64_t received = 0;;) {
        ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
        if (length < 0) {
            if (length != WEIR_EOF)
                player_fail(player, (int)length, "receiving");
            break;
        }
        player_check(player, length, &seen);
        received++;
        if ((alone && received == all) || seen.sequence >= first_of_last)
            player->report.last_ns = clock_now_ns();
        player_set_count(player, received);
        if (!measuring && ((alone && received >= warm) || seen.sequence >= first_measured)) {
            measuring = true;
            player_set_phase(player, PHASE_MEASURING);
            usage_read(&player->meter, &player->begin);
        }
        if (alone && received == all) {
            done = true;
            usage_read(&player->meter, &player->end);
        }
    }
    if (!done)
        usage_read(&player->meter, &player->end);
}

/* The consumer of a channel that carries nothing makes up what the producers would have sent: of each producer every
 * consumers-th sequence, in turn. */
static int receive_made_up(struct player *player, uint64_t from, uint64_t to)
{
    const struct workers workers = player->setup->workers;
    const size_t size = player->setup->size;
    const uint64_t ahead = (player->part->index + workers.consumers - from % workers.consumers) % workers.consumers;
    uint64_t received = atomic_load_explicit(&player->slot->count, memory_order_relaxed);
    struct sample_encoder *encoder = player->encoder, *last = encoder + workers.producers;
    for (uint64_t sequence = from + ahead; sequence < to;) {
        sample_encode(encoder, sequence, 0, player->in);
        ssize_t length = weir_recv(player->receiving, player->in, size, WEIR_FOREVER);
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
    player_begin_measuring(player);
    receive_made_up(player, epoch->warm, epoch->warm + epoch->count);
    player_end_measuring(player);
}

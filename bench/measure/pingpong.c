/* SPDX-License-Identifier: MIT
 *
 * The parts of a pingpong: each producer asks and waits for the answer, which comes back through a channel of its own;
 * whichever consumer took the question answers it. Both sides check all that they get.
 */
#include "player.h"

static int make_trips(struct player *player, uint64_t from, uint64_t to)
{
    struct sample_seen seen;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        if (sample_encode(player->encoder, sequence, player->report.first_ns, player->out) != 0)
            return player_fail(player, WEIR_EINVAL, "encoding");
        int result = weir_send(player->sending, player->out, player->setup->size, 0, WEIR_FOREVER);
        if (result != 0)
            return player_fail(player, result, "sending");
        player->sent = sequence + 1;
        if (player->epoch->is_synthetic)
            sample_encode(player->encoder, sequence, 0, player->in);
        ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
        if (length < 0)
            return player_fail(player, (int)length, "waiting for the answer");
        player_check(player, length, &seen);
        player_set_count(player, player->sent);
    }
    return 0;
}

void pingpong_ask(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    uint32_t clients = player->setup->workers.producers;
    if (make_trips(player, 0, epoch->warm) != 0)
        return;
    player_wait_for_sum(player, 0, clients, epoch->warm * clients);
    player_begin_measuring(player);
    make_trips(player, epoch->warm, epoch->warm + epoch->count);
    player_end_measuring(player);
}

/* 0, or why there is no more to answer. */
static int answer_one(struct player *player, uint64_t number, struct sample_seen *seen)
{
    uint64_t sequence;
    if (player->epoch->is_synthetic && !player_make_up(player, number, &sequence))
        return WEIR_EOF;
    ssize_t length = weir_recv(player->receiving, player->in, player->setup->size, WEIR_FOREVER);
    if (length == WEIR_EOF)
        return WEIR_EOF;
    if (length < 0)
        return player_fail(player, (int)length, "receiving");
    player_check(player, length, seen);
    if (seen->producer >= player->setup->workers.producers)
        return player_fail(player, WEIR_ECORRUPT, "answering");
    if (sample_encode(&player->encoder[seen->producer], seen->sequence, 0, player->out) != 0)
        return player_fail(player, WEIR_EINVAL, "encoding");
    int result = weir_send(player->answering[seen->producer], player->out, player->setup->size, 0, WEIR_FOREVER);
    return result != 0 ? player_fail(player, result, "answering") : 0;
}

void pingpong_answer(struct player *player)
{
    bool measuring = false;
    for (uint64_t answered = 0;; answered++) {
        struct sample_seen seen = {0};
        if (answer_one(player, answered, &seen) != 0)
            break;
        player->sent = answered + 1;
        player_set_count(player, player->sent);
        if (!measuring && seen.sequence + 1 >= player->epoch->warm) {
            measuring = true;
            player_set_phase(player, PHASE_MEASURING);
            player_read_usage(player, &player->begin);
        }
    }
    player_read_usage(player, &player->end);
}

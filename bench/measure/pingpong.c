/* SPDX-License-Identifier: MIT
 *
 * The parts of a pingpong: each producer asks and waits for the answer, which comes back through a channel of its own;
 * whichever consumer took the question answers it. Both sides check all that they get. First come the trips that the
 * cost is taken from, as a whole; then as many again, each timed.
 */
#include "player.h"

#include "machine/clock.h"

static inline int make_trip(struct player *player, uint64_t sequence)
{
    struct sample_seen seen = {0};
    struct sending by = {player->sending, player->encoder, 0};
    int result = player_put(player, by, sequence, player->report.first_ns);
    if (result != 0)
        return result;
    player->sent = sequence + 1;
    bool made_up = player->epoch->is_synthetic;
    if (made_up)
        sample_encode(player->encoder, sequence, 0, player->in);
    ssize_t length = made_up ? player_take_made_up(player) : player_take(player);
    if (length < 0)
        return player_fail(player, (int)length, "waiting for the answer");
    player_check(player, length, &seen);
    player_set_count(player, player->sent);
    return 0;
}

static int make_trips(struct player *player, uint64_t from, uint64_t to)
{
    int result = 0;
    for (uint64_t sequence = from; sequence < to && result == 0; sequence++)
        result = make_trip(player, sequence);
    return result;
}

/* The end of one trip is the start of the next: a trip contains one clock read and the recording of the one before. */
static void time_trips(struct player *player, uint64_t from, uint64_t to)
{
    int64_t begin_ns = clock_now_ns();
    for (uint64_t sequence = from; sequence < to && make_trip(player, sequence) == 0; sequence++) {
        int64_t end_ns = clock_now_ns();
        histogram_record(player->latency, end_ns - begin_ns);
        begin_ns = end_ns;
    }
}

void pingpong_ask(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    const uint64_t end = epoch->warm + epoch->count;
    uint32_t clients = player->setup->workers.producers;
    if (make_trips(player, 0, epoch->warm) != 0)
        return;
    player_wait_for_sum(player, 0, clients, epoch->warm * clients);
    player_begin_measuring(player);
    int result = make_trips(player, epoch->warm, end);
    player_note_finish(player);
    player_end_measuring(player);
    if (result != 0)
        return;
    /* The cost is settled; the trips that are timed do not add to it. The first gives the servers time to settle too.
     */
    player_wait_for_sum(player, 0, clients, end * clients);
    if (make_trips(player, end, end + 1) == 0)
        time_trips(player, end + 1, epoch_messages(epoch));
}

/* The server of a channel that carries nothing makes up what it would have been asked: as stream.c does. */
static bool make_up_question(struct player *player, uint64_t number)
{
    struct workers workers = player->setup->workers;
    uint64_t sequence = player->part->index + number / workers.producers * workers.consumers;
    if (sequence >= epoch_messages(player->epoch))
        return false;
    return sample_encode(&player->encoder[number % workers.producers], sequence, 0, player->in) == 0;
}

/* 0, or why there is no more to answer. */
static int take_question(struct player *player, uint64_t number, struct sample_seen *seen)
{
    bool made_up = player->epoch->is_synthetic;
    if (made_up && !make_up_question(player, number))
        return WEIR_EOF;
    ssize_t length = made_up ? player_take_made_up(player) : player_take(player);
    if (length == WEIR_EOF)
        return WEIR_EOF;
    if (length < 0)
        return player_fail(player, (int)length, "receiving");
    player_check(player, length, seen);
    return 0;
}

static int answer(struct player *player, const struct sample_seen *seen)
{
    if (seen->producer >= player->setup->workers.producers)
        return player_fail(player, WEIR_ECORRUPT, "answering");
    struct sending by = {player->answering[seen->producer], &player->encoder[seen->producer], 0};
    return player_put(player, by, seen->sequence, 0);
}

/* Its account is of the questions that the clients' clocks saw, but for those at the edges if there are several. */
void pingpong_answer(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    bool measuring = false, measured = false;
    struct sample_seen seen = {0};
    for (uint64_t answered = 0; take_question(player, answered, &seen) == 0; answered++) {
        if (!measured && seen.sequence >= epoch->warm + epoch->count) {
            measured = true;
            usage_read(&player->meter, &player->end);
        }
        if (answer(player, &seen) != 0)
            break;
        player->sent = answered + 1;
        player_set_count(player, player->sent);
        if (!measuring && seen.sequence + 1 >= epoch->warm) {
            measuring = true;
            player_set_phase(player, PHASE_MEASURING);
            usage_read(&player->meter, &player->begin);
        }
    }
    if (!measured)
        usage_read(&player->meter, &player->end);
}

/* SPDX-License-Identifier: MIT
 *
 * The parts of a paced cell: each producer sends when a message is due by the timetable (pace.h), and at once if it is
 * late already; the consumer knows the timetable too. Latency ends when weir_recv, or weir_peek, has returned.
 */
#include "player.h"

#include <sys/prctl.h>
#include <time.h>

#include "machine/clock.h"
#include "pace.h"

#define LEAD_NS  INT64_C(2000000) /* from the agreement on a start to the start: producers in a pause get ready */
#define SPIN_NS  INT64_C(100000)  /* a sleeper may wake so late */
#define PAUSE_NS INT64_C(10000)   /* between two reads of the clock this is no spin: something else had the CPU */

/* ---- the producer -------------------------------------------------------------------------------------------- */

/* The first producer that is ready decides for all. */
static int64_t agree_on_start(struct stage *stage)
{
    int64_t start_ns = 0, wanted_ns = clock_now_ns() + LEAD_NS;
    if (atomic_compare_exchange_strong(&stage->start_ns, &start_ns, wanted_ns))
        start_ns = wanted_ns;
    return start_ns;
}

/* Sleeps until shortly before, then looks at the clock; where that would keep another worker from its CPU, sleeps all
 * the time. Returns the time. */
static int64_t wait_until(struct player *player, int64_t due_ns)
{
    const int64_t margin_ns = player->epoch->shares_cpu ? 0 : SPIN_NS;
    int64_t now_ns = clock_now_ns();
    if (due_ns - now_ns > margin_ns) {
        int64_t pause_ns = due_ns - now_ns - margin_ns;
        struct timespec pause = {.tv_sec = pause_ns / 1000000000, .tv_nsec = pause_ns % 1000000000};
        nanosleep(&pause, NULL);
        now_ns = clock_now_ns();
    }
    while (now_ns < due_ns) {
        int64_t last_ns = now_ns;
        now_ns = clock_now_ns();
        player->spun_ns += now_ns - last_ns < PAUSE_NS ? now_ns - last_ns : 0;
    }
    return now_ns;
}

void paced_produce(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    const struct workers workers = player->setup->workers;
    const double interval_ns = pace_interval_ns(player->setup);
    const uint64_t to = epoch_messages(epoch);
    int result = 0;
    prctl(PR_SET_TIMERSLACK, 1UL); /* of this thread: sleeps may else be 50 us longer than asked */
    for (uint64_t sequence = 0; sequence < epoch->warm && result == 0; sequence++)
        result = player_send(player, sequence, to, clock_now_ns());
    if (result == 0)
        result = weir_flush(player->sending, WEIR_FOREVER);
    if (result != 0)
        return;
    player_wait_for_sum(player, workers.producers, workers.consumers, epoch->warm * workers.producers);
    player_begin_measuring(player);
    const int64_t start_ns = agree_on_start(epoch->stage);
    player->report.first_ns = start_ns;
    for (uint64_t i = 0; i < epoch->count && result == 0; i++) {
        int64_t due_ns = start_ns + pace_due_ns(interval_ns, workers.producers, player->part->index, i);
        result = player_send(player, epoch->warm + i, to, wait_until(player, due_ns));
    }
    player_note_finish(player);
    player_end_measuring(player);
}

/* ---- the consumer -------------------------------------------------------------------------------------------- */

static void record(struct player *player, const struct sample_seen *seen, double interval_ns, unsigned part_shift,
                   int64_t now_ns)
{
    const struct epoch *epoch = player->epoch;
    const uint32_t producers = player->setup->workers.producers;
    uint64_t turn = seen->sequence - epoch->warm, part = (turn * producers + seen->producer) >> part_shift;
    int64_t start_ns = atomic_load_explicit(&epoch->stage->start_ns, memory_order_relaxed);
    int64_t late_ns = now_ns - start_ns - pace_due_ns(interval_ns, producers, seen->producer, turn);
    histogram_record(player->latency, late_ns);
    histogram_record(player->uncorrected, now_ns - seen->sent_ns);
    if (part < PACE_PARTS)
        player->report.late_ns[part] += late_ns;
}

void paced_consume(struct player *player)
{
    const struct epoch *epoch = player->epoch;
    const struct workers workers = player->setup->workers;
    const double interval_ns = pace_interval_ns(player->setup);
    const uint64_t all = workers.consumers == 1 ? epoch_messages(epoch) * workers.producers : UINT64_MAX;
    const uint64_t too_many = player_too_many(player);
    const unsigned part_shift = pace_part_shift(epoch->count * workers.producers);
    int64_t first_ns = 0, last_ns = 0;
    struct sample_seen seen = {0};
    bool measured = false;
    for (uint64_t received = 1;; received++) {
        ssize_t length = player_take(player);
        int64_t now_ns = clock_now_ns();
        if (length < 0) {
            if (length != WEIR_EOF)
                player_fail(player, (int)length, "receiving");
            break;
        }
        if (received > too_many) {
            player_fail_endless(player);
            break;
        }
        player_check(player, length, &seen);
        player_set_count(player, received);
        if (seen.sequence < epoch->warm)
            continue;
        if (first_ns == 0) {
            player_begin_measuring(player);
            first_ns = now_ns;
        }
        record(player, &seen, interval_ns, part_shift, now_ns);
        last_ns = now_ns;
        if (received == all) {
            measured = true;
            player_end_measuring(player);
        }
    }
    if (!measured)
        player_end_measuring(player);
    player->report.late_ns_count = PACE_PARTS;
    player->report.first_ns = first_ns;
    player->report.last_ns = last_ns;
}

/* SPDX-License-Identifier: MIT
 *
 * The slow half of tracking (gaps, late arrivals, repeats, damage), and the settling of accounts.
 */
#include "proto/tracker.h"

#include <stdlib.h>

/* A hash (the finish of splitmix64) of a place in a producer's sequence. */
static uint64_t mark(uint32_t producer, uint64_t sequence)
{
    uint64_t hash = sequence + (producer + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 31;
}

/* The sum of the stamps from sequence `first` to the one before `end`. */
static uint64_t stamps(uint32_t producer, uint64_t first, uint64_t end)
{
    return mark(producer, end) - mark(producer, first);
}

struct tracker *tracker_create(uint32_t producers)
{
    struct tracker *tracker = calloc(1, sizeof *tracker + producers * sizeof tracker->lanes[0]);
    if (tracker != NULL) {
        tracker->producers = producers;
    }
    return tracker;
}

void tracker_destroy(struct tracker *tracker)
{
    free(tracker);
}

static uint64_t *unseen_word(struct tracker_lane *lane, uint64_t sequence)
{
    return &lane->unseen[sequence / 64 % TRACKER_WORDS];
}

static uint64_t unseen_bit(uint64_t sequence)
{
    return UINT64_C(1) << sequence % 64;
}

/* At or past the next one: those in between are missing, for now. */
static void note_advance(struct tracker *tracker, uint32_t producer, uint64_t sequence)
{
    struct tracker_lane *lane = &tracker->lanes[producer];
    uint64_t gap = sequence - lane->next;
    lane->missing += gap;
    tracker->tally.sequence_sum -= stamps(producer, lane->next, sequence);
    uint64_t words = sequence / 64 - (lane->next + 63) / 64 + 1; /* that begin on the way */
    for (uint64_t i = words < TRACKER_WORDS ? words : TRACKER_WORDS; i > 0; i--) {
        *unseen_word(lane, sequence - 64 * (i - 1)) = 0;
    }
    for (uint64_t i = gap < TRACKER_WINDOW ? gap : TRACKER_WINDOW; i > 0; i--) {
        *unseen_word(lane, sequence - i) |= unseen_bit(sequence - i);
    }
    lane->next = sequence + 1;
}

/* Before the next one: late, or again. */
static void note_behind(struct tracker *tracker, uint32_t producer, uint64_t sequence)
{
    struct tracker_lane *lane = &tracker->lanes[producer];
    bool in_window = lane->next - sequence <= TRACKER_WINDOW;
    if (in_window && (*unseen_word(lane, sequence) & unseen_bit(sequence)) != 0) {
        *unseen_word(lane, sequence) &= ~unseen_bit(sequence);
        lane->missing--;
        tracker->tally.sequence_sum += stamps(producer, sequence, sequence + 1);
        tracker->tally.reordered++;
    } else {
        tracker->tally.duplicated++;
    }
}

void tracker_note_odd(struct tracker *tracker, enum sample_verdict verdict, const struct sample_seen *seen)
{
    tracker->tally.corrupted += verdict != SAMPLE_OK;
    if (verdict == SAMPLE_UNPLACED) {
        tracker->tally.unplaced++;
    } else if (seen->producer >= tracker->producers) {
        tracker->tally.corrupted += verdict == SAMPLE_OK;
        tracker->tally.unplaced++;
    } else if (seen->sequence >= tracker->lanes[seen->producer].next) {
        note_advance(tracker, seen->producer, seen->sequence);
    } else {
        note_behind(tracker, seen->producer, seen->sequence);
    }
}

void tracker_tally(const struct tracker *tracker, struct tracker_tally *ret)
{
    *ret = tracker->tally;
    ret->received = ret->duplicated + ret->unplaced;
    for (uint32_t i = 0; i < tracker->producers; i++) {
        const struct tracker_lane *lane = &tracker->lanes[i];
        ret->received += lane->next - lane->missing;
        ret->sequence_sum += stamps(i, 0, lane->next);
    }
}

void tracker_settle(const struct tracker_tally *tallies, size_t consumers, const uint64_t *sent, uint32_t producers,
                    bool numbered, struct integrity *ret)
{
    struct integrity total = {0};
    uint64_t unplaced = 0;
    uint64_t sum = 0; /* of stamps: what came less what should have come */
    for (uint32_t i = 0; i < producers; i++) {
        total.sent += sent[i];
        sum -= stamps(i, 0, sent[i]);
    }
    for (size_t i = 0; i < consumers; i++) {
        total.received += tallies[i].received;
        total.duplicated += tallies[i].duplicated;
        total.reordered += tallies[i].reordered;
        total.corrupted += tallies[i].corrupted;
        unplaced += tallies[i].unplaced;
        sum += tallies[i].sequence_sum;
    }
    uint64_t placed = total.received - total.duplicated - unplaced;
    if (placed > total.sent) {
        total.duplicated += placed - total.sent; /* two consumers got the same message */
    } else if (placed + unplaced < total.sent) {
        total.lost = total.sent - placed - unplaced;
    } else if (placed == total.sent && numbered && sum != 0) {
        total.lost++; /* as many lost as came twice, at different consumers: at least one */
        total.duplicated++;
    }
    *ret = total;
}

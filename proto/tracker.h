/* SPDX-License-Identifier: MIT
 *
 * What became of the messages: each consumer tracks the samples that it sees, and the parent settles the account of
 * all consumers against what was sent. A message is received in order, or late (reordered), or again (duplicated);
 * whether one is lost or went to another consumer only the parent can tell.
 *
 * So that a loss in one place and a duplicate in another cannot cancel out, each consumer also sums a stamp of every
 * message that it saw for the first time: stamp(producer, s) = mark(producer, s + 1) - mark(producer, s), where mark is
 * a hash. Stamps of consecutive messages telescope: in order, receiving costs no arithmetic at all, and what
 * `sent` messages must add up to is mark(producer, sent) - mark(producer, 0).
 */
#ifndef WEIR_PROTO_TRACKER_H
#define WEIR_PROTO_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/sample.h"

#define TRACKER_WINDOW 1024 /* a message that comes more than so many places late counts as a duplicate */
#define TRACKER_WORDS  30   /* of 64 messages: more than the window takes, so that a word can be cleared as a whole */

/* What one consumer saw. Received counts everything that came, also what was damaged. */
struct tracker_tally {
    uint64_t received;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
    uint64_t unplaced; /* of the corrupted, those whose header was damaged too */
    uint64_t sequence_sum;
};

/* What one consumer knows of one producer. */
struct tracker_lane {
    uint64_t next;                  /* one more than the highest sequence seen */
    uint64_t missing;               /* how many below it have not been seen */
    uint64_t unseen[TRACKER_WORDS]; /* which of the last ones, a bit each; cleared a word at a time on the way */
};

struct tracker {
    struct tracker_tally tally; /* received is derived in tracker_tally, and sequence_sum only corrected until then */
    uint32_t producers;
    struct tracker_lane lanes[];
};

/* NULL if memory ran out. Destroying NULL is a no-op. */
struct tracker *tracker_create(uint32_t producers);
void tracker_destroy(struct tracker *tracker);

/* The slow part of tracker_note: all but the next message in order, undamaged. */
void tracker_note_odd(struct tracker *tracker, enum sample_verdict verdict, const struct sample_seen *seen);

/* Takes note of one message, as sample_decode saw it. */
static inline void tracker_note(struct tracker *tracker, enum sample_verdict verdict, const struct sample_seen *seen)
{
    if (__builtin_expect(verdict == SAMPLE_OK && seen->producer < tracker->producers, 1)) {
        struct tracker_lane *lane = &tracker->lanes[seen->producer];
        if (__builtin_expect(seen->sequence == lane->next, 1)) {
            if (lane->next % 64 == 0)
                lane->unseen[lane->next / 64 % TRACKER_WORDS] = 0;
            lane->next++;
            return;
        }
    }
    struct sample_seen copy = *seen; /* so that the caller's can live in registers */
    tracker_note_odd(tracker, verdict, &copy);
}

/* The consumer's account so far. */
void tracker_tally(const struct tracker *tracker, struct tracker_tally *ret);

/* What became of all messages of an epoch. Good if received == sent and the rest is 0. */
struct integrity {
    uint64_t sent;
    uint64_t received;
    uint64_t lost;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t corrupted;
};

/* Settles the tallies of all consumers against what each producer sent. A damaged message is not also a lost one.
 * `numbered` as for sample_decoder_init; without, only totals are compared. */
void tracker_settle(const struct tracker_tally *tallies, size_t consumers, const uint64_t *sent, uint32_t producers,
                    bool numbered, struct integrity *ret);

#endif

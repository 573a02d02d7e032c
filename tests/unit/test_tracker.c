/* SPDX-License-Identifier: MIT
 *
 * Tracking one consumer: that each kind of fault ends in its own counter and in no other, in mixtures too, and that
 * what the tracker says of any order of arrival is what a naive model says.
 */
#include "random.h"
#include "tracker_helpers.h"

#define RUN  1u
#define MOST 128u

/* ---- real messages, faults in between ----------------------------------------------------------------------- */

enum fault { FAULT_NONE, FAULT_DROP, FAULT_REPEAT, FAULT_SWAP, FAULT_FLIP, FAULT_TRUNCATE, FAULTS };

static struct sample_encoder encoder;
static struct sample_decoder decoder;
static struct tracker *tracker;
static size_t size;

static void begin(enum codec codec, size_t bytes)
{
    size = bytes;
    sample_encoder_init(&encoder, codec, RUN, 0, size);
    sample_decoder_init(&decoder, codec, RUN, size, true);
    tracker = tracker_create(1);
    assert_non_null(tracker);
}

static void deliver(const unsigned char *bytes, size_t length)
{
    struct sample_seen seen;
    tracker_note(tracker, sample_decode(&decoder, bytes, length, &seen), &seen);
}

static void pass(uint64_t sequence)
{
    unsigned char bytes[MOST];
    assert_int_equal(sample_encode(&encoder, sequence, 1, bytes), 0);
    deliver(bytes, size);
}

/* Delivers one message, or two neighbours, through a fault; returns how many were consumed. */
static unsigned pass_through(enum fault fault, uint64_t sequence, struct integrity *expected)
{
    unsigned char bytes[MOST];
    assert_int_equal(sample_encode(&encoder, sequence, 1, bytes), 0);
    switch (fault) {
    case FAULT_DROP:
        expected->lost++;
        return 1;
    case FAULT_REPEAT:
        expected->duplicated++;
        deliver(bytes, size);
        break;
    case FAULT_SWAP:
        expected->reordered++;
        pass(sequence + 1);
        deliver(bytes, size);
        return 2;
    case FAULT_FLIP:
        expected->corrupted++;
        bytes[random_below(size)] ^= (unsigned char)(1u << random_below(8));
        break;
    case FAULT_TRUNCATE:
        expected->corrupted++;
        deliver(bytes, random_below(size));
        return 1;
    default:
        break;
    }
    deliver(bytes, size);
    return 1;
}

static struct integrity settle(uint64_t count)
{
    struct tracker_tally tally;
    struct integrity integrity;
    tracker_tally(tracker, &tally);
    tracker_settle(&tally, 1, &count, 1, true, &integrity);
    return integrity;
}

static void settle_and_compare(struct integrity *expected, uint64_t count)
{
    struct integrity integrity = settle(count);
    expected->sent = count;
    expected->received = count - expected->lost + expected->duplicated;
    assert_integrity(&integrity, expected);
    tracker_destroy(tracker);
}

/* `any`: a random fault each time instead of `fault`. */
static void stream(enum codec codec, size_t bytes, enum fault fault, bool any, uint64_t one_in)
{
    struct integrity expected = {0};
    begin(codec, bytes);
    uint64_t sequence = 0;
    while (sequence < COUNT) {
        enum fault chosen = random_below(one_in) != 0 ? FAULT_NONE : any ? (enum fault)random_below(FAULTS) : fault;
        sequence += pass_through(chosen, sequence, &expected);
    }
    settle_and_compare(&expected, sequence);
}

static const struct {
    enum codec codec;
    size_t size;
} headed[] = {{CODEC_RAW, 8},  {CODEC_RAW, 9},     {CODEC_RAW, 31},   {CODEC_RAW, 32},
              {CODEC_RAW, 64}, {CODEC_NANOPB, 35}, {CODEC_NANOPB, 64}};

static void each_fault_has_its_own_counter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headed / sizeof headed[0]; i++) {
        for (int fault = FAULT_NONE; fault < FAULTS; fault++) {
            stream(headed[i].codec, headed[i].size, (enum fault)fault, false, 7);
            stream(headed[i].codec, headed[i].size, (enum fault)fault, false, 1); /* every message */
        }
    }
}

static void mixtures_of_faults_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headed / sizeof headed[0]; i++) {
        for (uint64_t one_in = 1; one_in < 60; one_in += 3) {
            stream(headed[i].codec, headed[i].size, FAULT_NONE, true, one_in);
        }
    }
}

static void tiny_messages_tell_loss_repetition_and_order(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 8; bytes++) {
        stream(CODEC_RAW, bytes, FAULT_NONE, false, 7);
        stream(CODEC_RAW, bytes, FAULT_DROP, false, 7);
        stream(CODEC_RAW, bytes, FAULT_REPEAT, false, 7);
        stream(CODEC_RAW, bytes, FAULT_SWAP, false, 7);
    }
}

static void a_flipped_tiny_message_never_goes_unnoticed(void **state)
{
    (void)state;
    for (uint64_t damaged = 0; damaged < 300; damaged++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            begin(CODEC_RAW, 1);
            for (uint64_t sequence = 0; sequence < 300; sequence++) {
                unsigned char bytes[MOST];
                assert_int_equal(sample_encode(&encoder, sequence, 0, bytes), 0);
                bytes[0] ^= (unsigned char)(sequence == damaged ? 1u << bit : 0);
                deliver(bytes, 1);
            }
            struct integrity seen = settle(300);
            assert_true(seen.lost + seen.duplicated + seen.reordered + seen.corrupted > 0);
            tracker_destroy(tracker);
        }
    }
}

static void what_never_came_is_lost(void **state)
{
    (void)state;
    begin(CODEC_RAW, 64);
    struct integrity expected = {.lost = 10};
    settle_and_compare(&expected, 10);

    begin(CODEC_RAW, 64);
    for (uint64_t sequence = 5; sequence < 90; sequence++) {
        pass(sequence);
    }
    expected = (struct integrity){.lost = 15}; /* at the head and at the tail */
    settle_and_compare(&expected, 100);
}

static void a_long_gap_is_lost_and_a_very_late_message_a_duplicate(void **state)
{
    (void)state;
    begin(CODEC_RAW, 64);
    pass(0);
    pass(5000);
    pass(5000 - TRACKER_WINDOW + 1); /* the latest that counts as late */
    pass(5000 - TRACKER_WINDOW);
    struct integrity expected = {.lost = 4998, .duplicated = 1, .reordered = 1};
    settle_and_compare(&expected, 5001);
}

static void messages_from_another_run_are_corrupted_and_take_no_place(void **state)
{
    (void)state;
    static struct sample_encoder stranger;
    unsigned char bytes[MOST];
    begin(CODEC_RAW, 64);
    sample_encoder_init(&stranger, CODEC_RAW, RUN + 1, 0, size);
    assert_int_equal(sample_encode(&stranger, 1, 1, bytes), 0);
    pass(0);
    deliver(bytes, size);
    pass(1);
    deliver(bytes, size);
    struct integrity seen = settle(2), expected = {.sent = 2, .received = 4, .corrupted = 2};
    assert_integrity(&seen, &expected);
    expected.sent = 3; /* one of the two may be the third */
    seen = settle(3);
    assert_integrity(&seen, &expected);
    tracker_destroy(tracker);
}

static void a_producer_that_does_not_exist_is_corruption(void **state)
{
    (void)state;
    struct tracker *lone = tracker_create(1);
    assert_non_null(lone);
    tracker_note(lone, SAMPLE_OK, &(struct sample_seen){.producer = 1});
    tracker_note(lone, SAMPLE_DAMAGED, &(struct sample_seen){.producer = UINT32_MAX});
    struct tracker_tally tally;
    tracker_tally(lone, &tally);
    assert_int_equal(tally.received, 2);
    assert_int_equal(tally.corrupted, 2);
    assert_int_equal(tally.unplaced, 2);
    tracker_destroy(lone);
}

/* ---- a model ------------------------------------------------------------------------------------------------ */

/* Arrivals in any order, near enough for the window, against a table of what has been seen. */
static void any_order_of_arrival_agrees_with_a_model(void **state)
{
    (void)state;
    for (unsigned trial = 0; trial < 200; trial++) {
        bool known[COUNT + 100] = {false};
        uint64_t highest = 0, spread = 1 + random_below(90);
        struct tracker_tally model = {0}, tally;
        struct tracker *subject = tracker_create(1), *ordered = tracker_create(1);
        assert_non_null(subject);
        assert_non_null(ordered);
        for (uint64_t base = 0; base < COUNT; base++) {
            struct sample_seen seen = {.sequence = base + random_below(spread)};
            tracker_note(subject, SAMPLE_OK, &seen);
            model.received++;
            model.duplicated += known[seen.sequence];
            model.reordered += !known[seen.sequence] && seen.sequence < highest;
            known[seen.sequence] = true;
            highest = seen.sequence > highest ? seen.sequence : highest;
        }
        for (uint64_t sequence = 0; sequence < sizeof known; sequence++) {
            if (known[sequence]) {
                tracker_note(ordered, SAMPLE_OK, &(struct sample_seen){.sequence = sequence});
            }
        }
        tracker_tally(ordered, &tally);
        model.sequence_sum = tally.sequence_sum; /* of a set: the same in any order, however often they came */
        tracker_tally(subject, &tally);
        assert_memory_equal(&tally, &model, sizeof model);
        tracker_destroy(subject);
        tracker_destroy(ordered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_has_its_own_counter),
        cmocka_unit_test(mixtures_of_faults_are_told_apart),
        cmocka_unit_test(tiny_messages_tell_loss_repetition_and_order),
        cmocka_unit_test(a_flipped_tiny_message_never_goes_unnoticed),
        cmocka_unit_test(what_never_came_is_lost),
        cmocka_unit_test(a_long_gap_is_lost_and_a_very_late_message_a_duplicate),
        cmocka_unit_test(messages_from_another_run_are_corrupted_and_take_no_place),
        cmocka_unit_test(a_producer_that_does_not_exist_is_corruption),
        cmocka_unit_test(any_order_of_arrival_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

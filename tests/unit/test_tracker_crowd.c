/* SPDX-License-Identifier: MIT
 *
 * Tracking several producers and consumers: what each consumer has seen adds up to what became of all messages.
 */
#include "random.h"
#include "tracker_helpers.h"

#define PRODUCERS 3u
#define CONSUMERS 4u

static struct tracker *crowd[CONSUMERS];
static uint64_t sent[PRODUCERS];

static void note(size_t consumer, uint32_t producer, uint64_t sequence)
{
    tracker_note(crowd[consumer], SAMPLE_OK, &(struct sample_seen){.producer = producer, .sequence = sequence});
}

static void crowd_begin(void)
{
    for (size_t i = 0; i < CONSUMERS; i++) {
        crowd[i] = tracker_create(PRODUCERS);
        assert_non_null(crowd[i]);
    }
    memset(sent, 0, sizeof sent);
}

static struct integrity crowd_settle(bool numbered)
{
    struct tracker_tally tallies[CONSUMERS];
    struct integrity integrity;
    for (size_t i = 0; i < CONSUMERS; i++) {
        tracker_tally(crowd[i], &tallies[i]);
        tracker_destroy(crowd[i]);
    }
    tracker_settle(tallies, CONSUMERS, sent, PRODUCERS, numbered, &integrity);
    return integrity;
}

/* Deals messages out at random, except those of producer 1 whose number is `hole`; `again` of producer `whose` comes
 * once more, to another consumer. UINT64_MAX: none. */
static struct integrity deal(uint64_t hole, uint32_t whose, uint64_t again)
{
    crowd_begin();
    for (unsigned i = 0; i < 3 * COUNT; i++) {
        uint32_t producer = (uint32_t)random_below(PRODUCERS);
        uint64_t sequence = sent[producer]++;
        size_t consumer = random_below(CONSUMERS);
        if (producer == 1 && sequence == hole) {
            continue;
        }
        note(consumer, producer, sequence);
        if (producer == whose && sequence == again) {
            note((consumer + 1) % CONSUMERS, producer, sequence);
        }
    }
    return crowd_settle(true);
}

static void several_consumers_add_up(void **state)
{
    (void)state;
    for (unsigned trial = 0; trial < 20; trial++) {
        struct integrity seen = deal(UINT64_MAX, 0, UINT64_MAX);
        struct integrity expected = {.sent = 3 * COUNT, .received = 3 * COUNT};
        assert_integrity(&seen, &expected);
        seen = deal(100, 0, UINT64_MAX);
        expected = (struct integrity){.sent = 3 * COUNT, .received = 3 * COUNT - 1, .lost = 1};
        assert_integrity(&seen, &expected);
        seen = deal(UINT64_MAX, 2, 100);
        expected = (struct integrity){.sent = 3 * COUNT, .received = 3 * COUNT + 1, .duplicated = 1};
        assert_integrity(&seen, &expected);
    }
}

static void a_loss_and_a_repeat_at_different_consumers_do_not_cancel_out(void **state)
{
    (void)state;
    struct integrity expected = {.sent = 3 * COUNT, .received = 3 * COUNT, .lost = 1, .duplicated = 1};
    for (uint32_t producer = 0; producer < PRODUCERS; producer++) {
        struct integrity seen = deal(100, producer, 101);
        assert_integrity(&seen, &expected);
        seen = deal(0, producer, 500);
        assert_integrity(&seen, &expected);
        if (producer != 1) { /* the same number, of another producer */
            seen = deal(100, producer, 100);
            assert_integrity(&seen, &expected);
        }
    }
}

static void order_is_checked_at_each_of_several_consumers(void **state)
{
    (void)state;
    crowd_begin();
    sent[0] = 6;
    note(0, 0, 0);
    note(1, 0, 1);
    note(0, 0, 4);
    note(0, 0, 2); /* late */
    note(1, 0, 3);
    note(1, 0, 5);
    note(1, 0, 5); /* again */
    struct integrity seen = crowd_settle(true);
    struct integrity expected = {.sent = 6, .received = 7, .duplicated = 1, .reordered = 1};
    assert_integrity(&seen, &expected);
}

static void without_numbers_totals_are_compared(void **state)
{
    (void)state;
    for (int extra = -1; extra <= 1; extra++) {
        struct integrity expected = {.sent = 9, .lost = extra<0, .duplicated = extra> 0};
        expected.received = (uint64_t)(9 + extra);
        crowd_begin();
        sent[0] = 5;
        sent[1] = 4;
        for (uint64_t i = 0; i < expected.received; i++) {
            note(i % 2, 0, i / 2);
        }
        struct integrity seen = crowd_settle(false);
        assert_integrity(&seen, &expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_consumers_add_up),
        cmocka_unit_test(a_loss_and_a_repeat_at_different_consumers_do_not_cancel_out),
        cmocka_unit_test(order_is_checked_at_each_of_several_consumers),
        cmocka_unit_test(without_numbers_totals_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

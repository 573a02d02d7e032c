/* SPDX-License-Identifier: MIT
 *
 * Lengths and positions that the other end can write, damaged: the receiver says WEIR_ECORRUPT and follows none of
 * them. The ring's and the cells' own tests are beside this one. Here the words of `mutex` and of framed streams are
 * found where the channel keeps them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "../../channels/core.h"
#include "../../channels/framing.h"

enum { LONGEST = 100 };

static char buffer[4 * LONGEST]; /* longer than any message, so that only the channel's own bound can save it */
static const char *const streams[] = {"pipe", "unix,type=stream"}; /* fifo and tcp are read by the same code */

struct ends {
    struct weir_channel *channel;
    struct weir_endpoint *producer, *consumer;
};

static struct ends open_ends(const char *spec, uint32_t consumers)
{
    const struct weir_channel_config config = {
        .max_message_bytes = LONGEST, .depth = 8, .consumers = consumers, .span = WEIR_SPAN_PROCESSES};
    struct ends ends;
    assert_int_equal(weir_channel_create(&ends.channel, spec, &config, NULL), WEIR_OK);
    assert_int_equal(weir_attach(&ends.consumer, ends.channel, WEIR_CONSUMER, 0), WEIR_OK);
    assert_int_equal(weir_attach(&ends.producer, ends.channel, WEIR_PRODUCER, 0), WEIR_OK);
    return ends;
}

static void close_ends(struct ends *ends)
{
    weir_detach(ends->producer);
    weir_detach(ends->consumer);
    weir_channel_destroy(ends->channel);
}

static void say(struct ends *ends, const char *word)
{
    assert_int_equal(weir_send(ends->producer, word, strlen(word), 0, WEIR_NOW), WEIR_OK);
}

static ssize_t hear(struct ends *ends)
{
    return weir_recv(ends->consumer, buffer, sizeof buffer, WEIR_NOW);
}

/* Where a message lies in what the channel lent to its driver. */
static unsigned char *find(const struct ends *ends, const char *word)
{
    for (unsigned i = 0; i < ends->channel->mapping_count; i++) {
        const struct weir_mapping *mapping = &ends->channel->mappings[i];
        unsigned char *at = memmem(mapping->address, mapping->bytes, word, strlen(word));
        if (at != NULL)
            return at;
    }
    fail_msg("'%s' is nowhere to be found", word);
    return NULL;
}

/* Both drivers' channel state begins with the stream. */
static struct weir_stream *stream_of(const struct ends *ends)
{
    return ends->channel->view.state;
}

/* ---- mutex --------------------------------------------------------------------------------------------------- */

static void a_wild_length_in_a_slot_is_found(void **state)
{
    (void)state;
    const size_t wild[] = {LONGEST + 1, sizeof buffer, sizeof buffer + 1, (size_t)1 << 40, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct ends ends = open_ends("mutex", 1);
        say(&ends, "first");
        say(&ends, "second");
        memcpy(find(&ends, "second") - sizeof(size_t), &wild[i], sizeof wild[i]);
        assert_int_equal(hear(&ends), 5);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT); /* the lock was given back, and it stays so */
        close_ends(&ends);
    }
}

/* ---- what was read ahead of a stream --------------------------------------------------------------------------- */

/* Two messages of which the first has been received: the second lies in the read-ahead memory. */
static struct ends read_ahead(const char *spec)
{
    struct ends ends = open_ends(spec, 1);
    say(&ends, "first");
    say(&ends, "second");
    assert_int_equal(hear(&ends), 5);
    return ends;
}

static void a_wild_length_read_ahead_is_found(void **state)
{
    (void)state;
    const uint32_t wild[] = {LONGEST + 1, sizeof buffer, sizeof buffer + 1, 65536, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < 2 * sizeof wild / sizeof wild[0]; i++) {
        struct ends ends = read_ahead(streams[i % 2]);
        memcpy(find(&ends, "second") - WEIR_FRAME_HEADER, &wild[i / 2], sizeof wild[0]);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        say(&ends, "third"); /* nor is what comes later taken for its rest */
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        close_ends(&ends);
    }
}

static void a_wild_position_read_ahead_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ends ends = read_ahead(streams[i]);
        struct weir_stream_ahead *ahead = stream_of(&ends)->ahead;
        const size_t start = ahead->start, end = ahead->end, capacity = stream_of(&ends)->ahead_capacity;
        const struct {
            size_t start, end;
        } wild[] = {{end + 1, end}, {start, capacity + 1}, {SIZE_MAX, end}, {start, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}};
        for (size_t j = 0; j < sizeof wild / sizeof wild[0]; j++) {
            ahead->start = wild[j].start;
            ahead->end = wild[j].end;
            assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        }
        ahead->start = start;
        ahead->end = end;
        assert_int_equal(hear(&ends), 6); /* it was only looked at */
        close_ends(&ends);
    }
}

/* Who dies in the midst of reading leaves a mark; the heir must not take the rest of a frame for its beginning. */
static void a_half_read_stream_is_not_taken_over(void **state)
{
    (void)state;
    const char *const specs[] = {"pipe", "unix,type=stream", "pipe,framing=naive"};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct ends ends = open_ends(specs[i], 1);
        weir_detach(ends.consumer);
        stream_of(&ends)->ahead->reading = 1;
        ends.consumer = NULL;
        assert_int_equal(weir_attach(&ends.consumer, ends.channel, WEIR_CONSUMER, 0), WEIR_ECORRUPT);
        assert_null(ends.consumer);
        close_ends(&ends);
    }
}

/* ---- frames as they come ------------------------------------------------------------------------------------- */

/* A frame of `total` bytes that says it has a body of `length`. */
static void write_frame(const struct ends *ends, uint32_t length, size_t total)
{
    unsigned char frame[2 * LONGEST] = {0};
    memcpy(frame, &length, sizeof length);
    assert_int_equal(write(stream_of(ends)->write_fd, frame, total), total);
}

static void a_wild_length_in_a_naive_frame_is_found(void **state)
{
    (void)state;
    const uint32_t wild[] = {LONGEST + 1, sizeof buffer, sizeof buffer + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        struct ends ends = open_ends("pipe,framing=naive", 1);
        write_frame(&ends, wild[i], WEIR_FRAME_HEADER + LONGEST + 1);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        close_ends(&ends);
    }
}

static void a_packet_that_holds_no_whole_frames_is_found(void **state)
{
    (void)state;
    const struct {
        uint32_t length;
        size_t total;
    } wild[] = {{LONGEST + 1, WEIR_FRAME_HEADER + LONGEST + 1}, {UINT32_MAX, 2 * LONGEST}, {20, 20}, {0, 3}};
    const char *const specs[] = {"unix", "unix,type=dgram"};
    for (size_t i = 0; i < 2 * sizeof wild / sizeof wild[0]; i++) {
        struct ends ends = open_ends(specs[i % 2], 1);
        write_frame(&ends, wild[i / 2].length, wild[i / 2].total);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        close_ends(&ends);
    }
}

/* Frames begin anew with each packet, so a successor goes on with the next. */
static void the_heir_of_a_half_read_packet_goes_on(void **state)
{
    (void)state;
    struct ends ends = open_ends("unix", 1);
    say(&ends, "first");
    weir_detach(ends.consumer);
    stream_of(&ends)->ahead->reading = 1;
    assert_int_equal(weir_attach(&ends.consumer, ends.channel, WEIR_CONSUMER, 0), WEIR_OK);
    assert_int_equal(hear(&ends), 5);
    close_ends(&ends);
}

static void a_wild_length_in_a_padded_frame_is_found(void **state)
{
    (void)state;
    const uint32_t wild[] = {LONGEST + 1, sizeof buffer, sizeof buffer + 1, UINT32_MAX};
    for (size_t i = 0; i < 2 * sizeof wild / sizeof wild[0]; i++) {
        struct ends ends = open_ends(streams[i % 2], 2);
        write_frame(&ends, wild[i / 2], WEIR_FRAME_HEADER + LONGEST);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        say(&ends, "next"); /* the frames have one length, so the damage ends with its own */
        assert_int_equal(hear(&ends), 4);
        close_ends(&ends);
    }
}

static void a_padded_frame_cut_short_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ends ends = open_ends(streams[i], 2);
        write_frame(&ends, 10, WEIR_FRAME_HEADER + 10);
        assert_int_equal(hear(&ends), WEIR_ECORRUPT);
        close_ends(&ends);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wild_length_in_a_slot_is_found),
        cmocka_unit_test(a_wild_length_read_ahead_is_found),
        cmocka_unit_test(a_wild_position_read_ahead_is_found),
        cmocka_unit_test(a_half_read_stream_is_not_taken_over),
        cmocka_unit_test(a_wild_length_in_a_naive_frame_is_found),
        cmocka_unit_test(a_packet_that_holds_no_whole_frames_is_found),
        cmocka_unit_test(the_heir_of_a_half_read_packet_goes_on),
        cmocka_unit_test(a_wild_length_in_a_padded_frame_is_found),
        cmocka_unit_test(a_padded_frame_cut_short_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

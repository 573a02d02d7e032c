/* SPDX-License-Identifier: MIT
 *
 * Reports: that they come back as they went out, whole, in pieces and several at once, and that a stream which is cut
 * short or is no stream of reports at all is told as such, whatever it holds.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/report.h"

#include "random.h"

_Static_assert(REPORT_MOST_BYTES <= PIPE_BUF, "one write is atomic");

static int ends[2];
static struct report_reader reader;

static int open_pipe(void **state)
{
    (void)state;
    memset(&reader, 0, sizeof reader);
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    close(ends[0]);
    if (ends[1] >= 0) {
        close(ends[1]);
    }
    return 0;
}

static void close_writer(void)
{
    close(ends[1]);
    ends[1] = -1;
}

/* Every field at its longest, or at 0. */
static weir_Report specimen(bool longest)
{
    weir_Report report;
    memset(&report, longest ? 0xff : 0, sizeof report);
    report.role = longest ? weir_Role_ROLE_CONSUMER : weir_Role_ROLE_PRODUCER;
    report.has_driver_ns = report.has_delayed_ns = report.has_memory_bytes = longest;
    report.late_ns_count = longest ? sizeof report.late_ns / sizeof report.late_ns[0] : 0;
    memset(report.text, longest ? 'x' : 0, sizeof report.text);
    report.text[sizeof report.text - 1] = '\0';
    return report;
}

static void put(const void *bytes, size_t length)
{
    assert_int_equal(write(ends[1], bytes, length), length);
}

/* The bytes of a report on the stream. */
static size_t raw(const weir_Report *report, unsigned char *bytes)
{
    assert_int_equal(report_write(ends[1], report), 0);
    ssize_t length = read(ends[0], bytes, REPORT_MOST_BYTES);
    assert_true(length > 0);
    return (size_t)length;
}

static void assert_same(const weir_Envelope *envelope, const weir_Report *b)
{
    assert_int_equal(envelope->which_content, weir_Envelope_report_tag);
    const weir_Report *a = &envelope->content.report;
    assert_int_equal(a->role, b->role);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->pid, b->pid);
    assert_int_equal(a->status, b->status);
    assert_memory_equal(&a->sent, &b->sent, offsetof(weir_Report, has_driver_ns) - offsetof(weir_Report, sent));
    assert_int_equal(a->has_driver_ns, b->has_driver_ns);
    assert_int_equal(a->driver_ns, b->driver_ns);
    assert_int_equal(a->has_delayed_ns, b->has_delayed_ns);
    assert_int_equal(a->delayed_ns, b->delayed_ns);
    assert_int_equal(a->has_memory_bytes, b->has_memory_bytes);
    assert_int_equal(a->memory_bytes, b->memory_bytes);
    assert_int_equal(a->late_ns_count, b->late_ns_count);
    assert_memory_equal(a->late_ns, b->late_ns, b->late_ns_count * sizeof b->late_ns[0]);
}

static void reports_come_back(void **state)
{
    (void)state;
    weir_Report in[3] = {specimen(true), specimen(false), specimen(false)};
    weir_Envelope out;
    in[2].status = -5;
    in[2].first_ns = 1234567890123;
    in[2].attach_ns = 42;
    strcpy(in[2].text, "the message is too long");
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_NONE);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(report_write(ends[1], &in[i]), 0);
    }
    close_writer();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_READY);
        assert_same(&out, &in[i]);
    }
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_END);
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_END);
}

static void reports_come_back_in_pieces(void **state)
{
    (void)state;
    unsigned char bytes[REPORT_MOST_BYTES];
    weir_Report in = specimen(true);
    weir_Envelope out, untouched;
    memset(&untouched, 0x55, sizeof untouched);
    size_t length = raw(&in, bytes);
    out = untouched;
    for (size_t i = 0; i < length; i++) {
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_NONE);
        assert_memory_equal(&out, &untouched, sizeof out);
        put(bytes + i, 1);
    }
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_READY);
    assert_same(&out, &in);
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_NONE);
}

/* As large as it can be, or as small. */
static weir_Latency chunk(bool largest)
{
    weir_Latency latency;
    memset(&latency, largest ? 0xff : 0, sizeof latency);
    latency.corrected = largest;
    latency.counts_count = largest ? REPORT_LATENCY_COUNTS : 0;
    return latency;
}

static void chunks_come_back_between_reports(void **state)
{
    (void)state;
    weir_Latency in[2] = {chunk(true), chunk(false)};
    weir_Report report = specimen(true);
    weir_Envelope out;
    for (size_t i = 0; i < 2; i++) {
        memset(&out, 0, sizeof out);
        assert_int_equal(report_write_latency(ends[1], &in[i]), 0);
        assert_int_equal(report_write(ends[1], &report), 0);
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_READY);
        assert_int_equal(out.which_content, weir_Envelope_latency_tag);
        const weir_Latency *latency = &out.content.latency;
        assert_int_equal(latency->corrected, in[i].corrected);
        assert_int_equal(latency->first_bucket, in[i].first_bucket);
        assert_int_equal(latency->counts_count, in[i].counts_count);
        assert_memory_equal(latency->counts, in[i].counts, in[i].counts_count * sizeof in[i].counts[0]);
        assert_memory_equal(&latency->negatives, &in[i].negatives, sizeof in[i] - offsetof(weir_Latency, negatives));
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_READY);
        assert_same(&out, &report);
    }
}

static void what_is_read_can_be_passed_on(void **state)
{
    (void)state;
    weir_Latency in = chunk(true);
    weir_Envelope first, second;
    assert_int_equal(report_write_latency(ends[1], &in), 0);
    assert_int_equal(report_read(&reader, ends[0], &first), REPORT_READY);
    assert_int_equal(report_forward(ends[1], &first), 0);
    assert_int_equal(report_read(&reader, ends[0], &second), REPORT_READY);
    assert_memory_equal(&first.content.latency, &second.content.latency, sizeof in);
}

static void a_chunk_with_too_many_counts_is_malformed(void **state)
{
    (void)state;
    enum { COUNTS = REPORT_LATENCY_COUNTS + 1 }; /* all of them 0, a byte each */
    unsigned char bytes[8 + COUNTS] = {
        0x80 | ((COUNTS + 6) & 0x7f),
        (COUNTS + 6) >> 7, /* the envelope's length */
        2 << 3 | 2,
        0x80 | ((COUNTS + 3) & 0x7f),
        (COUNTS + 3) >> 7, /* a chunk */
        5 << 3 | 2,
        0x80 | (COUNTS & 0x7f),
        COUNTS >> 7, /* its counts */
    };
    weir_Envelope out;
    put(bytes, sizeof bytes);
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_MALFORMED);
    weir_Latency in = chunk(true);
    in.counts_count++;
    assert_int_equal(report_write_latency(ends[1], &in), -1);
}

static void a_report_cut_short_is_malformed(void **state)
{
    unsigned char bytes[REPORT_MOST_BYTES];
    weir_Report in = specimen(true);
    weir_Envelope out;
    size_t length = raw(&in, bytes);
    for (size_t cut = 1; cut < length; cut++) {
        close_pipe(state);
        assert_int_equal(open_pipe(state), 0);
        put(bytes, cut);
        close_writer();
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_MALFORMED);
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_MALFORMED);
    }
}

static void garbage_is_malformed_for_good(void **state)
{
    const struct {
        const char *bytes;
        size_t length;
    } garbage[] = {
        {"\0", 1},                   /* an empty envelope */
        {"\x02\x0a\x00", 3},         /* an empty report: all fields are required */
        {"\x04\x0a\x02\x08\x01", 5}, /* all but one field missing */
        {"\x04\x12\x02\x08\x01", 5}, /* likewise of a chunk */
        {"\x02\x1a\x00", 3},         /* an envelope with a content that nobody knows */
        {"\xff\xff\x01", 3},         /* far too long */
        {(const char[]){(char)(0x80 | ((weir_Envelope_size + 1) & 0x7f)), (weir_Envelope_size + 1) >> 7},
         2},            /* one byte too long */
        {"\x03zzz", 4}, /* no protobuf */
        {"GET / HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\nConnection: keep-alive\r\n\r\n", 80},
    };
    weir_Report in = specimen(false);
    weir_Envelope out;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        close_pipe(state);
        assert_int_equal(open_pipe(state), 0);
        put(garbage[i].bytes, garbage[i].length);
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_MALFORMED);
        assert_int_equal(report_write(ends[1], &in), 0);
        assert_int_equal(report_read(&reader, ends[0], &out), REPORT_MALFORMED);
    }
}

static void an_unknown_role_is_malformed(void **state)
{
    (void)state;
    unsigned char bytes[REPORT_MOST_BYTES];
    weir_Report in = specimen(false);
    weir_Envelope out;
    size_t length = raw(&in, bytes);
    assert_int_equal(bytes[1], 1 << 3 | 2); /* the report's tag, and the length of a short one */
    assert_true(bytes[2] < 0x80);
    assert_int_equal(bytes[3], 1 << 3); /* the role's tag */
    bytes[4] = 2;
    put(bytes, length);
    assert_int_equal(report_read(&reader, ends[0], &out), REPORT_MALFORMED);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    weir_Report in = specimen(false);
    memset(in.text, 'x', sizeof in.text);
    assert_int_equal(report_write(ends[1], &in), -1);
    in = specimen(false);
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    assert_int_equal(report_write(ends[1], &in), -1);
    signal(SIGPIPE, SIG_DFL);
    ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* for close_pipe */
}

static void an_unreadable_descriptor_is_malformed(void **state)
{
    (void)state;
    weir_Envelope out;
    assert_int_equal(report_read(&reader, -1, &out), REPORT_MALFORMED);
}

static void assert_sound(const weir_Envelope *envelope)
{
    if (envelope->which_content == weir_Envelope_report_tag) {
        const weir_Report *report = &envelope->content.report;
        assert_true(report->role <= _weir_Role_MAX);
        assert_non_null(memchr(report->text, '\0', sizeof report->text));
    } else {
        assert_int_equal(envelope->which_content, weir_Envelope_latency_tag);
        assert_true(envelope->content.latency.counts_count <= REPORT_LATENCY_COUNTS);
    }
}

/* Random bytes and envelopes with random edits, a buffer at a time: an answer each time, and never one that is not
 * sound. */
static void try_edits(const unsigned char *whole, size_t length, unsigned times)
{
    unsigned char bytes[REPORT_MOST_BYTES];
    weir_Envelope out;
    for (unsigned i = 0; i < times; i++) {
        memcpy(bytes, whole, length);
        if (i % 4 == 0) {
            for (size_t at = random_below(3); at < length; at++) {
                bytes[at] = (unsigned char)random_below(256);
            }
        }
        for (uint64_t edits = random_below(4); edits > 0; edits--) {
            bytes[random_below(length)] ^= (unsigned char)(1u << random_below(8));
        }
        memset(&reader, 0, sizeof reader);
        put(bytes, 1 + random_below(length));
        while (report_read(&reader, ends[0], &out) == REPORT_READY) {
            assert_sound(&out);
        }
        while (read(ends[0], bytes, sizeof bytes) > 0) {
        }
    }
}

static void no_stream_crashes(void **state)
{
    (void)state;
    unsigned char whole[REPORT_MOST_BYTES];
    weir_Report report = specimen(true);
    try_edits(whole, raw(&report, whole), 200000);
    weir_Latency latency = chunk(true);
    assert_int_equal(report_write_latency(ends[1], &latency), 0);
    ssize_t length = read(ends[0], whole, sizeof whole);
    assert_true(length > 0);
    try_edits(whole, (size_t)length, 50000);
}

#define with_pipe(test) cmocka_unit_test_setup_teardown(test, open_pipe, close_pipe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pipe(reports_come_back),
        with_pipe(reports_come_back_in_pieces),
        with_pipe(chunks_come_back_between_reports),
        with_pipe(what_is_read_can_be_passed_on),
        with_pipe(a_chunk_with_too_many_counts_is_malformed),
        with_pipe(a_report_cut_short_is_malformed),
        with_pipe(garbage_is_malformed_for_good),
        with_pipe(an_unknown_role_is_malformed),
        with_pipe(what_cannot_be_written_is_refused),
        with_pipe(an_unreadable_descriptor_is_malformed),
        with_pipe(no_stream_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

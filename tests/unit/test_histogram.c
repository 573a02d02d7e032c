/* SPDX-License-Identifier: MIT
 *
 * Histograms against sorted arrays: the error bound over the whole range, sums of parts, both ends of the range,
 * percentiles that too few samples stand behind, and the way through a report pipe.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "measure/chunk.h"

static struct histogram histogram, other;

static uint64_t random_state;

static uint64_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Of any magnitude, each as likely as the other. */
static int64_t draw_value(void)
{
    return (int64_t)(draw() >> (1 + draw() % 63));
}

static int clear(void **state)
{
    (void)state;
    random_state = 88172645463325252u;
    histogram_clear(&histogram);
    histogram_clear(&other);
    return 0;
}

/* Neither below the value nor by 1/127 or more above it: (width - 1) / lowest < 1/128, and a bit for the division. */
static void assert_close(int64_t told, int64_t value)
{
    assert_true(told >= value);
    assert_true((uint64_t)(told - value) <= (uint64_t)value / 127);
}

static void buckets_join_without_a_gap(void **state)
{
    (void)state;
    assert_int_equal(histogram_lowest(0), 0);
    assert_int_equal(histogram_highest(HISTOGRAM_BUCKETS - 1), INT64_MAX);
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        int64_t lowest = histogram_lowest(bucket), highest = histogram_highest(bucket);
        assert_int_equal(histogram_bucket(lowest), bucket);
        assert_int_equal(histogram_bucket(highest), bucket);
        assert_true(bucket < 256 ? lowest == highest : (highest - lowest) < lowest / 127);
        if (bucket > 0)
            assert_int_equal(lowest, histogram_highest(bucket - 1) + 1);
    }
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void quantiles_are_those_of_a_sorted_array(void **state)
{
    (void)state;
    static int64_t values[20000];
    const unsigned per_mille[] = {0, 1, 250, 500, 900, 990, 999, 1000};
    for (size_t count = 1; count <= sizeof values / sizeof values[0]; count = count * 3 + 1) {
        histogram_clear(&histogram);
        for (size_t i = 0; i < count; i++) {
            values[i] = draw_value();
            histogram_record(&histogram, values[i]);
        }
        qsort(values, count, sizeof values[0], compare);
        for (size_t i = 0; i < sizeof per_mille / sizeof per_mille[0]; i++) {
            size_t rank = (count * per_mille[i] + 999) / 1000;
            assert_close(histogram_quantile(&histogram, per_mille[i]), values[rank > 0 ? rank - 1 : 0]);
        }
        assert_int_equal(histogram.n, count);
        assert_int_equal(histogram.min, values[0]);
        assert_int_equal(histogram.max, values[count - 1]);
        assert_int_equal(histogram_quantile(&histogram, 1000), values[count - 1]);
    }
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (int64_t value = 0; value < 256; value++)
        histogram_record(&histogram, value);
    for (unsigned i = 1; i <= 256; i++)
        assert_int_equal(histogram_quantile(&histogram, i * 1000 / 256), (int64_t)i - 1);
    assert_int_equal(histogram.sum, 255 * 128);
    assert_true(histogram_mean(&histogram) == 127.5);
}

static void merged_parts_are_the_whole(void **state)
{
    (void)state;
    static struct histogram parts[3];
    for (size_t i = 0; i < 3; i++)
        histogram_clear(&parts[i]);
    for (size_t i = 0; i < 30000; i++) {
        int64_t value = draw_value() / 2 * (draw() % 100 == 0 ? -1 : 1);
        histogram_record(&histogram, value);
        histogram_record(&parts[draw() % 2], value); /* the third stays empty */
    }
    for (size_t i = 0; i < 3; i++)
        histogram_merge(&other, &parts[i]);
    assert_memory_equal(&other, &histogram, sizeof other);
}

static void the_ends_of_the_range_have_a_place(void **state)
{
    (void)state;
    const int64_t values[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        histogram_record(&histogram, values[i]);
    assert_int_equal(histogram.n, 5);
    assert_int_equal(histogram.negatives, 2);
    assert_int_equal(histogram.min, INT64_MIN);
    assert_int_equal(histogram.max, INT64_MAX);
    assert_int_equal(histogram.counts[0], 3);
    assert_int_equal(histogram.counts[HISTOGRAM_BUCKETS - 1], 1);
    assert_true(histogram.sum == (uint64_t)INT64_MAX + 1);
    assert_int_equal(histogram_quantile(&histogram, 500), 0);
    assert_int_equal(histogram_quantile(&histogram, 1000), INT64_MAX);
    histogram_record(&other, -5);
    assert_int_equal(histogram_quantile(&other, 500), 0);
}

static void a_percentile_wants_ten_beyond_it(void **state)
{
    (void)state;
    const struct {
        unsigned per_mille;
        uint64_t least;
    } wanted[] = {{500, 20}, {900, 100}, {990, 1000}, {999, 10000}};
    int64_t value = -7;
    assert_false(histogram_percentile(&histogram, 500, &value));
    for (uint64_t n = 1; n <= 10000; n++) {
        histogram_record(&histogram, 100);
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
            value = -7;
            bool supported = histogram_percentile(&histogram, wanted[i].per_mille, &value);
            assert_int_equal(supported, n >= wanted[i].least);
            assert_int_equal(value, supported ? 100 : -7);
        }
    }
    assert_false(histogram_percentile(&histogram, 1000, &value));
}

static void an_empty_one_has_no_figures(void **state)
{
    (void)state;
    struct histogram *created = histogram_create();
    assert_non_null(created);
    assert_memory_equal(created, &histogram, sizeof histogram);
    assert_int_equal(histogram_quantile(created, 500), 0);
    assert_true(histogram_mean(created) != histogram_mean(created));
    free(created);
}

/* Sends it through a pipe to `other`; returns how many chunks that took. */
static size_t send_through_a_pipe(void)
{
    struct report_reader reader = {0};
    weir_Envelope envelope;
    size_t chunks = 0;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(chunk_write_all(ends[1], &histogram, true), 0);
    close(ends[1]);
    while (report_read(&reader, ends[0], &envelope) == REPORT_READY) {
        assert_int_equal(envelope.which_content, weir_Envelope_latency_tag);
        assert_true(envelope.content.latency.corrected);
        assert_int_equal(chunk_add(&other, &envelope.content.latency), 0);
        chunks++;
    }
    close(ends[0]);
    return chunks;
}

static void histograms_come_home_whole(void **state)
{
    assert_int_equal(send_through_a_pipe(), 0);
    assert_memory_equal(&other, &histogram, sizeof other);
    for (size_t count = 1; count <= 10000; count *= 10) {
        clear(state);
        for (size_t i = 0; i < count; i++)
            histogram_record(&histogram, draw_value());
        histogram_record(&histogram, -3);
        size_t chunks = send_through_a_pipe();
        assert_in_range(chunks, 2, 1 + HISTOGRAM_BUCKETS / REPORT_LATENCY_COUNTS);
        assert_memory_equal(&other, &histogram, sizeof other);
    }
    clear(state);
    histogram_record(&histogram, INT64_MAX);
    assert_int_equal(send_through_a_pipe(), 1);
    assert_memory_equal(&other, &histogram, sizeof other);
}

static void a_chunk_out_of_range_adds_nothing(void **state)
{
    (void)state;
    weir_Latency chunk = {.counts_count = 2, .counts = {1, 1}, .negatives = 1, .sum_ns = 1};
    for (size_t i = 0; i < 2; i++) {
        chunk.first_bucket = (uint32_t[]){HISTOGRAM_BUCKETS - 1, UINT32_MAX}[i];
        assert_int_equal(chunk_add(&histogram, &chunk), -1);
        assert_memory_equal(&other, &histogram, sizeof other);
    }
    chunk.first_bucket = HISTOGRAM_BUCKETS - 2;
    assert_int_equal(chunk_add(&histogram, &chunk), 0);
    assert_int_equal(histogram.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(buckets_join_without_a_gap, clear),
        cmocka_unit_test_setup(quantiles_are_those_of_a_sorted_array, clear),
        cmocka_unit_test_setup(small_values_are_exact, clear),
        cmocka_unit_test_setup(merged_parts_are_the_whole, clear),
        cmocka_unit_test_setup(the_ends_of_the_range_have_a_place, clear),
        cmocka_unit_test_setup(a_percentile_wants_ten_beyond_it, clear),
        cmocka_unit_test_setup(an_empty_one_has_no_figures, clear),
        cmocka_unit_test_setup(histograms_come_home_whole, clear),
        cmocka_unit_test_setup(a_chunk_out_of_range_adds_nothing, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

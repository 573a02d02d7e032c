/* SPDX-License-Identifier: MIT
 *
 * Copies of messages of every kind of length: all bytes, in their order, and none beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../channels/copy.h"

enum { MOST = 150000, MARGIN = 64 };

static unsigned char from[MOST], to[MARGIN + MOST + MARGIN];

static void copies(size_t length, size_t shift, bool is_sent)
{
    unsigned char *place = to + MARGIN + shift % MARGIN;
    memset(to, 0xee, sizeof to);
    weir_copy_far(place, from + shift, length, is_sent, 1024, is_sent ? 1024 : 0);
    assert_true(length == 0 || memcmp(place, from + shift, length) == 0);
    for (size_t i = 1; i <= MARGIN; i++)
        assert_int_equal(*(place - i), 0xee);
    for (unsigned char *rest = place + length; rest < to + sizeof to; rest++)
        assert_int_equal(*rest, 0xee);
}

static void all_bytes_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST; i++)
        from[i] = (unsigned char)(i * 31 + i / 251); /* odd periods: a part in another's place differs */
    for (size_t length = 0; length < 5000; length += length < 600 ? 1 : 97)
        copies(length, length % 3, length % 2 == 0);
    static const size_t edges[] = {
        COPY_LONG_BYTES, COPY_LEAST_SIDE_BY_SIDE, COPY_PARTS * COPY_MOST_LINES * COPY_LINE, 65536, 131072, 140000};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        for (size_t more = 0; more <= 128; more++)
            copies(edges[i] - 64 + more, more, more % 2 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_bytes_and_no_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

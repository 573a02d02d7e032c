/* SPDX-License-Identifier: MIT
 *
 * What the tests of trackers share.
 */
#ifndef WEIR_TESTS_TRACKER_HELPERS_H
#define WEIR_TESTS_TRACKER_HELPERS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/tracker.h"

#define COUNT 2000u

static inline void assert_integrity(const struct integrity *seen, const struct integrity *expected)
{
    assert_int_equal(seen->sent, expected->sent);
    assert_int_equal(seen->received, expected->received);
    assert_int_equal(seen->lost, expected->lost);
    assert_int_equal(seen->duplicated, expected->duplicated);
    assert_int_equal(seen->reordered, expected->reordered);
    assert_int_equal(seen->corrupted, expected->corrupted);
}

#endif

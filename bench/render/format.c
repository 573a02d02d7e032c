/* SPDX-License-Identifier: MIT
 *
 * Figures as short texts.
 */
#include <langinfo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "render.h"

bool speaks_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void format_ns(char *text, size_t capacity, double nanoseconds)
{
    const char *micro = speaks_utf8() ? "µs" : "us";
    const char *units[] = {"ns", micro, "ms", "s"};
    size_t unit = 0;
    if (!isfinite(nanoseconds)) {
        snprintf(text, capacity, "n/a");
        return;
    }
    while (nanoseconds >= 999.5 && unit < 3) {
        nanoseconds /= 1000;
        unit++;
    }
    int digits = nanoseconds < 9.995 ? 2 : nanoseconds < 99.95 ? 1 : 0;
    snprintf(text, capacity, "%.*f %s", digits, nanoseconds, units[unit]);
}

void format_message_rate(char *text, size_t capacity, double rate)
{
    static const char *const units[] = {"", "K", "M", "G"};
    size_t unit = 0;
    if (!isfinite(rate)) {
        snprintf(text, capacity, "n/a");
        return;
    }
    while (rate >= 999.5 && unit < 3) {
        rate /= 1000;
        unit++;
    }
    snprintf(text, capacity, "%.3g%s", rate, units[unit]);
}

void format_bytes(char *text, size_t capacity, size_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 && unit < 3) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, capacity, "%zu %s", bytes, units[unit]);
}

void format_times(char *text, size_t capacity, double ratio)
{
    const char *times = speaks_utf8() ? "×" : "x";
    if (isfinite(ratio))
        snprintf(text, capacity, "%.*f%s%s",
                 ratio < 0.995  ? 2
                 : ratio < 9.95 ? 1
                                : 0,
                 ratio, times, ratio < 1 ? " !" : "");
    else
        snprintf(text, capacity, "n/a");
}

/* SPDX-License-Identifier: MIT
 *
 * One line, redrawn.
 */
#include "progress.h"

#include <stdio.h>

#include <weir/weir.h>

#define REDRAW_NS INT64_C(100000000)

void progress_show(struct progress *progress, const char *what, uint64_t done, uint64_t total)
{
    int64_t now = weir_now_ns();
    if (!progress->on || total == 0 || (progress->drawn && now - progress->shown_ns < REDRAW_NS))
        return;
    char bar[31];
    done = done < total ? done : total; /* the last round may take longer than its share of the budget */
    uint64_t filled = done * 30 / total;
    for (uint64_t i = 0; i < 30; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[30] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %llu %%", what, bar, (unsigned long long)(done * 100 / total));
    fflush(stderr);
    progress->drawn = true;
    progress->shown_ns = now;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->drawn = false;
    }
}

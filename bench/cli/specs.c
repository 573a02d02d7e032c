/* SPDX-License-Identifier: MIT
 *
 * Trying specs and drivers in a process of their own.
 */
#include "specs.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

/* How long may take what takes others a few milliseconds. */
#define PATIENCE_S 5

/* The length of the driver's name, or path, in a spec. */
static int name_length(const char *spec)
{
    return (int)strcspn(spec, ",");
}

/* Runs `body`, which writes one struct weir_error as its report. 0 with that, or -1 with what became of the process. */
static int try_apart(weir_worker_body body, const char *word, struct weir_error *ret)
{
    struct weir_worker_config config = {
        .kind = WEIR_PROCESS, .cpu = -1, .name = "trial", .body = body, .argument = (void *)(uintptr_t)word};
    struct weir_worker *worker;
    struct weir_worker_end end;
    struct weir_error answer = {0};
    char text[64];
    *ret = answer;
    if (weir_worker_start(&worker, &config, NULL) != 0)
        return 0; /* no process to be had: what needs more than one will say so */
    bool ended = weir_worker_join(worker, weir_now_ns() + PATIENCE_S * INT64_C(1000000000), &end) == 0;
    bool answered = ended && read(weir_worker_report_fd(worker), &answer, sizeof answer) == sizeof answer;
    weir_worker_destroy(worker); /* kills who has not ended */
    if (answered) {
        *ret = answer;
        return 0;
    }
    if (ended)
        weir_worker_end_text(&end, text, sizeof text);
    else
        snprintf(text, sizeof text, "no end within %d s", PATIENCE_S);
    weir_error_set(ret, WEIR_EUNAVAILABLE, "driver '%.*s' does not survive a trial of '%.200s': %s", name_length(word),
                   word, word, text);
    return -1;
}

static int tell(int report_fd, const struct weir_error *answer)
{
    return write(report_fd, answer, sizeof *answer) == sizeof *answer ? 0 : 1;
}

/* ---- specs --------------------------------------------------------------------------------------------------- */

static int make_channel(void *spec, int report_fd)
{
    const struct weir_channel_config config = {.max_message_bytes = 64, .depth = 4, .span = WEIR_SPAN_THREADS};
    struct weir_channel *channel = NULL;
    struct weir_error answer = {0};
    answer.code = weir_channel_create(&channel, spec, &config, &answer);
    weir_channel_destroy(channel);
    return tell(report_fd, &answer);
}

int spec_check(const char *spec, struct weir_error *error)
{
    struct weir_error answer;
    if (try_apart(make_channel, spec, &answer) != 0 || answer.code == WEIR_EUNKNOWN || answer.code == WEIR_EINVAL) {
        *error = answer;
        return -1;
    }
    /* The module is known to load: once here, and not again in each process that is forked later. */
    char name[4096];
    snprintf(name, sizeof name, "%.*s", name_length(spec), spec);
    weir_driver_find(name, NULL);
    return 0;
}

/* ---- drivers ------------------------------------------------------------------------------------------------- */

static int look_at_driver(void *name, int report_fd)
{
    struct weir_error answer = {0};
    answer.code = weir_driver_probe(name, &answer);
    return tell(report_fd, &answer);
}

int driver_check(const char *name, struct weir_error *error)
{
    struct weir_error answer;
    int result = try_apart(look_at_driver, name, &answer);
    if (result != 0)
        *error = answer;
    return result;
}

/* SPDX-License-Identifier: MIT
 *
 * The pipe driver: one pipe(2) for the whole channel, frames on it (framing.h). Every process keeps both ends open
 * until destroy, so that the kernel neither reports an early end nor raises SIGPIPE: goodbyes and deaths are the
 * roster's.
 */
#include <fcntl.h>
#include <unistd.h>

#include "../framing.h"

enum { OPTION_FRAMING };

static const struct weir_option options[] = {
    [OPTION_FRAMING] = WEIR_FRAMING_OPTION,
    {.name = NULL},
};

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return weir_error_errno(error, "pipe");
    bool naive = channel->options[OPTION_FRAMING].number == WEIR_FRAMING_NAIVE;
    return weir_stream_create_pipe(channel, ends[0], ends[1], naive, error);
}

extern const struct weir_driver weir_driver_pipe;
const struct weir_driver weir_driver_pipe = {
    WEIR_STREAM_OPERATIONS(WEIR_STREAM_CAPABILITIES),
    .name = "pipe",
    .summary = "a pipe, with a length before each message",
    .options = options,
    .create = create,
};

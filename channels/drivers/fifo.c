/* SPDX-License-Identifier: MIT
 *
 * The fifo driver: a pipe with a name. mkfifo(3) makes it in the channel's private folder, `create` opens both ends,
 * and from there on it is a pipe to the kernel and to us (framing.h). The name stays until the folder goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../framing.h"

enum { OPTION_FRAMING };

static const struct weir_option options[] = {
    [OPTION_FRAMING] = WEIR_FRAMING_OPTION,
    {.name = NULL},
};

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    const char *folder = weir_private_folder(channel, error);
    if (folder == NULL)
        return error->code;
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/fifo", folder) >= sizeof path)
        return weir_error_set(error, WEIR_ESYSTEM, "the path of the private folder is too long: %s", folder);
    if (mkfifo(path, 0600) != 0)
        return weir_error_errno(error, path);
    /* The reader first: without one a writer is refused (ENXIO) rather than kept waiting. */
    int read_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (read_fd < 0)
        return weir_error_errno(error, path);
    int write_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (write_fd < 0) {
        int code = weir_error_errno(error, path);
        close(read_fd);
        return code;
    }
    bool naive = channel->options[OPTION_FRAMING].number == WEIR_FRAMING_NAIVE;
    return weir_stream_create_pipe(channel, read_fd, write_fd, naive, error);
}

extern const struct weir_driver weir_driver_fifo;
const struct weir_driver weir_driver_fifo = {
    WEIR_STREAM_OPERATIONS(WEIR_STREAM_CAPABILITIES),
    .name = "fifo",
    .summary = "a named pipe, with a length before each message",
    .options = options,
    .create = create,
};

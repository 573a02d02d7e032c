/* SPDX-License-Identifier: MIT
 *
 * The way into the kernel, and through it: a system call, and a message through a pipe or a socket with nobody waiting.
 */
#include "yard.h"

#include <math.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a call -------------------------------------------------------------------------------------------------- */

/* getppid does next to nothing, and by syscall(2) no library can remember its answer. */
static int64_t call(void *state, unsigned times)
{
    (void)state;
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++)
        syscall(SYS_getppid);
    return clock_now_ns() - begin;
}

double yard_system_call(const struct yard *yard)
{
    return yard_repeat(yard, call, NULL);
}

/* ---- through a pipe or a socket ------------------------------------------------------------------------------ */

/* What surely fits into an empty pipe or socket at once. A longer message goes through in pieces of it. */
#define MOST_BYTES 65536

/* So many messages are written before any is read, when only the writing is timed; of no more bytes than half of what
 * fits, for a socket counts some hundred bytes for itself with each. */
#define BURST 32

struct transit {
    int in, out; /* descriptors to write to and to read from */
    size_t size;
    unsigned burst;
    char *buffer;
};

static bool put(const struct transit *transit)
{
    for (size_t left = transit->size; left > 0;) {
        ssize_t done = write(transit->in, transit->buffer, left);
        if (done <= 0)
            return false;
        left -= (size_t)done;
    }
    return true;
}

static bool get(const struct transit *transit)
{
    for (size_t left = transit->size; left > 0;) {
        ssize_t done = read(transit->out, transit->buffer, left);
        if (done <= 0)
            return false;
        left -= (size_t)done;
    }
    return true;
}

static int64_t put_and_get(void *state, unsigned times)
{
    int64_t begin = clock_now_ns();
    for (unsigned i = 0; i < times; i++)
        if (!put(state) || !get(state))
            return -1;
    return clock_now_ns() - begin;
}

static int64_t put_only(void *state, unsigned times)
{
    const struct transit *transit = state;
    int64_t took = 0;
    for (unsigned i = 0; i < times; i++) {
        int64_t begin = clock_now_ns();
        for (unsigned j = 0; j < transit->burst; j++)
            if (!put(transit))
                return -1;
        took += clock_now_ns() - begin;
        for (unsigned j = 0; j < transit->burst; j++)
            if (!get(transit))
                return -1;
    }
    return took;
}

static double go_through(const struct yard *yard, int in, int out, bool both)
{
    size_t pieces = (yard->size + MOST_BYTES - 1) / MOST_BYTES, size = yard->size / pieces;
    unsigned burst = size * BURST <= MOST_BYTES / 2 ? BURST
                     : size * 2 <= MOST_BYTES       ? (unsigned)(MOST_BYTES / 2 / size)
                                                    : 1;
    struct transit transit = {.in = in, .out = out, .size = size, .burst = burst, .buffer = calloc(1, size)};
    if (transit.buffer == NULL)
        return NAN;
    double scale = (double)yard->size / (double)size;
    return both ? yard_repeat(yard, put_and_get, &transit) * scale
                : yard_repeat(yard, put_only, &transit) * scale / burst;
}

static double through_pipe(const struct yard *yard, bool both)
{
    int ends[2];
    return pipe(ends) == 0 ? go_through(yard, ends[1], ends[0], both) : NAN;
}

static double through_socket(const struct yard *yard, int type, bool both)
{
    int ends[2];
    return socketpair(AF_UNIX, type, 0, ends) == 0 ? go_through(yard, ends[0], ends[1], both) : NAN;
}

double yard_transit_pipe(const struct yard *yard)
{
    return through_pipe(yard, true);
}

double yard_transit_seqpacket(const struct yard *yard)
{
    return through_socket(yard, SOCK_SEQPACKET, true);
}

double yard_transit_stream(const struct yard *yard)
{
    return through_socket(yard, SOCK_STREAM, true);
}

double yard_write_pipe(const struct yard *yard)
{
    return through_pipe(yard, false);
}

double yard_write_seqpacket(const struct yard *yard)
{
    return through_socket(yard, SOCK_SEQPACKET, false);
}

double yard_write_stream(const struct yard *yard)
{
    return through_socket(yard, SOCK_STREAM, false);
}

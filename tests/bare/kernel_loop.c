/* SPDX-License-Identifier: MIT
 *
 * Messages through a pipe or a UNIX socket by the system calls that weir's drivers make, and nothing else. For a pipe
 * or a stream socket (--style):
 *
 *   naive    a length and the body by one writev, two reads a message (as pipe,framing=naive)
 *   drained  a length and the body by one writev, reads of all that is there (as pipe,framing=tuned)
 *   plain    the body alone by write and read: every message has the same length
 *
 * Packets (seqpacket, dgram) are sent and received whole, whatever the style. --wait block: descriptors block; poll:
 * they do not, and who cannot go on waits in ppoll for its descriptor (weir's also for a bell); spin: tries again.
 * Nobody asks whether the other is alive, and no deadline is kept. Kernel buffers are sized as weir sizes them.
 */
#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define DRAIN_BYTES ((size_t)65536)
#define PAGE_BYTES  ((size_t)4096)

enum framing { NAIVE, DRAINED, PLAIN, PACKET };

struct way {
    int write_fd, read_fd;
};

struct kernel_work {
    struct bare_work work;
    enum framing framing;
    bool is_socket, polls;
    struct way there, back; /* a stream uses the first only */
};

/* A half's view of one direction. */
struct end {
    const struct kernel_work *kernel;
    int fd;
    size_t size, start, there; /* drained: bytes in `ahead` */
    unsigned char *body, *ahead;
};

/* ---- system calls -------------------------------------------------------------------------------------------- */

static void await(const struct end *end, short events)
{
    struct pollfd fd = {.fd = end->fd, .events = events};
    if (errno != EAGAIN && errno != EINTR)
        bare_fail("writing or reading");
    if (errno == EAGAIN && end->kernel->polls)
        ppoll(&fd, 1, NULL, NULL);
}

static void put_parts(const struct end *end, struct iovec *parts, int count, size_t total)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    for (;;) {
        ssize_t put = end->kernel->is_socket ? sendmsg(end->fd, &message, MSG_NOSIGNAL) : writev(end->fd, parts, count);
        if (put == (ssize_t)total)
            return;
        if (put >= 0)
            bare_fail("a message went out in part: take smaller ones");
        await(end, POLLOUT);
    }
}

static void put_whole(const struct end *end)
{
    for (;;) {
        ssize_t put = end->kernel->is_socket ? send(end->fd, end->body, end->size, MSG_NOSIGNAL)
                                             : write(end->fd, end->body, end->size);
        if (put == (ssize_t)end->size)
            return;
        if (put >= 0)
            bare_fail("a message went out in part: take smaller ones");
        await(end, POLLOUT);
    }
}

static size_t get_some(const struct end *end, unsigned char *at, size_t most)
{
    for (;;) {
        ssize_t got = end->kernel->framing == PACKET ? recv(end->fd, at, most, MSG_TRUNC) : read(end->fd, at, most);
        if (got > 0)
            return (size_t)got;
        await(end, POLLIN);
    }
}

static void get_exactly(const struct end *end, void *to, size_t bytes)
{
    for (size_t got = 0; got < bytes;)
        got += get_some(end, (unsigned char *)to + got, bytes - got);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static void put(const struct end *end, uint64_t sequence)
{
    bare_fill(end->body, end->size, sequence);
    if (end->kernel->framing == PLAIN || end->kernel->framing == PACKET) {
        put_whole(end);
        return;
    }
    uint32_t header = (uint32_t)end->size;
    struct iovec parts[2] = {{&header, sizeof header}, {end->body, end->size}};
    put_parts(end, parts, 2, sizeof header + end->size);
}

/* Where the body of the next message lies. */
static const unsigned char *drain(struct end *end)
{
    const size_t frame = sizeof(uint32_t) + end->size;
    uint32_t header;
    if (end->there < frame) {
        memmove(end->ahead, end->ahead + end->start, end->there);
        end->start = 0;
        while (end->there < frame)
            end->there += get_some(end, end->ahead + end->there, DRAIN_BYTES + frame - end->there);
    }
    memcpy(&header, end->ahead + end->start, sizeof header);
    if (header != end->size)
        bare_fail("a header is damaged");
    memcpy(end->body, end->ahead + end->start + sizeof header, end->size);
    end->start += frame;
    end->there -= frame;
    return end->body;
}

static void get(struct end *end, uint64_t sequence)
{
    uint32_t header = (uint32_t)end->size;
    switch (end->kernel->framing) {
    case DRAINED:
        drain(end);
        break;
    case NAIVE:
        get_exactly(end, &header, sizeof header);
        if (header != end->size)
            bare_fail("a header is damaged");
        get_exactly(end, end->body, end->size);
        break;
    case PLAIN:
        get_exactly(end, end->body, end->size);
        break;
    case PACKET:
        if (get_some(end, end->body, end->size) != end->size)
            bare_fail("a packet has the wrong length");
        break;
    }
    bare_check(end->body, end->size, sequence);
}

/* ---- the halves ---------------------------------------------------------------------------------------------- */

static struct end open_end(struct bare_work *work, int fd)
{
    const struct kernel_work *kernel = (const struct kernel_work *)work;
    const size_t size = work->how->size;
    struct end end = {.kernel = kernel, .fd = fd, .size = size};
    end.body = aligned_alloc(64, (size + 63) / 64 * 64);
    end.ahead = kernel->framing == DRAINED ? malloc(DRAIN_BYTES + sizeof(uint32_t) + size) : NULL;
    if (end.body == NULL || (end.ahead == NULL && kernel->framing == DRAINED))
        bare_fail("memory");
    return end;
}

static void close_end(struct end *end)
{
    free(end->body);
    free(end->ahead);
}

static void produce(struct bare_work *work, uint64_t from, uint64_t to)
{
    struct end out = open_end(work, ((struct kernel_work *)work)->there.write_fd);
    for (uint64_t sequence = from; sequence < to; sequence++)
        put(&out, sequence);
    close_end(&out);
}

/* What is read ahead never goes beyond `to`: the producer begins the measured messages when all others are received. */
static void consume(struct bare_work *work, uint64_t from, uint64_t to)
{
    struct end in = open_end(work, ((struct kernel_work *)work)->there.read_fd);
    for (uint64_t sequence = from; sequence < to; sequence++)
        get(&in, sequence);
    close_end(&in);
}

static void ask(struct bare_work *work, uint64_t from, uint64_t to)
{
    const struct kernel_work *kernel = (const struct kernel_work *)work;
    struct end out = open_end(work, kernel->there.write_fd), in = open_end(work, kernel->back.read_fd);
    for (uint64_t sequence = from; sequence < to; sequence++) {
        put(&out, sequence);
        get(&in, sequence);
    }
    close_end(&out);
    close_end(&in);
}

static void answer(struct bare_work *work, uint64_t from, uint64_t to)
{
    const struct kernel_work *kernel = (const struct kernel_work *)work;
    struct end out = open_end(work, kernel->back.write_fd), in = open_end(work, kernel->there.read_fd);
    for (uint64_t sequence = from; sequence < to; sequence++) {
        get(&in, sequence);
        put(&out, sequence);
    }
    close_end(&out);
    close_end(&in);
}

/* ---- descriptors --------------------------------------------------------------------------------------------- */

/* Whole frames in a page for each message of the depth. */
static void size_pipe(int fd, const struct bare *how)
{
    const size_t frame = how->size + sizeof(uint32_t);
    const size_t pages = frame <= PAGE_BYTES ? (how->depth + PAGE_BYTES / frame - 1) / (PAGE_BYTES / frame)
                                             : 2 * how->depth * (frame + PAGE_BYTES) / PAGE_BYTES;
    size_t bytes = pages * PAGE_BYTES;
    while (fcntl(fd, F_SETPIPE_SZ, (int)bytes) < 0 && bytes > PAGE_BYTES)
        bytes /= 2; /* who is not root gets no more than fs.pipe-max-size */
}

/* The kernel counts the smallest power of two that holds a message and 320 bytes, and 512 bytes beside; of what is
 * asked for it gives the double. */
static void size_socket(int fd, const struct bare *how)
{
    size_t piece = 512;
    while (piece < how->size + 320)
        piece *= 2;
    int bytes = (int)(how->depth * (piece + 512) / 2);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static struct way open_way(const struct bare *how)
{
    int ends[2];
    if (strcmp(how->kind, "pipe") == 0) {
        if (pipe2(ends, O_CLOEXEC) != 0)
            bare_fail("pipe2");
        size_pipe(ends[1], how);
    } else {
        int type = strcmp(how->kind, "stream") == 0  ? SOCK_STREAM
                   : strcmp(how->kind, "dgram") == 0 ? SOCK_DGRAM
                                                     : SOCK_SEQPACKET;
        if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
            bare_fail("socketpair");
        size_socket(ends[1], how);
    }
    for (int i = 0; i < 2 && strcmp(how->wait, "block") != 0; i++)
        if (fcntl(ends[i], F_SETFL, O_NONBLOCK) != 0)
            bare_fail("fcntl");
    return (struct way){.write_fd = ends[1], .read_fd = ends[0]};
}

static void destroy(struct bare_work *work)
{
    struct kernel_work *kernel = (struct kernel_work *)work;
    close(kernel->there.write_fd), close(kernel->there.read_fd);
    close(kernel->back.write_fd), close(kernel->back.read_fd);
    free(kernel);
}

static enum framing framing_of(const struct bare *how)
{
    if (strcmp(how->kind, "seqpacket") == 0 || strcmp(how->kind, "dgram") == 0)
        return PACKET;
    return strcmp(how->style, "naive") == 0 ? NAIVE : strcmp(how->style, "drained") == 0 ? DRAINED : PLAIN;
}

static struct bare_work *create(const struct bare *how)
{
    struct kernel_work *kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL)
        bare_fail("memory");
    *kernel = (struct kernel_work){
        .work = {.how = how,
                 .halves = {how->is_pingpong ? ask : produce, how->is_pingpong ? answer : consume},
                 .destroy = destroy},
        .framing = framing_of(how),
        .is_socket = strcmp(how->kind, "pipe") != 0,
        .polls = strcmp(how->wait, "poll") == 0,
        .there = open_way(how),
        .back = open_way(how),
    };
    return &kernel->work;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"pipe", "seqpacket", "stream", "dgram", NULL};
    static const char *const styles[] = {"naive", "drained", "plain", NULL};
    static const char *const waits[] = {"block", "poll", "spin", NULL};
    static const struct bare_program program = {
        .name = "kernel-loop",
        .summary = "Bare write and read loops on a pipe or a UNIX socket.",
        .kinds = kinds,
        .styles = styles,
        .waits = waits,
        .can_threads = true,
        .can_processes = true,
        .can_pingpong = true,
        .create = create,
    };
    return bare_main(&program, argc, argv);
}

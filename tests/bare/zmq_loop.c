/* SPDX-License-Identifier: MIT
 *
 * libzmq's own way: zmq_send on a PUSH socket, zmq_recv on a PULL socket, both of which block; with the marks that
 * weir's zmq driver sets (the channel's depth on either side) and else as libzmq comes. inproc between threads, ipc
 * between processes or threads, with a context for each.
 */
#include "bare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

struct zmq_work {
    struct bare_work work;
    bool is_inproc;
    char address[64];
    void *shared; /* inproc: the context of both */
    void *contexts[2], *sockets[2];
    void *message[2];
};

static void fail(const char *what)
{
    fprintf(stderr, "zmq-loop: %s\n", zmq_strerror(errno));
    errno = 0;
    bare_fail(what);
}

/* ---- the workers --------------------------------------------------------------------------------------------- */

static void enter(struct bare_work *work, int half)
{
    struct zmq_work *own = (struct zmq_work *)work;
    const int mark = (int)work->how->depth;
    own->contexts[half] = own->is_inproc ? own->shared : zmq_ctx_new();
    own->sockets[half] = zmq_socket(own->contexts[half], half == 0 ? ZMQ_PUSH : ZMQ_PULL);
    own->message[half] = aligned_alloc(64, (work->how->size + 63) / 64 * 64);
    if (own->sockets[half] == NULL || own->message[half] == NULL)
        fail("zmq_socket");
    if (zmq_setsockopt(own->sockets[half], half == 0 ? ZMQ_SNDHWM : ZMQ_RCVHWM, &mark, sizeof mark) != 0)
        fail("zmq_setsockopt");
    if ((half == 0 ? zmq_connect : zmq_bind)(own->sockets[half], own->address) != 0)
        fail("zmq_connect or zmq_bind");
}

static void leave(struct bare_work *work, int half)
{
    struct zmq_work *own = (struct zmq_work *)work;
    zmq_close(own->sockets[half]);
    if (!own->is_inproc)
        zmq_ctx_term(own->contexts[half]);
    free(own->message[half]);
}

static void produce(struct bare_work *work, uint64_t from, uint64_t to)
{
    struct zmq_work *own = (struct zmq_work *)work;
    const size_t size = work->how->size;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        bare_fill(own->message[0], size, sequence);
        while (zmq_send(own->sockets[0], own->message[0], size, 0) < 0)
            if (errno != EINTR)
                fail("zmq_send");
    }
}

static void consume(struct bare_work *work, uint64_t from, uint64_t to)
{
    struct zmq_work *own = (struct zmq_work *)work;
    const size_t size = work->how->size;
    for (uint64_t sequence = from; sequence < to; sequence++) {
        int got;
        while ((got = zmq_recv(own->sockets[1], own->message[1], size, 0)) < 0)
            if (errno != EINTR)
                fail("zmq_recv");
        if ((size_t)got != size)
            fail("a message has the wrong length");
        bare_check(own->message[1], size, sequence);
    }
}

/* ---- an epoch ------------------------------------------------------------------------------------------------ */

static void destroy(struct bare_work *work)
{
    struct zmq_work *own = (struct zmq_work *)work;
    if (own->is_inproc)
        zmq_ctx_term(own->shared);
    free(own);
}

static struct bare_work *create(const struct bare *how)
{
    static unsigned number;
    struct zmq_work *own = calloc(1, sizeof *own);
    if (own == NULL)
        fail("memory");
    own->work = (struct bare_work){
        .how = how, .halves = {produce, consume}, .enter = enter, .leave = leave, .destroy = destroy};
    own->is_inproc = strcmp(how->kind, "inproc") == 0;
    errno = 0;
    if (own->is_inproc && how->is_processes)
        bare_fail("inproc is for threads");
    /* The abstract namespace: no file is left behind. */
    snprintf(own->address, sizeof own->address, "%s-%d-%u", own->is_inproc ? "inproc://bare" : "ipc://@weir-bare",
             (int)getpid(), number++);
    if (own->is_inproc) {
        own->shared = zmq_ctx_new();
        zmq_ctx_set(own->shared, ZMQ_IO_THREADS, 0);
    }
    return &own->work;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"inproc", "ipc", NULL};
    static const struct bare_program program = {
        .name = "zmq-loop",
        .summary = "libzmq's bare PUSH/PULL loop.",
        .kinds = kinds,
        .can_threads = true,
        .can_processes = true,
        .create = create,
    };
    return bare_main(&program, argc, argv);
}

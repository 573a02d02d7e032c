/* SPDX-License-Identifier: MIT
 *
 * The zmq driver's state, and what one process has of a channel: a libzmq context and sockets.
 */
#ifndef WEIR_ZMQ_PROCESS_H
#define WEIR_ZMQ_PROCESS_H

#include <pthread.h>
#include <stdbool.h>

#include <weir/driver.h>
#include <zmq.h>

/* For each end of a tcp connection. Left alone, Linux would grow them to megabytes; loopback packets are 64 KiB, so
 * much less would stall. (libzmq cannot set them for ipc: there the system's default holds.) */
#define ZMQ_KERNEL_BUFFER_BYTES (128 * 1024)

#define ZMQ_ADDRESS_BYTES 160

enum zmq_transport { AUTO, INPROC, IPC, TCP };

struct zmq_channel {
    enum zmq_transport transport;
    const char *folder; /* ipc: consumer i listens at folder/ci */
    int *listeners;     /* one a consumer; NULL for inproc */

    /* What this process has. A forked one starts with a copy that is not its own. */
    pthread_mutex_t lock; /* guards the rest */
    pid_t owner;
    void *context;     /* from the first attach to the last detach */
    uint32_t attached; /* endpoints */
    uint64_t sent;     /* messages, by endpoints that have left */
    void **sockets;    /* one a place, producers first; a producer's stays when its endpoint leaves */
};

struct zmq_endpoint {
    bool entered; /* counted in `attached` */
    bool full;    /* the last send found no room */
    bool holding; /* `message` is one: between peek and release, or between reserve and commit or abort */
    int ready_fd;
    uint64_t sent;
    void *socket;
    zmq_msg_t message;
};

/* ipc: where consumer i listens. A path that is too long is cut, to a length that is still too long for a socket. */
void zmq_consumer_path(const struct zmq_channel *state, uint32_t consumer, char path[ZMQ_ADDRESS_BYTES]);

/* Makes the endpoint's socket, and the context if this process has none. 0, WEIR_ENOMEM or WEIR_ESYSTEM. */
int zmq_process_enter(struct weir_driver_endpoint *endpoint);

/* Closes a consumer's socket; with the last endpoint of the process, once what was sent is out of the process, all. */
void zmq_process_leave(struct weir_driver_endpoint *endpoint);

#endif

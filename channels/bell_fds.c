/* SPDX-License-Identifier: MIT
 *
 * Places without a lock: a fork may come at any time. A place that somebody is about to open or to close is passed
 * over, and in the child of a fork at such a moment it is for ever.
 */
#include "bell_fds.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PLACES 64         /* so many channels of two descriptors have them alone: half of that */
#define BUSY   UINT32_MAX /* being opened or closed */

static struct place {
    _Atomic uint32_t users; /* of `fd`, or BUSY */
    _Atomic int fd;         /* meaningful while there are users */
} places[PLACES];

static _Atomic uint32_t turn;

/* The descriptor of a place that has users already: -1 if it has none. */
static int join(struct place *place)
{
    uint32_t users = atomic_load(&place->users);
    while (users != 0 && users < BUSY - 1)
        if (atomic_compare_exchange_weak(&place->users, &users, users + 1))
            return atomic_load(&place->fd);
    return -1;
}

/* -1: it is not free, or (`errno`) there is no descriptor to be had. */
static int open_place(struct place *place)
{
    uint32_t none = 0;
    errno = 0;
    if (!atomic_compare_exchange_strong(&place->users, &none, BUSY))
        return -1;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&place->fd, fd);
    atomic_store(&place->users, fd >= 0 ? 1 : 0);
    return fd;
}

int weir_bell_fd_take(void)
{
    uint32_t first = atomic_fetch_add(&turn, 1);
    int fd = -1, why = 0;
    for (uint32_t i = 0; i < PLACES && fd < 0 && why == 0; i++) {
        fd = open_place(&places[(first + i) % PLACES]);
        why = fd < 0 ? errno : 0;
    }
    for (uint32_t i = 0; i < PLACES && fd < 0; i++)
        fd = join(&places[(first + i) % PLACES]);
    errno = why;
    return fd;
}

void weir_bell_fd_give(int fd)
{
    for (uint32_t i = 0; i < PLACES && fd >= 0; i++) {
        struct place *place = &places[i];
        uint32_t users = atomic_load(&place->users);
        while (users != 0 && users != BUSY && atomic_load(&place->fd) == fd) {
            if (!atomic_compare_exchange_weak(&place->users, &users, users == 1 ? BUSY : users - 1))
                continue;
            if (users == 1) {
                close(fd);
                atomic_store(&place->users, 0);
            }
            return;
        }
    }
}

/* SPDX-License-Identifier: MIT
 *
 * The eventfds that are rung for pollers (weir_fd). Between processes a channel must have them before the fork, whether
 * anybody will poll or not; so that ten thousand channels do not take twenty thousand descriptors, channels share them.
 * A poller is then sometimes woken by another channel's ring, finds nothing, and polls on.
 */
#ifndef WEIR_BELL_FDS_H
#define WEIR_BELL_FDS_H

/* An eventfd, or -1 (errno). Thread-safe, in forked processes too. */
int weir_bell_fd_take(void);

/* Gives it back; the last user closes it. -1 is a no-op. */
void weir_bell_fd_give(int fd);

#endif

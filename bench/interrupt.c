/* SPDX-License-Identifier: MIT
 *
 * A signalfd.
 */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

int interrupt_open(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int interrupt_read(int interrupt_fd)
{
    struct signalfd_siginfo info;
    return read(interrupt_fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

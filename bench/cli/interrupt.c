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
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct sigaction action;
        /* What was ignored from the start (nohup, a shell's background job) stays so. */
        if (sigaction(wanted[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&signals, wanted[i]);
    }
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int interrupt_read(int interrupt_fd)
{
    struct signalfd_siginfo info;
    return read(interrupt_fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

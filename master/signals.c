/* signals.c - see signals.h. */
#include "master/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* SIGCHLD comes first: it is the one that is not passed on to a successor. */
static const int signals_handled[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGQUIT};
enum { SIGNALS_HANDLED = sizeof signals_handled / sizeof signals_handled[0] };

static void signals_set(sigset_t *set) {
    sigemptyset(set);
    for (int i = 0; i < SIGNALS_HANDLED; i++)
        sigaddset(set, signals_handled[i]);
}

bool signals_block(void) {
    sigset_t set;
    signals_set(&set);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

void signals_unblock(void) {
    sigset_t set;
    signals_set(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A worker that kills a master that hangs stores that master's pending signals in the segment. */
static void signals_inherit(struct segment_header *header) {
    uint64_t pending = atomic_exchange(&header->signals, 0);
    for (int i = 1; i < SIGNALS_HANDLED; i++) {
        if (pending >> (signals_handled[i] - 1) & 1)
            kill(getpid(), signals_handled[i]);
    }
}

int signals_watch(void) {
    sigset_t set;
    signals_set(&set);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int signals_open(struct segment_header *header, bool took_over) {
    if (!signals_block())
        return -1;
    signals_inherit(header);
    int fd = signals_watch();
    if (fd < 0)
        return -1;
    int old = header->master.signal_fd;
    header->master.signal_fd = fd; /* before the close: after it, the number may be a client's */
    if (took_over && old > 0)
        close(old);
    return fd;
}

enum signals_order signals_read(int fd) {
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
        return SIGNALS_NONE;
    switch (info.ssi_signo) {
    case SIGCHLD: return SIGNALS_CHILD;
    case SIGHUP: return SIGNALS_RELOAD;
    case SIGUSR1: return SIGNALS_REOPEN;
    case SIGUSR2: return SIGNALS_UPGRADE;
    default: return SIGNALS_STOP;
    }
}

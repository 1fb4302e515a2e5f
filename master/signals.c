/* signals.c - see signals.h. */
#include "master/signals.h"

#include "ipc/fault.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int signals_handled[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2,
                                      SIGTERM, SIGINT, SIGQUIT, SIGPWR};
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

int signals_watch(void) {
    sigset_t set;
    signals_set(&set);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int signals_open(struct segment_header *header, bool took_over) {
    if (!signals_block())
        return -1;
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
    case SIGPWR: return SIGNALS_STORE;
    default: return SIGNALS_STOP;
    }
}

void signals_pass_on(struct segment *seg, enum order order) {
    FAULT("signals.pass_on.before");
    atomic_fetch_or(&seg->header->orders, (uint32_t)order);
    FAULT("signals.pass_on.after");
    slots_ring_master(seg->slots);
}

bool signals_pending(const struct segment_header *header, enum order order) {
    return ((atomic_load(&header->orders) | atomic_load(&header->doing)) & order) != 0;
}

uint32_t signals_take(struct segment_header *header) {
    uint32_t all = atomic_load(&header->orders) | atomic_load(&header->doing);
    uint32_t order = all & -all;
    atomic_fetch_or(&header->doing, order);
    FAULT("signals.take.between"); /* a successor does it twice */
    atomic_fetch_and(&header->orders, ~order);
    return order;
}

void signals_done(struct segment *seg, enum order order) {
    FAULT("signals.done.before");
    atomic_fetch_and(&seg->header->doing, ~(uint32_t)order);
    FAULT("signals.done.after");
    slot_ring_awake(&seg->slots[GUARDIAN_SLOT]);
}

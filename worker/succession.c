/* succession.c - see succession.h. */
#include "worker/succession.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/event.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { AGAIN_MS = 1000, STILL = 4 };

static void succession_watch(struct worker *w) {
    int pidfd = slot_seat_pidfd(atomic_load(&w->seg->slots[MASTER_SLOT].entry));
    int alive_fd = w->seg->header->master.alive_fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = event_tag(EVENT_MASTER, (uint32_t)pidfd)};
    struct epoll_event expiry = {.events = EPOLLIN | EPOLLET,
                                 .data.u64 = event_tag(EVENT_SWITCH, (uint32_t)alive_fd)};
    if (pidfd < 0)
        return;
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, alive_fd, &expiry); /* or a predecessor has */
    if (epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, pidfd, &event) != 0)
        epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_MOD, pidfd, &event);
}

static bool readable(int pidfd) {
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

static void succession_start(struct worker *w, uint64_t seat) {
    log_warn("the master is dead; starting another");
    FAULT("succession.start.before");
    pid_t pid =
        (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(w->start_master(w->seg, seat));
    if (pid < 0)
        log_error_errno("cannot start a master");
    FAULT("succession.start.cloned");
}

bool succession_changed(const struct worker *w) {
    return atomic_load(&w->seg->slots[MASTER_SLOT].entry) != w->master_seat;
}

bool succession_look(struct worker *w) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    uint64_t seat = atomic_load(&master->entry);
    if (atomic_load(&w->seg->header->shutdown) || !w->start_master || seat == 0)
        return false;
    if (!readable(slot_seat_pidfd(seat))) {
        succession_watch(w);
        w->orphans_due |= seat != w->master_seat; /* a dead master's half-made listeners, too */
        w->master_seat = seat;
        return false;
    }
    /* The pidfd was this seat's when we looked, or the number is somebody else's by now. */
    bool again = w->now - w->master_asked_at >= AGAIN_MS; /* it died before it took the seat */
    if (atomic_load(&master->entry) == seat && (w->master_asked != seat || again)) {
        w->master_asked = seat;
        w->master_asked_at = w->now;
        succession_start(w, seat);
    }
    return true; /* until the new one has made itself known */
}

/* What it was told and has not heard: bit n - 1 for signal n. */
static uint64_t pending_signals(pid_t pid) {
    char path[64], line[256];
    uint64_t found = 0;
    unsigned long long mask;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "SigPnd: %llx", &mask) == 1 || sscanf(line, "ShdPnd: %llx", &mask) == 1)
            found |= mask;
    }
    if (file)
        fclose(file);
    return found;
}

void succession_doubt(struct worker *w) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    uint64_t seat = atomic_load(&master->entry), beat = atomic_load(&master->heartbeat);
    w->master_looked = w->now;
    if (!w->master_doubted) {
        w->master_doubted = true;
        w->master_suspect = seat;
        w->master_beat = beat;
        w->master_still = 0;
        return;
    }
    if (seat != w->master_suspect || beat != w->master_beat ||
        atomic_load(&w->seg->header->shutdown)) {
        w->master_doubted = false;
        return;
    }
    if (++w->master_still < STILL)
        return;
    if (atomic_exchange(&master->fault, SIGKILL) == 0)
        log_warn("the master stands still; killing it");
    atomic_fetch_or(&w->seg->header->signals, pending_signals(atomic_load(&master->pid)));
    FAULT("succession.kill.before");
    /* If there is another by now, the number is nobody's or a worker's, who are replaceable. */
    syscall(SYS_pidfd_send_signal, slot_seat_pidfd(seat), SIGKILL, NULL, 0);
    FAULT("succession.kill.after");
}

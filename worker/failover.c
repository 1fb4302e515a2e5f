/* succession.c - see succession.h. */
#include "worker/failover.h"

#include "ipc/fault.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "worker/state/event.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { AGAIN_MS = 1000, STILL = 4 };

static void failover_watch(struct worker *w) {
    int pidfd = lease_pidfd(atomic_load(&w->seg->slots[MASTER_SLOT].entry));
    int watchdog_fd = w->seg->header->master.watchdog_fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = event_tag(EVENT_MASTER, (uint32_t)pidfd)};
    struct epoll_event expiry = {.events = EPOLLIN | EPOLLET,
                                 .data.u64 = event_tag(EVENT_WATCHDOG, (uint32_t)watchdog_fd)};
    if (pidfd < 0)
        return;
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, watchdog_fd, &expiry); /* or a predecessor has */
    if (epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, pidfd, &event) != 0)
        epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_MOD, pidfd, &event);
}

static bool readable(int pidfd) {
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

static void failover_start(struct worker *w, uint64_t lease) {
    log_warn("the master is dead; starting another");
    FAULT("failover.start.before");
    pid_t pid =
        (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(w->start_master(w->seg, lease));
    if (pid < 0)
        log_error_errno("cannot start a master");
    FAULT("failover.start.cloned");
}

bool failover_changed(const struct worker *w) {
    return atomic_load(&w->seg->slots[MASTER_SLOT].entry) != w->master_lease;
}

bool failover_look(struct worker *w) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    uint64_t lease = atomic_load(&master->entry);
    if (atomic_load(&w->seg->header->shutdown) || !w->start_master || lease == 0)
        return false;
    if (!readable(lease_pidfd(lease))) {
        failover_watch(w);
        w->orphans_due |= lease != w->master_lease; /* a dead master's half-made listeners, too */
        w->master_lease = lease;
        return false;
    }
    /* The pidfd was this seat's when we looked, or the number is somebody else's by now. */
    bool again = w->now - w->master_started_at >= AGAIN_MS; /* it died before it took the seat */
    if (atomic_load(&master->entry) == lease && (w->master_started != lease || again)) {
        w->master_started = lease;
        w->master_started_at = w->now;
        failover_start(w, lease);
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

void failover_suspect(struct worker *w) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    uint64_t lease = atomic_load(&master->entry), beat = atomic_load(&master->heartbeat);
    w->master_looked = w->now;
    if (!w->master_suspected) {
        w->master_suspected = true;
        w->master_suspect = lease;
        w->master_beat = beat;
        w->master_still = 0;
        return;
    }
    if (lease != w->master_suspect || beat != w->master_beat ||
        atomic_load(&w->seg->header->shutdown)) {
        w->master_suspected = false;
        return;
    }
    if (++w->master_still < STILL)
        return;
    if (atomic_exchange(&master->fault, SIGKILL) == 0)
        log_warn("the master stands still; killing it");
    atomic_fetch_or(&w->seg->header->signals, pending_signals(atomic_load(&master->pid)));
    FAULT("failover.kill.before");
    /* If there is another by now, the number is nobody's or a worker's, who are replaceable. */
    syscall(SYS_pidfd_send_signal, lease_pidfd(lease), SIGKILL, NULL, 0);
    FAULT("failover.kill.after");
}

/* failover.c - see failover.h. */
#include "worker/failover.h"

#include "ipc/fault.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "worker/state/epoll_interest.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FAILOVER_AGAIN_MS = 1000, FAILOVER_LOOKS = 4 };

/* ---- a dead master ---- */

/* False: epoll cannot watch it. */
static bool failover_watch(struct worker *w, int pidfd) {
    int timer = w->seg->header->master.watchdog_fd, set = w->slot->epoll_fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = event_tag(EVENT_MASTER, (uint32_t)pidfd)};
    bool timed = interest_add(w, timer, EPOLLIN | EPOLLET, EVENT_WATCHDOG);
    return (epoll_ctl(set, EPOLL_CTL_ADD, pidfd, &event) == 0 ||
            (errno == EEXIST && epoll_ctl(set, EPOLL_CTL_MOD, pidfd, &event) == 0)) &&
           timed;
}

static bool failover_dead(int pidfd) {
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

static void failover_start(struct worker *w, const struct failover *f, uint64_t lease) {
    log_warn("the master is dead; starting another");
    FAULT("failover.start.before");
    pid_t pid =
        (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(f->start(w->seg, lease));
    if (pid < 0)
        log_error_errno("cannot start a master");
    FAULT("failover.start.cloned");
}

void failover_lost(struct failover *f) {
    f->lost = true;
}

bool failover_changed(const struct worker *w, const struct failover *f) {
    return f->start && atomic_load(&w->seg->slots[MASTER_SLOT].entry) != f->lease;
}

/* There is a living master: watch it. */
static void failover_follow(struct worker *w, struct failover *f, uint64_t lease) {
    f->lost = false;
    f->unwatched = lease_pidfd(lease) >= 0 && !failover_watch(w, lease_pidfd(lease));
    if (f->unwatched && lease != f->lease)
        log_warn_errno("epoll cannot watch the master; looking at it instead");
    w->orphans_due |= lease != f->lease; /* a dead master's half-made listeners, too */
    f->lease = lease;
}

static void failover_look_lost(struct worker *w, struct failover *f) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    uint64_t lease = atomic_load(&master->entry);
    f->looked_at = w->now;
    f->lost = false;
    if (atomic_load(&w->seg->header->shutdown) || !f->start || lease == 0)
        return;
    if (!failover_dead(lease_pidfd(lease))) {
        failover_follow(w, f, lease);
        return;
    }
    f->lost = true; /* until another has the lease */
    /* If the lease is unchanged, it was its pidfd that is readable; else the number may be reused.
     */
    bool again = w->now - f->replaced_at >= FAILOVER_AGAIN_MS; /* that one died before it took it */
    if (atomic_load(&master->entry) == lease && (f->replaced != lease || again)) {
        f->replaced = lease;
        f->replaced_at = w->now;
        failover_start(w, f, lease);
    }
}

/* ---- a master that hangs ---- */

/* Signals that it was sent and has not handled: bit n - 1 for signal n.  Its successor handles
 * them. */
static uint64_t failover_pending_signals(pid_t pid) {
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

static void failover_kill(struct worker *w, uint64_t lease) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    if (atomic_exchange(&master->fault, SIGKILL) == 0)
        log_warn("the master stands still; killing it");
    atomic_fetch_or(&w->seg->header->signals, failover_pending_signals(atomic_load(&master->pid)));
    FAULT("failover.kill.before");
    /* If another master has taken over since, the number is unused or a worker's; workers are
     * replaceable. */
    syscall(SYS_pidfd_send_signal, lease_pidfd(lease), SIGKILL, NULL, 0);
    FAULT("failover.kill.after");
}

void failover_suspect(struct worker *w, struct failover *f) {
    const struct slot *master = &w->seg->slots[MASTER_SLOT];
    uint64_t lease = atomic_load(&master->entry), beat = atomic_load(&master->heartbeat);
    f->looked_at = w->now;
    if (!f->suspected) {
        f->suspected = true;
        f->suspect_lease = lease;
        f->suspect_beat = beat;
        f->suspect_looks = 0;
    } else if (lease != f->suspect_lease || beat != f->suspect_beat ||
               atomic_load(&w->seg->header->shutdown)) {
        f->suspected = false;
    } else if (++f->suspect_looks >= FAILOVER_LOOKS) {
        failover_kill(w, lease);
    }
}

/* ---- the loop ---- */

void failover_look(struct worker *w, struct failover *f) {
    bool due = w->now - f->looked_at >= FAILOVER_SUSPECT_MS;
    if (f->lost || failover_changed(w, f) || (f->unwatched && due))
        failover_look_lost(w, f);
    if (f->suspected && due)
        failover_suspect(w, f);
}

int failover_timeout(const struct worker *w, const struct failover *f) {
    if (f->lost)
        return FAILOVER_MS;
    if (!f->suspected && !f->unwatched)
        return -1;
    int32_t left = (int32_t)(f->looked_at + FAILOVER_SUSPECT_MS - w->now);
    return left > 0 ? left : 1;
}

/* failover.c - see failover.h. */
#include "worker/failover.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/system.h"
#include "worker/state/epoll_interest.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t failover_lease(const struct worker *w) {
    return atomic_load(&w->seg->slots[GUARDIAN_SLOT].entry);
}

/* False: epoll cannot watch it. */
static bool failover_watch(struct worker *w, int pidfd) {
    int timer = w->seg->header->master.watchdog_fd, set = w->slot->epoll_fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = event_tag(EVENT_GUARDIAN, (uint32_t)pidfd)};
    bool timed = interest_add(w, timer, EPOLLIN | EPOLLET, EVENT_WATCHDOG);
    return (epoll_ctl(set, EPOLL_CTL_ADD, pidfd, &event) == 0 ||
            (errno == EEXIST && epoll_ctl(set, EPOLL_CTL_MOD, pidfd, &event) == 0)) &&
           timed;
}

/* A master without a pidfd is being started. */
static bool failover_master_acts(const struct worker *w) {
    return !system_readable(atomic_load(&w->seg->slots[MASTER_SLOT].pidfd)) &&
           !system_readable(w->seg->header->master.watchdog_fd);
}

static void failover_start(struct worker *w, const struct failover *f, uint64_t lease) {
    log_warn("guardian and master are dead; starting another guardian");
    FAULT("failover.start.before");
    pid_t pid =
        (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(f->start(w->seg, lease));
    if (pid < 0)
        log_error_errno("cannot start a guardian");
    FAULT("failover.start.cloned");
}

void failover_lost(struct failover *f) {
    f->lost = true;
}

bool failover_changed(const struct worker *w, const struct failover *f) {
    return f->start && failover_lease(w) != f->lease;
}

/* There is a living guardian: watch it. */
static void failover_follow(struct worker *w, struct failover *f, uint64_t lease) {
    f->unwatched = lease_pidfd(lease) >= 0 && !failover_watch(w, lease_pidfd(lease));
    if (f->unwatched && lease != f->lease)
        log_warn_errno("epoll cannot watch the guardian; looking at it instead");
    f->lease = lease;
}

static void failover_look_lost(struct worker *w, struct failover *f) {
    uint64_t lease = failover_lease(w);
    f->looked_at = w->now;
    f->lost = false;
    if (atomic_load(&w->seg->header->shutdown) || !f->start || lease == 0)
        return;
    if (!lease_lost(&w->seg->slots[GUARDIAN_SLOT], lease)) {
        failover_follow(w, f, lease);
        return;
    }
    f->lost = true; /* until another has the lease */
    if (!failover_master_acts(w) && lease_due(&f->watch, lease, w->now))
        failover_start(w, f, lease);
}

void failover_rouse(const struct worker *w) {
    syscall(SYS_pidfd_send_signal, lease_pidfd(failover_lease(w)), SIGCONT, NULL, 0);
}

void failover_look(struct worker *w, struct failover *f) {
    uint64_t master = atomic_load(&w->seg->slots[MASTER_SLOT].incarnation);
    w->orphans_due |= master != f->master; /* a dead one's half-made listeners, too */
    f->master = master;
    if (f->lost || failover_changed(w, f) ||
        (f->unwatched && w->now - f->looked_at >= FAILOVER_UNWATCHED_MS))
        failover_look_lost(w, f);
}

int failover_timeout(const struct worker *w, const struct failover *f) {
    if (f->lost)
        return FAILOVER_MS;
    if (!f->unwatched)
        return -1;
    int32_t left = (int32_t)(f->looked_at + FAILOVER_UNWATCHED_MS - w->now);
    return left > 0 ? left : 1;
}

/* succession.c - see succession.h. */
#include "worker/succession.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/event.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

void succession_watch(struct worker *w) {
    int pidfd = atomic_load(&w->seg->slots[MASTER_SLOT].pidfd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = event_tag(EVENT_MASTER, (uint32_t)pidfd)};
    if (pidfd < 0)
        return;
    if (epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, pidfd, &event) != 0)
        epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_MOD, pidfd, &event);
}

static bool readable(int pidfd) {
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

/* Somebody else is at it, and lives. */
static bool attended(struct worker *w, uint64_t starter) {
    if (starter == 0 || starter == w->me)
        return false;
    struct slot *slot = &w->seg->slots[incarnation_slot(starter) % SLOT_COUNT];
    return atomic_load(&slot->incarnation) == starter && !slot_dead(w->seg->slots, starter);
}

/* The new master makes itself known: it takes the slot by a CAS on the dead one's incarnation, so if
 * we die here and another worker starts a second, one of the two goes away again. */
static void succession_start(struct worker *w, struct slot *master) {
    uint64_t dead = atomic_load(&master->incarnation);
    log_warn("the master is dead; starting another");
    gate_repair(w->seg->gate, dead);
    FAULT("succession.start.before");
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_PARENT | SIGCHLD, NULL, NULL, NULL,
                               NULL);
    if (pid == 0)
        _exit(w->start_master(w->seg, dead));
    if (pid < 0)
        log_error_errno("cannot start a master");
    FAULT("succession.start.cloned");
}

bool succession_look(struct worker *w) {
    struct slot *master = &w->seg->slots[MASTER_SLOT];
    int pidfd = atomic_load(&master->pidfd);
    if (atomic_load(&w->seg->header->shutdown) || !w->start_master)
        return false;
    if (readable(pidfd) && pidfd == atomic_load(&master->pidfd)) {
        uint64_t starter = atomic_load(&master->starter);
        if (attended(w, starter))
            return true;
        if (!atomic_compare_exchange_strong(&master->starter, &starter, w->me))
            return true;
        /* Between the look and the CAS another may have finished the work. */
        if (pidfd == atomic_load(&master->pidfd) && readable(pidfd))
            succession_start(w, master);
        atomic_store(&master->starter, 0);
        FAULT("succession.done");
        return true; /* until it has made itself known */
    }
    succession_watch(w);
    return false;
}

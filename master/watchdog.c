/* watchdog.c - see watchdog.h. */
#include "master/watchdog.h"

#include "ipc/lease.h"
#include "ipc/log.h"
#include "ipc/pid_stat.h"
#include "master/config.h"
#include "master/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    WATCHDOG_MASTER_MS = 2000, /* the master's own work, a reload say, may take this long */
    WATCHDOG_PERIOD_MIN = 25,
    WATCHDOG_PERIOD_MAX = 1000, /* so an idle server wakes once a second */
    WATCHDOG_GAP_MS = 100       /* beyond two periods: the master did not run */
};

static uint64_t watchdog_timeout(const struct segment *seg) {
    return header_config(seg->header)->worker_timeout_ms;
}

uint64_t watchdog_master_ms(const struct segment *seg) {
    return watchdog_timeout(seg) + WATCHDOG_MASTER_MS;
}

/* The timer is set before the heartbeat moves: a worker that sees the heartbeat move may then
 * ignore an expiry that it saw before. */
bool watchdog_beat(struct segment *seg) {
    uint64_t ms = watchdog_master_ms(seg);
    struct itimerspec expiry = {
        .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}};
    bool set = timerfd_settime(seg->header->master.watchdog_fd, 0, &expiry, NULL) == 0;
    atomic_fetch_add(&seg->slots[MASTER_SLOT].heartbeat, 1);
    return set;
}

uint64_t watchdog_period(const struct segment *seg) {
    uint64_t half = watchdog_timeout(seg) / 2;
    return half < WATCHDOG_PERIOD_MIN   ? WATCHDOG_PERIOD_MIN
           : half > WATCHDOG_PERIOD_MAX ? WATCHDOG_PERIOD_MAX
                                        : half;
}

void watchdog_begin(struct watchdog *dog, const struct segment *seg, uint32_t index, uint64_t now) {
    dog->at[index].since = now;
    dog->at[index].heartbeat = atomic_load(&seg->slots[index].heartbeat);
}

void watchdog_stopped(struct segment *seg, uint32_t index) {
    struct slot *slot = &seg->slots[index];
    char name[SLOT_NAME];
    log_warn("%s was stopped", slot_name(index, name));
    /* It may have taken a token of the gate, or have been about to ring a bell. */
    gate_nudge(seg->gate);
    process_ring_all(seg);
    if (gate_owner(seg->gate) == atomic_load(&slot->incarnation))
        process_signal(slot, SIGCONT);
}

/* Relay and transcript have no epoll set.  The transcript waits for its bell alone; what waits in
 * the relay's sockets is not seen from here, so there is always work for one that is stopped. */
static bool watchdog_work_waits(const struct slot *slot, uint32_t index) {
    bool hidden = index == RELAY_SLOT || atomic_load(&slot->breadcrumb.phase) == BREADCRUMB_DISK;
    if (hidden && pid_stat_read(atomic_load(&slot->pid)).stopped)
        return true;
    if (atomic_load(&slot->breadcrumb.phase) == BREADCRUMB_DISK)
        return false;
    if (!atomic_load(&slot->asleep))
        return true;
    struct pollfd set = {.fd = slot->epoll_fd >= 0 ? slot->epoll_fd : slot->bell_fd,
                         .events = POLLIN};
    return poll(&set, 1, 0) == 1;
}

/* Whether the worker waits for another process that owns the gate.  A stopped worker does not
 * count: it would not take the gate if it were free. */
static bool watchdog_at_gate(const struct segment *seg, const struct slot *slot) {
    return atomic_load(&slot->at_gate) && !pid_stat_read(atomic_load(&slot->pid)).stopped &&
           gate_owner(seg->gate) != atomic_load(&slot->incarnation);
}

/* Only a worker that was running when it was killed died of its own fault (slot.h, breadcrumb). */
static void watchdog_kill(struct watch *watch, struct slot *slot, uint32_t index, uint64_t now) {
    char name[SLOT_NAME];
    log_warn("%s has stood still for %llu ms; replacing it", slot_name(index, name),
             (unsigned long long)(now - watch->since));
    if (!pid_stat_read(atomic_load(&slot->pid)).stopped)
        atomic_store(&slot->fault, SIGKILL);
    process_signal(slot, SIGKILL);
    watch->since = now;
    watch->patience *= 2;
}

/* `gap`: the time since the last look says nothing about the worker. */
static void watchdog_look_at(struct watch *watch, struct segment *seg, uint32_t index, uint64_t now,
                             bool gap) {
    struct slot *slot = &seg->slots[index];
    uint64_t heartbeat = atomic_load(&slot->heartbeat), timeout = watchdog_timeout(seg);
    bool moved = heartbeat != watch->heartbeat;
    if (moved)
        watch->patience = timeout;
    if (moved || gap || !watchdog_work_waits(slot, index)) {
        watch->heartbeat = heartbeat;
        watch->since = now;
        return;
    }
    if (watch->patience < timeout)
        watch->patience = timeout;
    if (now - watch->since < watch->patience)
        return;
    if (watchdog_at_gate(seg, slot))
        gate_nudge(seg->gate); /* in case a token was lost */
    else
        watchdog_kill(watch, slot, index, now);
}

void watchdog_look(struct watchdog *dog, struct segment *seg, uint64_t now) {
    uint64_t passed = now - dog->last_look, period = watchdog_period(seg);
    if (passed < period / 2)
        return;
    bool gap = passed > 2 * period + WATCHDOG_GAP_MS; /* the master was stopped, or the machine */
    dog->last_look = now;
    /* A guardian that was stopped hears no signals, and would not see this process die. */
    syscall(SYS_pidfd_send_signal, lease_pidfd(atomic_load(&seg->slots[GUARDIAN_SLOT].entry)),
            SIGCONT, NULL, 0);
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        if (atomic_load(&seg->slots[i].pid) > 0)
            watchdog_look_at(&dog->at[i], seg, i, now, gap);
    }
}

/* supervisor.c - see supervisor.h. */
#include "master/supervisor.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/fault_signals.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "master/process.h"
#include "master/relay_process.h"
#include "master/respawn.h"
#include "master/signals.h"
#include "master/standby.h"
#include "master/transcript_file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SUPERVISOR_RETRY_MS = 1000, /* after the kernel refused a process */
    SUPERVISOR_KILL_MS = 5000,
    SUPERVISOR_HUNG_MS = 200, /* for a process that was killed, at the end */
    SUPERVISOR_SERVING_MS = 5000,
    SUPERVISOR_REST_MS = 2000, /* for the other workers, once one serves */
    SUPERVISOR_DEATHS = 3      /* in a row: it will not serve */
};

/* ---- making ---- */

static bool supervisor_failed(const char *what, char *err, size_t err_size) {
    snprintf(err, err_size, "%s: %s", what, strerror(errno));
    return false;
}

bool supervisor_make_descriptors(struct segment *seg, char *err, size_t err_size) {
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &seg->slots[i];
        if (i < WORKERS_MAX && slot->epoll_fd < 0)
            slot->epoll_fd = epoll_create1(0);
        if (i < WORKERS_MAX && slot->epoll_fd < 0)
            return supervisor_failed("epoll_create1", err, err_size);
        if (slot->bell_fd < 0)
            slot->bell_fd = eventfd(0, EFD_NONBLOCK);
        if (slot->bell_fd < 0)
            return supervisor_failed("eventfd", err, err_size);
    }
    seg->header->master.watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    return seg->header->master.watchdog_fd >= 0 ||
           supervisor_failed("timerfd_create", err, err_size);
}

bool supervisor_init(struct supervisor *s, struct segment *seg, worker_entry entry,
                     guardian_entry guardian, char *err, size_t err_size) {
    memset(s, 0, sizeof *s);
    s->seg = seg;
    s->entry = entry;
    s->guardian = guardian;
    s->plain_fork = process_plain_fork();
    s->tentative = standby_watches(seg->header);
    atomic_store(&seg->slots[MASTER_SLOT].fault, 0);
    s->alarm_at = clock_ms() + SUPERVISOR_ALARM_MS; /* a predecessor's may be due */
    return watchdog_beat(seg) || supervisor_failed("timerfd_settime", err, err_size);
}

/* ---- starting ---- */

/* The child.  Returns its exit status.  A guardian that dies before the first worker makes the
 * upgrade certain takes the upgrade with it. */
static int supervisor_child(struct supervisor *s, uint32_t index, uint64_t incarnation) {
    struct slot *slots = s->seg->slots;
    bool first = index < WORKERS_MAX && standby_watches(s->seg->header);
    bool wanted = (!first || process_has_parent(&slots[index])) &&
                  (index >= WORKERS_MAX || standby_cancel(s->seg->header)) &&
                  slot_enter(&slots[index], incarnation);
    if (first && wanted) { /* the upgrade is certain: neither is to wait for its next look */
        slot_ring_awake(&slots[GUARDIAN_SLOT]);
        slots_ring_master(slots);
    }
    return wanted ? s->entry(s->seg, index, incarnation) : 0;
}

/* A process that dies before it has begun has not ended as it was asked to. */
static void supervisor_prepare_transcript(struct segment *seg) {
    struct transcript *t = &seg->header->transcript;
    atomic_store(&seg->slots[TRANSCRIPT_SLOT].state, SLOT_DEAD);
    FAULT("supervisor.transcript.state");
    atomic_store(&t->begun, atomic_load(&t->asked));
}

/* False with errno if the kernel refuses; supervisor_run tries again. */
static bool supervisor_spawn(struct supervisor *s, uint32_t index) {
    uint64_t incarnation = segment_incarnation(s->seg, index);
    char name[SLOT_NAME];
    if (index == TRANSCRIPT_SLOT)
        supervisor_prepare_transcript(s->seg);
    if (index == RELAY_SLOT)
        relay_process_prepare(s->seg);
    pid_t pid = process_start(s->seg, index, incarnation, true);
    if (pid == 0)
        _exit(supervisor_child(s, index, incarnation));
    s->at[index].started_at = clock_ms();
    if (pid < 0) {
        log_warn_errno("cannot start %s", slot_name(index, name));
        s->at[index].respawn_at = s->at[index].started_at + SUPERVISOR_RETRY_MS;
        if (index == RELAY_SLOT)
            relay_process_put_aside(s->seg);
        return false;
    }
    s->at[index].respawn_at = 0;
    watchdog_begin(&s->watchdog, s->seg, index, s->at[index].started_at);
    log_info("%s: pid %d", slot_name(index, name), (int)pid);
    return true;
}

/* No process is in the slot or on its way into it, and none is due. */
static bool supervisor_is_vacant(const struct supervisor *s, uint32_t index) {
    const struct slot *slot = &s->seg->slots[index];
    return !slot_alive(atomic_load(&slot->state)) && atomic_load(&slot->pid) <= 0 &&
           s->at[index].respawn_at == 0;
}

bool supervisor_start_all(struct supervisor *s) {
    uint32_t workers = atomic_load(&s->seg->header->workers);
    bool any = false;
    int error = 0;
    for (uint32_t i = 0; i < workers; i++) {
        bool there = !supervisor_is_vacant(s, i) || supervisor_spawn(s, i);
        error = there ? error : errno;
        any = any || there;
    }
    errno = error;
    return any;
}

static bool supervisor_wants(const struct supervisor *s, uint32_t index) {
    return index == RELAY_SLOT ? relay_process_wanted(s->seg)
                               : transcript_wanted(&s->seg->header->transcript);
}

/* Relay and transcript.  They cancel no standby, so they start only after a worker has (standby.h).
 */
static void supervisor_start_others(struct supervisor *s) {
    transcript_file_look(s->seg);
    if (standby_watches(s->seg->header) || s->stopping)
        return;
    for (uint32_t i = WORKERS_MAX; i < CHILD_SLOTS; i++) {
        if (supervisor_wants(s, i) && supervisor_is_vacant(s, i))
            supervisor_spawn(s, i);
    }
}

void supervisor_finish_retired(struct supervisor *s) {
    for (uint32_t i = atomic_load(&s->seg->header->workers); i < WORKERS_MAX; i++) {
        if (supervisor_is_vacant(s, i) && atomic_load(&s->seg->slots[i].state) == SLOT_DEAD)
            supervisor_spawn(s, i);
    }
}

/* ---- deaths ---- */

/* The dead process's slot, gate and bells.  A master that dies in here leaves `pid` as it was, so
 * that its successor does all of it again. */
static void supervisor_release(struct supervisor *s, struct slot *slot) {
    if (atomic_load(&slot->state) == SLOT_UNUSED)
        atomic_store(&slot->entry, 0);
    else
        atomic_store(&slot->state, SLOT_DEAD);
    FAULT("supervisor.reap.state");
    gate_repair(s->seg->gate, atomic_load(&slot->incarnation));
    FAULT("supervisor.reap.gate");
    atomic_store(&slot->pid, 0);
    process_ring_all(s->seg);
}

static void supervisor_replace(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    uint64_t now = clock_ms();
    struct respawn next = respawn_after(atomic_load(&slot->deaths), now - s->at[index].started_at);
    atomic_store(&slot->deaths, next.deaths);
    if (next.pause_ms == 0) {
        supervisor_spawn(s, index);
        return;
    }
    s->at[index].respawn_at = now + next.pause_ms;
    if (next.deaths == 2 && index == RELAY_SLOT)
        log_warn("the relay dies at its start; it is tried again and again, and the room goes on "
                 "without the other machines");
    if (index == RELAY_SLOT)
        relay_process_put_aside(s->seg);
}

/* A worker, or the transcript, has stored itself that it left nothing in the slot. */
static bool supervisor_retired(const struct supervisor *s, uint32_t index) {
    return index == RELAY_SLOT ? relay_process_retired(s->seg)
                               : atomic_load(&s->seg->slots[index].state) == SLOT_UNUSED;
}

static void supervisor_reap(struct supervisor *s, uint32_t index, struct process_end end) {
    struct slot *slot = &s->seg->slots[index];
    bool retired = supervisor_retired(s, index);
    char name[SLOT_NAME];
    supervisor_release(s, slot);
    bool cut_short = s->goodbye && index < WORKERS_MAX && !end.exited; /* its clients wait for it */
    if ((s->stopping && !cut_short) || (retired && index >= WORKERS_MAX)) {
        log_debug("%s ended", slot_name(index, name));
        return;
    }
    if (retired && index >= atomic_load(&s->seg->header->workers)) {
        log_info("worker %u ended: others have its clients", index);
        return;
    }
    if (!end.exited && fault_signal_is(end.status) && !atomic_load(&slot->fault))
        atomic_store(&slot->fault, (uint32_t)end.status);
    /* A master that dies before this leaves one uncounted: it is a number for people. */
    atomic_fetch_add(&slot->died, !retired);
    FAULT("supervisor.died.after");
    if (retired)
        log_debug("%s had retired; starting it again", slot_name(index, name));
    else
        process_log_death(index, end);
    supervisor_replace(s, index);
}

/* Valgrind has no pidfds, and its worker is this process's own child. */
static bool supervisor_ended_plain(const struct supervisor *s, struct slot *slot) {
    siginfo_t info = {0};
    if (!s->plain_fork || waitid(P_PID, (id_t)atomic_load(&slot->pid), &info, WEXITED | WNOHANG) ||
        info.si_pid == 0)
        return false;
    process_store_end(slot, info.si_code, info.si_status);
    return true;
}

static void supervisor_collect(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    if (supervisor_ended_plain(s, slot) || process_dead(slot))
        supervisor_reap(s, index, process_end(s->seg, slot));
}

/* The guardian is dead: another goes on over the same table. */
static void supervisor_guard(struct supervisor *s) {
    uint64_t lease = atomic_load(&s->seg->slots[GUARDIAN_SLOT].entry);
    if (!lease_lost(&s->seg->slots[GUARDIAN_SLOT], lease) ||
        !lease_due(&s->guarded, lease, clock_ms()))
        return;
    log_warn("the guardian is dead; starting another");
    FAULT("supervisor.guard.before");
    pid_t pid = process_clone(NULL, true);
    if (pid == 0)
        _exit(s->guardian(s->seg, lease));
    if (pid < 0)
        log_error_errno("cannot start a guardian");
    FAULT("supervisor.guard.after");
}

/* ---- the loop ---- */

/* The bell is silenced before the requests are looked at, so none is passed over. */
static void supervisor_silence_bell(const struct supervisor *s) {
    uint64_t rung;
    (void)!read(s->seg->slots[MASTER_SLOT].bell_fd, &rung, sizeof rung);
}

/* The upgrade has become certain: from now on a guardian's death is no reason to die. */
static void supervisor_settle(struct supervisor *s) {
    if (s->tentative && !standby_watches(s->seg->header)) {
        process_outlive_parent();
        s->tentative = false;
    }
}

/* Sleeps until a process dies, `ms` have passed, or, if `orders`, the bell rings: for an order or a
 * request.  Reaps the dead. */
static void supervisor_wait(struct supervisor *s, int ms, bool orders) {
    struct pollfd wait[2 + CHILD_SLOTS];
    uint32_t index[2 + CHILD_SLOTS];
    nfds_t n = 0;
    const struct slot *slots = s->seg->slots;
    wait[n++] = (struct pollfd){.fd = orders ? slots[MASTER_SLOT].bell_fd : -1, .events = POLLIN};
    uint64_t lease = atomic_load(&slots[GUARDIAN_SLOT].entry);
    bool due = s->guarded.replaced != lease; /* else another is started for it already */
    wait[n++] = (struct pollfd){.fd = due ? lease_pidfd(lease) : -1, .events = POLLIN};
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        if (atomic_load(&slots[i].pid) > 0) {
            index[n] = i;
            wait[n++] = (struct pollfd){.fd = atomic_load(&slots[i].pidfd), .events = POLLIN};
        }
    }
    supervisor_settle(s);
    watchdog_beat(s->seg); /* the timer could be set at first: see supervisor_init */
    if (poll(wait, n, ms) < 0)
        return;
    if (wait[0].revents & POLLIN)
        supervisor_silence_bell(s);
    if ((wait[1].revents & POLLIN) || !due)
        supervisor_guard(s);
    for (nfds_t i = 2; i < n; i++) {
        if ((wait[i].revents & POLLIN) || s->plain_fork)
            supervisor_collect(s, index[i]);
    }
}

static void supervisor_respawn_due(struct supervisor *s) {
    uint64_t now = clock_ms();
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        if (s->at[i].respawn_at != 0 && s->at[i].respawn_at <= now)
            supervisor_spawn(s, i);
    }
    supervisor_start_others(s);
}

/* Until the watchdog's next look, the alarm, or the next start that is due. */
static int supervisor_sleep_ms(const struct supervisor *s) {
    uint64_t now = clock_ms(), wait = watchdog_period(s->seg);
    if (s->alarm_at != 0 && s->alarm_at < now + wait)
        wait = s->alarm_at > now ? s->alarm_at - now : 0;
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        uint64_t at = s->at[i].respawn_at;
        if (at != 0 && at < now + wait)
            wait = at > now ? at - now : 0;
    }
    return (int)wait;
}

static enum supervisor_event supervisor_order(const struct supervisor *s) {
    switch (signals_take(s->seg->header)) {
    case ORDER_RELOAD: return SUPERVISOR_RELOAD;
    case ORDER_REOPEN: return SUPERVISOR_REOPEN;
    case ORDER_UPGRADE: return SUPERVISOR_UPGRADE;
    case ORDER_STOP: return SUPERVISOR_STOP;
    case ORDER_STORE: return SUPERVISOR_STORE;
    default: return SUPERVISOR_NOTHING;
    }
}

enum supervisor_event supervisor_run(struct supervisor *s) {
    for (;;) {
        supervisor_start_others(s);
        supervisor_respawn_due(s);
        if (s->alarm_at != 0 && s->alarm_at <= clock_ms()) {
            s->alarm_at = 0;
            return SUPERVISOR_ALARM;
        }
        if (atomic_load(&s->seg->slots[GUARDIAN_SLOT].pid) != s->named)
            return SUPERVISOR_GUARDIAN;
        enum supervisor_event event = supervisor_order(s);
        if (event != SUPERVISOR_NOTHING)
            return event;
        watchdog_look(&s->watchdog, s->seg, clock_ms());
        if (request_next(s->seg->requests)) /* rung or not: a worker may have died before it rang */
            return SUPERVISOR_REQUEST;
        supervisor_wait(s, supervisor_sleep_ms(s), true);
    }
}

static uint32_t supervisor_serving(const struct supervisor *s) {
    uint32_t serving = 0;
    for (int i = 0; i < WORKERS_MAX; i++)
        serving += atomic_load(&s->seg->slots[i].state) == SLOT_SERVING;
    return serving;
}

static bool supervisor_all_die(const struct supervisor *s) {
    uint32_t workers = atomic_load(&s->seg->header->workers);
    for (uint32_t i = 0; i < workers; i++) {
        if (atomic_load(&s->seg->slots[i].deaths) < SUPERVISOR_DEATHS)
            return false;
    }
    return true;
}

/* A worker that neither serves nor dies is left to the watchdog, which looks from supervisor_run.
 */
bool supervisor_await_serving(struct supervisor *s) {
    uint64_t now = clock_ms(), until = now + SUPERVISOR_SERVING_MS;
    uint32_t workers = atomic_load(&s->seg->header->workers), serving;
    bool any = false;
    for (; (serving = supervisor_serving(s)) < workers && now < until; now = clock_ms()) {
        if (serving == 0 && supervisor_all_die(s))
            return false;
        if (serving > 0 && !any && until > now + SUPERVISOR_REST_MS)
            until = now + SUPERVISOR_REST_MS;
        any |= serving > 0;
        supervisor_wait(s, 5, false);
        supervisor_respawn_due(s);
    }
    return true;
}

/* ---- a new master, and the end ---- */

void supervisor_take_over(struct supervisor *s) {
    process_ring_all(s->seg); /* each worker then watches this master */
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        struct slot *slot = &s->seg->slots[i];
        uint32_t state = atomic_load(&slot->state);
        watchdog_beat(s->seg);
        s->at[i].started_at = clock_ms();
        watchdog_begin(&s->watchdog, s->seg, i, s->at[i].started_at);
        if (state == SLOT_UNUSED && atomic_load(&slot->entry) == 0)
            continue;
        process_await_entry(slot);
        /* A process that entered is in order: if it is dead, poll says so by its pidfd.  Left are
         * slots that no process entered, and those reaped but not filled again. */
        bool reaped = state == SLOT_DEAD && atomic_load(&slot->pid) <= 0 &&
                      slot_dead(s->seg->slots, atomic_load(&slot->incarnation));
        if (atomic_load(&slot->pidfd) < 0 || reaped)
            supervisor_spawn(s, i);
    }
}

static const struct supervisor_kind {
    uint32_t first, end; /* slots */
} supervisor_workers = {0, WORKERS_MAX}, supervisor_others = {WORKERS_MAX, CHILD_SLOTS};

static bool supervisor_any_left(const struct supervisor *s, struct supervisor_kind of) {
    for (uint32_t i = of.first; i < of.end; i++) {
        if (atomic_load(&s->seg->slots[i].pid) > 0)
            return true;
    }
    return false;
}

/* Orders and requests wait meanwhile.  False if one is left. */
static bool supervisor_wait_all(struct supervisor *s, struct supervisor_kind of, uint64_t until) {
    while (supervisor_any_left(s, of) && clock_ms() < until)
        supervisor_wait(s, 50, false);
    return !supervisor_any_left(s, of);
}

static bool supervisor_kill(struct supervisor *s, struct supervisor_kind of, uint64_t ms) {
    for (uint32_t i = of.first; i < of.end; i++)
        process_signal(&s->seg->slots[i], SIGKILL);
    return supervisor_wait_all(s, of, clock_ms() + ms);
}

static void supervisor_ask(struct supervisor *s, uint32_t index) {
    if (index == RELAY_SLOT)
        relay_process_ask(s->seg);
    else
        transcript_file_end(s->seg);
}

/* Each is started that has died meanwhile, or had ended to be replaced: lines are left in the ring.
 * False: one does not answer. */
static bool supervisor_end_others(struct supervisor *s, uint64_t until) {
    bool due[CHILD_SLOTS], any = true;
    for (uint32_t i = WORKERS_MAX; i < CHILD_SLOTS; i++)
        due[i] = supervisor_wants(s, i);
    for (int tries = 0; tries < SUPERVISOR_DEATHS && any; tries++) {
        for (uint32_t i = WORKERS_MAX; i < CHILD_SLOTS; i++) {
            due[i] = due[i] && (atomic_load(&s->seg->slots[i].pid) > 0 || supervisor_spawn(s, i));
            supervisor_ask(s, i);
        }
        if (!supervisor_wait_all(s, supervisor_others, until))
            return false;
        any = false;
        for (uint32_t i = WORKERS_MAX; i < CHILD_SLOTS; i++)
            any |= due[i] = due[i] && atomic_load(&s->seg->slots[i].state) != SLOT_UNUSED;
    }
    return true;
}

/* After the last line of the last worker. */
static void supervisor_stop_others(struct supervisor *s, uint64_t until) {
    uint64_t least = clock_ms() + SUPERVISOR_LAST_MS;
    if (supervisor_end_others(s, until > least ? until : least))
        return;
    if (atomic_load(&s->seg->slots[RELAY_SLOT].pid) > 0)
        log_error("relay: it does not end; other machines may lack what was said last");
    if (atomic_load(&s->seg->slots[TRANSCRIPT_SLOT].pid) > 0)
        log_error("transcript: its disk does not answer; what was said last is not in the file");
    supervisor_kill(s, supervisor_others, SUPERVISOR_HUNG_MS);
}

/* A predecessor may have died as it did this: workers that have ended by then have said it. */
void supervisor_stop(struct supervisor *s, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    if (!atomic_load(&s->seg->header->shutdown))
        supervisor_wait(s, 0, false); /* those that died before have clients to say goodbye to */
    s->stopping = s->goodbye = true;
    atomic_store(&s->seg->header->shutdown, SHUTDOWN_BEGUN);
    process_ring_all(s->seg);
    supervisor_wait_all(s, supervisor_workers, until);
    s->goodbye = false;
    supervisor_kill(s, supervisor_workers, SUPERVISOR_HUNG_MS);
    supervisor_stop_others(s, until);
}

void supervisor_leave(struct supervisor *s, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    s->stopping = true;
    supervisor_kill(s, supervisor_workers, SUPERVISOR_KILL_MS);
    supervisor_stop_others(s, until);
}

bool supervisor_kill_all(struct supervisor *s) {
    s->stopping = true;
    bool all = supervisor_kill(s, supervisor_others, SUPERVISOR_HUNG_MS) &&
               supervisor_kill(s, supervisor_workers, SUPERVISOR_KILL_MS);
    s->stopping = false;
    return all;
}

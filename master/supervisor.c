/* supervisor.c - see supervisor.h. */
#include "master/supervisor.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/fault_signals.h"
#include "ipc/log.h"
#include "ipc/system.h"
#include "master/process.h"
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
#include <unistd.h>

enum {
    SUPERVISOR_RETRY_MS = 1000, /* after the kernel refused a process */
    SUPERVISOR_KILL_MS = 5000,
    SUPERVISOR_HUNG_MS = 200, /* for a process that was killed, at the end */
    SUPERVISOR_SERVING_MS = 5000,
    SUPERVISOR_DEATHS = 3 /* in a row: it will not serve */
};

/* ---- making ---- */

static bool supervisor_failed(const char *what, char *err, size_t err_size) {
    snprintf(err, err_size, "%s: %s", what, strerror(errno));
    return false;
}

bool supervisor_make_descriptors(struct segment *seg, char *err, size_t err_size) {
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &seg->slots[i];
        if (slot->epoll_fd < 0)
            slot->epoll_fd = epoll_create1(0);
        if (slot->epoll_fd < 0)
            return supervisor_failed("epoll_create1", err, err_size);
        if (slot->bell_fd < 0)
            slot->bell_fd = eventfd(0, EFD_NONBLOCK);
        if (slot->bell_fd < 0)
            return supervisor_failed("eventfd", err, err_size);
    }
    struct slot *master = &seg->slots[MASTER_SLOT];
    if (master->bell_fd < 0)
        master->bell_fd = eventfd(0, EFD_NONBLOCK);
    if (master->bell_fd < 0)
        return supervisor_failed("eventfd", err, err_size);
    seg->slots[TRANSCRIPT_SLOT].bell_fd = eventfd(0, EFD_NONBLOCK);
    if (seg->slots[TRANSCRIPT_SLOT].bell_fd < 0)
        return supervisor_failed("eventfd", err, err_size);
    seg->header->master.watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    return seg->header->master.watchdog_fd >= 0 ||
           supervisor_failed("timerfd_create", err, err_size);
}

bool supervisor_init(struct supervisor *s, struct segment *seg, worker_entry entry, bool took_over,
                     char *err, size_t err_size) {
    struct slot *master = &seg->slots[MASTER_SLOT];
    memset(s, 0, sizeof *s);
    s->seg = seg;
    s->entry = entry;
    s->plain_fork = process_plain_fork();
    atomic_store(&master->incarnation, segment_incarnation(seg, MASTER_SLOT));
    atomic_store(&master->fault, 0);
    s->alarm_at = clock_ms() + SUPERVISOR_ALARM_MS; /* a predecessor's may be due */
    if (!watchdog_beat(seg))
        return supervisor_failed("timerfd_settime", err, err_size);
    s->signal_fd = signals_open(seg->header, took_over);
    return s->signal_fd >= 0 || supervisor_failed("signalfd", err, err_size);
}

/* ---- starting ---- */

/* The child.  Returns its exit status. */
static int supervisor_child(struct supervisor *s, uint32_t index, uint64_t incarnation) {
    bool wanted = (index == TRANSCRIPT_SLOT || standby_cancel(s->seg->header)) &&
                  slot_enter(&s->seg->slots[index], incarnation);
    return wanted ? s->entry(s->seg, index, incarnation) : 0;
}

/* The child stores its pidfd too, in case its starter dies first: the first one stored counts. */
static void supervisor_record(struct supervisor *s, struct slot *slot, pid_t pid, int pidfd) {
    int none = -1;
    FAULT("supervisor.spawn.cloned");
    atomic_store(&slot->pid, pid);
    if (s->plain_fork) /* the child stored a number of its own table */
        atomic_store(&slot->pidfd, (int)syscall(SYS_pidfd_open, pid, 0));
    if (pidfd >= 0 && !atomic_compare_exchange_strong(&slot->pidfd, &none, pidfd))
        close(pidfd);
    FAULT("supervisor.spawn.after");
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
    struct slot *slot = &s->seg->slots[index];
    uint64_t incarnation = segment_incarnation(s->seg, index);
    char name[SLOT_NAME];
    FAULT("supervisor.spawn.before");
    if (index == TRANSCRIPT_SLOT)
        supervisor_prepare_transcript(s->seg);
    slot_invite(slot, incarnation);
    int pidfd = -1;
    pid_t pid = s->plain_fork ? fork() : process_clone(&pidfd);
    if (pid == 0)
        _exit(supervisor_child(s, index, incarnation));
    s->at[index].started_at = clock_ms();
    if (pid < 0) {
        log_warn_errno("cannot start %s", slot_name(index, name));
        s->at[index].respawn_at = s->at[index].started_at + SUPERVISOR_RETRY_MS;
        return false;
    }
    supervisor_record(s, slot, pid, pidfd);
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

/* It cancels no standby, so it starts only after a worker has (standby.h). */
static void supervisor_start_transcript(struct supervisor *s) {
    transcript_file_look(s->seg);
    if (transcript_wanted(&s->seg->header->transcript) && !s->stopping &&
        !standby_watches(s->seg->header) && supervisor_is_vacant(s, TRANSCRIPT_SLOT))
        supervisor_spawn(s, TRANSCRIPT_SLOT);
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
static void supervisor_release(struct supervisor *s, struct slot *slot, bool retired) {
    if (retired)
        atomic_store(&slot->entry, 0);
    else
        atomic_store(&slot->state, SLOT_DEAD);
    FAULT("supervisor.reap.state");
    gate_repair(s->seg->gate, atomic_load(&slot->incarnation));
    FAULT("supervisor.reap.gate");
    atomic_store(&slot->pid, 0);
    process_ring_all(s->seg);
}

static void supervisor_log_death(uint32_t index, const siginfo_t *info, bool retired) {
    char name[SLOT_NAME];
    slot_name(index, name);
    if (retired)
        log_debug("%s had retired; starting it again", name);
    else if (info->si_code == CLD_EXITED)
        log_warn("%s exited with status %d; replacing it", name, info->si_status);
    else if (info->si_status == 0)
        log_warn("%s has died; replacing it", name);
    else
        log_warn("%s was killed by signal %d (%s); replacing it", name, info->si_status,
                 strsignal(info->si_status));
}

static void supervisor_replace(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    uint64_t now = clock_ms();
    struct respawn next = respawn_after(atomic_load(&slot->deaths), now - s->at[index].started_at);
    atomic_store(&slot->deaths, next.deaths);
    if (next.pause_ms == 0)
        supervisor_spawn(s, index);
    else
        s->at[index].respawn_at = now + next.pause_ms;
}

static void supervisor_reap(struct supervisor *s, uint32_t index, const siginfo_t *info) {
    struct slot *slot = &s->seg->slots[index];
    /* Stored by the worker itself, under the gate: it has left nothing in the slot. */
    bool retired = atomic_load(&slot->state) == SLOT_UNUSED;
    char name[SLOT_NAME];
    supervisor_release(s, slot, retired);
    if (s->stopping || (retired && index == TRANSCRIPT_SLOT)) {
        log_debug("%s ended", slot_name(index, name));
        return;
    }
    if (retired && index >= atomic_load(&s->seg->header->workers)) {
        log_info("worker %u ended: others have its clients", index);
        return;
    }
    if (info->si_code != CLD_EXITED && fault_signal_is(info->si_status) &&
        !atomic_load(&slot->fault))
        atomic_store(&slot->fault, (uint32_t)info->si_status);
    /* A master that dies before this leaves one uncounted: it is a number for people. */
    atomic_fetch_add(&slot->died, !retired);
    FAULT("supervisor.died.after");
    supervisor_log_death(index, info, retired);
    supervisor_replace(s, index);
}

/* Finds out how the process ended.  A master that took over is not the parent of its predecessor's
 * workers: it learns only that one died, and the signal from the worker's own fault handler. */
static void supervisor_collect(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    int pidfd = atomic_load(&slot->pidfd);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int got = pidfd >= 0 ? waitid(SYSTEM_P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG)
                         : waitid(P_PID, (id_t)atomic_load(&slot->pid), &info, WEXITED | WNOHANG);
    if (got == 0 && info.si_pid == 0)
        return; /* it has not ended */
    if (got != 0) {
        bool gone = atomic_load(&slot->state) == SLOT_UNUSED;
        info.si_code = gone ? CLD_EXITED : CLD_KILLED;
        info.si_status = gone ? 0 : (int)atomic_load(&slot->fault);
    }
    supervisor_reap(s, index, &info);
}

/* The slot of a process; CHILD_SLOTS: it is in none. */
static uint32_t supervisor_slot_of(const struct supervisor *s, pid_t pid) {
    uint32_t index = 0;
    while (index < CHILD_SLOTS && atomic_load(&s->seg->slots[index].pid) != pid)
        index++;
    return index;
}

/* False: nothing can be done about the child yet. */
static bool supervisor_child_changed(struct supervisor *s, pid_t pid, bool stopped) {
    uint32_t index = supervisor_slot_of(s, pid);
    const struct master_state *state = &s->seg->header->master;
    siginfo_t info;
    if (stopped) {
        waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG);
        if (index < CHILD_SLOTS)
            watchdog_stopped(s->seg, index);
    } else if (index < CHILD_SLOTS) {
        supervisor_collect(s, index);
    } else if (pid == state->standby_pid) {
        standby_reap(s->seg->header, 0);
        return state->standby_pid == 0;
    } else {
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
    }
    return true;
}

/* SIGCHLD: a child was stopped, or ended.  Not every child is the server's: process 1 of a
 * container inherits each orphan, and the program that executed this one may have had children.  A
 * worker's death is found by its pidfd too, but not reaped here it would hide the children behind
 * it. */
static void supervisor_children(struct supervisor *s) {
    siginfo_t info;
    do {
        memset(&info, 0, sizeof info);
        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid == 0)
            return;
    } while (supervisor_child_changed(s, info.si_pid,
                                      info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED));
}

/* ---- the loop ---- */

/* The bell is silenced before the requests are looked at, so none is passed over. */
static void supervisor_silence_bell(const struct supervisor *s) {
    uint64_t rung;
    (void)!read(s->seg->slots[MASTER_SLOT].bell_fd, &rung, sizeof rung);
}

/* Sleeps until a worker dies, `ms` have passed, or, if `orders`, a signal is pending or a request
 * waits.  Reaps the dead. */
static void supervisor_wait(struct supervisor *s, int ms, bool orders) {
    struct pollfd wait[2 + CHILD_SLOTS];
    uint32_t index[2 + CHILD_SLOTS];
    nfds_t n = 0;
    int bell = s->seg->slots[MASTER_SLOT].bell_fd;
    wait[n++] = (struct pollfd){.fd = orders ? s->signal_fd : -1, .events = POLLIN};
    wait[n++] = (struct pollfd){.fd = orders ? bell : -1, .events = POLLIN};
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        if (atomic_load(&s->seg->slots[i].pid) > 0) {
            index[n] = i;
            wait[n++] =
                (struct pollfd){.fd = atomic_load(&s->seg->slots[i].pidfd), .events = POLLIN};
        }
    }
    watchdog_beat(s->seg); /* the timer could be set at first: see supervisor_init */
    if (poll(wait, n, ms) < 0)
        return;
    if (wait[1].revents & POLLIN)
        supervisor_silence_bell(s);
    for (nfds_t i = 2; i < n; i++) {
        if ((wait[i].revents & POLLIN) || s->plain_fork) /* valgrind has no pidfds */
            supervisor_collect(s, index[i]);
    }
}

static void supervisor_respawn_due(struct supervisor *s) {
    uint64_t now = clock_ms();
    for (uint32_t i = 0; i < CHILD_SLOTS; i++) {
        if (s->at[i].respawn_at != 0 && s->at[i].respawn_at <= now)
            supervisor_spawn(s, i);
    }
    supervisor_start_transcript(s);
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

enum supervisor_event supervisor_run(struct supervisor *s) {
    supervisor_children(s); /* those that ended before SIGCHLD was blocked */
    for (;;) {
        supervisor_start_transcript(s);
        supervisor_wait(s, supervisor_sleep_ms(s), true);
        if (s->seg->header->master.standby_pid > 0)
            standby_reap(s->seg->header, 0); /* a worker may have cancelled it by now */
        supervisor_respawn_due(s);
        if (s->alarm_at != 0 && s->alarm_at <= clock_ms()) {
            s->alarm_at = 0;
            return SUPERVISOR_ALARM;
        }
        for (enum signals_order order; (order = signals_read(s->signal_fd)) != SIGNALS_NONE;) {
            switch (order) {
            case SIGNALS_NONE: break;
            case SIGNALS_CHILD: supervisor_children(s); break;
            case SIGNALS_RELOAD: return SUPERVISOR_RELOAD;
            case SIGNALS_REOPEN: return SUPERVISOR_REOPEN;
            case SIGNALS_UPGRADE: return SUPERVISOR_UPGRADE;
            case SIGNALS_STOP: return SUPERVISOR_STOP;
            }
        }
        watchdog_look(&s->watchdog, s->seg, clock_ms());
        if (request_next(s->seg->requests)) /* rung or not: a worker may have died before it rang */
            return SUPERVISOR_REQUEST;
    }
}

static bool supervisor_any_serves(const struct supervisor *s) {
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (atomic_load(&s->seg->slots[i].state) == SLOT_SERVING)
            return true;
    }
    return false;
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
    uint64_t until = clock_ms() + SUPERVISOR_SERVING_MS;
    while (!supervisor_any_serves(s) && clock_ms() < until) {
        if (supervisor_all_die(s))
            return false;
        supervisor_wait(s, 5, false);
        supervisor_respawn_due(s);
    }
    return true;
}

/* ---- a new master, and the end ---- */

/* A process that was cloned stores its pidfd two system calls later.  Returns when it has, or when
 * its invitation is revoked and it will never enter. */
static void supervisor_await_entry(struct slot *slot) {
    for (int wait = 0; wait < 1000 && !slot_revoke(slot) && atomic_load(&slot->pidfd) < 0; wait++)
        usleep(1000);
}

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
        supervisor_await_entry(slot);
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
} supervisor_workers = {0, WORKERS_MAX}, supervisor_transcript = {TRANSCRIPT_SLOT, CHILD_SLOTS};

static bool supervisor_any_left(const struct supervisor *s, struct supervisor_kind of) {
    for (uint32_t i = of.first; i < of.end; i++) {
        if (atomic_load(&s->seg->slots[i].pid) > 0)
            return true;
    }
    return false;
}

/* Signals stay pending meanwhile, for the master after an upgrade.  False if one is left. */
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

/* One that has died meanwhile, or had ended for another file, is replaced: lines are left in the
 * ring.  False: it does not answer. */
static bool supervisor_end_transcript(struct supervisor *s, uint64_t until) {
    const struct slot *slot = &s->seg->slots[TRANSCRIPT_SLOT];
    for (int tries = 0; tries < SUPERVISOR_DEATHS; tries++) {
        if (!supervisor_any_left(s, supervisor_transcript) && !supervisor_spawn(s, TRANSCRIPT_SLOT))
            return true;
        transcript_file_end(s->seg);
        if (!supervisor_wait_all(s, supervisor_transcript, until))
            return false;
        if (atomic_load(&slot->state) == SLOT_UNUSED)
            return true;
    }
    return true;
}

/* After the last line of the last worker. */
static void supervisor_stop_transcript(struct supervisor *s, uint64_t until) {
    uint64_t least = clock_ms() + SUPERVISOR_LAST_MS;
    if (!transcript_wanted(&s->seg->header->transcript) ||
        supervisor_end_transcript(s, until > least ? until : least))
        return;
    log_error("transcript: its disk does not answer; what was said last is not in the file");
    supervisor_kill(s, supervisor_transcript, SUPERVISOR_HUNG_MS);
}

void supervisor_stop(struct supervisor *s, uint32_t ms) {
    uint64_t until = clock_ms() + ms;
    s->stopping = true;
    atomic_store(&s->seg->header->shutdown, 1);
    process_ring_all(s->seg);
    supervisor_wait_all(s, supervisor_workers, until);
    supervisor_kill(s, supervisor_workers, SUPERVISOR_HUNG_MS);
    supervisor_stop_transcript(s, until);
}

bool supervisor_kill_all(struct supervisor *s) {
    s->stopping = true;
    bool all = supervisor_kill(s, supervisor_transcript, SUPERVISOR_HUNG_MS) &&
               supervisor_kill(s, supervisor_workers, SUPERVISOR_KILL_MS);
    s->stopping = false;
    return all;
}

/* supervisor.c - see supervisor.h. */
#include "master/supervisor.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "master/standby.h"
#include "master/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACK_OFF_MS = 10, BACK_OFF_MAX_MS = 1000, KILL_MS = 5000 };

bool supervisor_slots(struct segment *seg) {
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &seg->slots[i];
        if (slot->epoll_fd < 0)
            slot->epoll_fd = epoll_create1(0);
        if (slot->bell_fd < 0)
            slot->bell_fd = eventfd(0, EFD_NONBLOCK);
        if (slot->epoll_fd < 0 || slot->bell_fd < 0)
            return false;
    }
    seg->header->master.watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    return seg->header->master.watchdog_fd >= 0;
}

static const int handled[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGQUIT};
enum { HANDLED = sizeof handled / sizeof handled[0] };

static void handled_signals(sigset_t *set) {
    sigemptyset(set);
    for (int i = 0; i < HANDLED; i++)
        sigaddset(set, handled[i]);
}

/* A predecessor was told, stood still, and was killed for it: now we are told. */
static void inherit_signals(struct segment_header *header) {
    uint64_t pending = atomic_exchange(&header->signals, 0);
    for (int i = 1; i < HANDLED; i++) {
        if (pending >> (handled[i] - 1) & 1)
            kill(getpid(), handled[i]);
    }
}

bool supervisor_init(struct supervisor *s, struct segment *seg, worker_entry entry,
                     bool took_over) {
    memset(s, 0, sizeof *s);
    s->seg = seg;
    s->entry = entry;
    s->plain_fork = getenv(PLAIN_FORK_ENV) != NULL;
    s->me = segment_incarnation(seg, MASTER_SLOT);
    atomic_store(&seg->slots[MASTER_SLOT].incarnation, s->me);
    atomic_store(&seg->slots[MASTER_SLOT].fault, 0);
    watchdog_beat(seg);
    sigset_t set;
    handled_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    signal(SIGPIPE, SIG_IGN);
    inherit_signals(seg->header);
    int *shared = &seg->header->master.signal_fd; /* a dead master's is still open */
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    int old = *shared;
    *shared = s->signal_fd; /* first: once it is closed, the number may be a client's */
    if (took_over && old > 0)
        close(old);
    for (int i = 0; i < WORKERS_MAX; i++)
        s->watch[i].patience = 0;
    s->alarm_at = clock_ms() + SUPERVISOR_ALARM_MS; /* a predecessor's may be due */
    return s->signal_fd >= 0;
}

/* A fork that shares the descriptor table.  No stack is given, so the child goes on with a copy of
 * ours; the pidfd is made by the same call, so that no death is ever missed. */
static pid_t clone_sharing(int *pidfd) {
    return (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
}

bool supervisor_spawn(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    uint64_t incarnation = segment_incarnation(s->seg, index);
    FAULT("supervisor.spawn.before");
    slot_invite(slot, incarnation);
    int pidfd = -1, none = -1;
    pid_t pid = s->plain_fork ? fork() : clone_sharing(&pidfd);
    if (pid == 0)
        _exit(standby_cancel(s->seg->header) && slot_enter(slot, incarnation)
                  ? s->entry(s->seg, index, incarnation)
                  : 0);
    if (pid < 0) {
        log_warn_errno("cannot start worker %u", index);
        s->watch[index].respawn_at = clock_ms() + BACK_OFF_MAX_MS;
        return false;
    }
    FAULT("supervisor.spawn.cloned");
    atomic_store(&slot->pid, pid);
    if (s->plain_fork) /* the child has written its own table's */
        atomic_store(&slot->pidfd, (int)syscall(SYS_pidfd_open, pid, 0));
    if (pidfd >= 0 && !atomic_compare_exchange_strong(&slot->pidfd, &none, pidfd))
        close(pidfd);
    FAULT("supervisor.spawn.after");
    s->watch[index].respawn_at = 0;
    s->watch[index].since = clock_ms();
    s->watch[index].heartbeat = atomic_load(&slot->heartbeat);
    log_info("worker %u: pid %d", index, (int)pid);
    return true;
}

/* Nobody is in it, nobody is on the way into it, and nobody waits to be started in it. */
static bool is_vacant(const struct supervisor *s, uint32_t index) {
    const struct slot *slot = &s->seg->slots[index];
    return !slot_alive(atomic_load(&slot->state)) && atomic_load(&slot->pid) <= 0 &&
           s->watch[index].respawn_at == 0;
}

void supervisor_start_all(struct supervisor *s) {
    uint32_t workers = atomic_load(&s->seg->header->workers);
    for (uint32_t i = 0; i < workers; i++) {
        if (is_vacant(s, i))
            supervisor_spawn(s, i);
    }
}

void supervisor_finish_retired(struct supervisor *s) {
    for (uint32_t i = atomic_load(&s->seg->header->workers); i < WORKERS_MAX; i++) {
        if (is_vacant(s, i) && atomic_load(&s->seg->slots[i].state) == SLOT_DEAD)
            supervisor_spawn(s, i);
    }
}

void supervisor_ring(struct supervisor *s) {
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &s->seg->slots[i];
        uint64_t one = 1;
        if (slot_alive(atomic_load(&slot->state)))
            (void)!write(slot->bell_fd, &one, sizeof one);
    }
}

void supervisor_signal(struct supervisor *s, uint32_t index, int signo) {
    struct slot *slot = &s->seg->slots[index];
    pid_t pid = atomic_load(&slot->pid);
    int pidfd = atomic_load(&slot->pidfd);
    if (pid > 0 && pidfd >= 0)
        syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
    else if (pid > 0)
        kill(pid, signo);
}

static bool own_fault(int signo) {
    return signo == SIGSEGV || signo == SIGBUS || signo == SIGABRT || signo == SIGILL ||
           signo == SIGFPE;
}

/* The dead one's slot, lock and bells: as far as it gets, a successor can do it again. */
static void supervisor_reap(struct supervisor *s, uint32_t index, const siginfo_t *info) {
    struct slot *slot = &s->seg->slots[index];
    uint64_t dead = atomic_load(&slot->incarnation);
    /* The worker itself says that nothing is left in the slot, under the gate. */
    bool retired = atomic_load(&slot->state) == SLOT_UNUSED;
    if (retired)
        atomic_store(&slot->entry, 0);
    else
        atomic_store(&slot->state, SLOT_DEAD);
    FAULT("supervisor.reap.state");
    gate_repair(s->seg->gate, dead);
    FAULT("supervisor.reap.gate");
    atomic_store(&slot->pid, 0); /* until now, a master in place of this one buries it again */
    supervisor_ring(s);
    if ((retired && index >= atomic_load(&s->seg->header->workers)) || s->stopping) {
        if (s->stopping)
            log_debug("worker %u ended", index);
        else
            log_info("worker %u ended: others have its clients", index);
        return;
    }
    if (info->si_code != CLD_EXITED && own_fault(info->si_status) && !atomic_load(&slot->fault))
        atomic_store(&slot->fault, (uint32_t)info->si_status);
    uint32_t deaths = atomic_fetch_add(&slot->deaths, 1);
    if (retired)
        log_debug("worker %u had retired; starting it again", index);
    else if (info->si_code == CLD_EXITED)
        log_warn("worker %u exited with status %d; replacing it", index, info->si_status);
    else if (info->si_status == 0)
        log_warn("worker %u has died; replacing it", index);
    else
        log_warn("worker %u was killed by signal %d (%s); replacing it", index, info->si_status,
                 strsignal(info->si_status));
    if (deaths == 0) {
        supervisor_spawn(s, index);
        return;
    }
    uint64_t wait = deaths < 8 ? (uint64_t)BACK_OFF_MS << deaths : BACK_OFF_MAX_MS;
    s->watch[index].respawn_at = clock_ms() + (wait < BACK_OFF_MAX_MS ? wait : BACK_OFF_MAX_MS);
}

/* How it ended.  A master that took over from a dead one is not the parent of its workers: then
 * only the fact is known, and what the worker's own fault handler left in its slot. */
static void supervisor_collect(struct supervisor *s, uint32_t index) {
    struct slot *slot = &s->seg->slots[index];
    int pidfd = atomic_load(&slot->pidfd);
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int got = pidfd >= 0 ? waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG)
                         : waitid(P_PID, (id_t)atomic_load(&slot->pid), &info, WEXITED | WNOHANG);
    if (got == 0 && info.si_pid == 0)
        return; /* not dead after all */
    if (got != 0) {
        bool gone = atomic_load(&slot->state) == SLOT_UNUSED;
        info.si_code = gone ? CLD_EXITED : CLD_KILLED;
        info.si_status = gone ? 0 : (int)atomic_load(&slot->fault);
    }
    supervisor_reap(s, index, &info);
}

/* Stops are told by SIGCHLD; deaths by the pidfds. */
static void supervisor_stopped(struct supervisor *s) {
    for (;;) {
        siginfo_t info;
        memset(&info, 0, sizeof info);
        if (waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0)
            return;
        for (uint32_t i = 0; i < WORKERS_MAX; i++) {
            if (atomic_load(&s->seg->slots[i].pid) == info.si_pid)
                watchdog_stopped(s, i);
        }
    }
}

/* Sleeps until a death, `ms`, or a signal, if there is somebody to read it; sees to the dead. */
static void supervisor_wait(struct supervisor *s, int ms, bool signals) {
    struct pollfd wait[1 + WORKERS_MAX];
    uint32_t index[1 + WORKERS_MAX];
    nfds_t n = 0;
    wait[n++] = (struct pollfd){.fd = signals ? s->signal_fd : -1, .events = POLLIN};
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        if (atomic_load(&s->seg->slots[i].pid) > 0) {
            index[n] = i;
            wait[n++] =
                (struct pollfd){.fd = atomic_load(&s->seg->slots[i].pidfd), .events = POLLIN};
        }
    }
    watchdog_beat(s->seg);
    if (poll(wait, n, ms) < 0)
        return;
    for (nfds_t i = 1; i < n; i++) {
        if ((wait[i].revents & POLLIN) || s->plain_fork) /* valgrind has no pidfds */
            supervisor_collect(s, index[i]);
    }
}

static void supervisor_respawn_due(struct supervisor *s) {
    uint64_t now = clock_ms();
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        if (s->watch[i].respawn_at != 0 && s->watch[i].respawn_at <= now)
            supervisor_spawn(s, i);
    }
}

/* Until the next look of the watchdog, or the next start that was put off. */
static int supervisor_patience(const struct supervisor *s) {
    uint64_t now = clock_ms(), wait = watchdog_period(s);
    if (s->alarm_at != 0 && s->alarm_at < now + wait)
        wait = s->alarm_at > now ? s->alarm_at - now : 0;
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        uint64_t at = s->watch[i].respawn_at;
        if (at != 0 && at < now + wait)
            wait = at > now ? at - now : 0;
    }
    return (int)wait;
}

enum supervisor_event supervisor_run(struct supervisor *s) {
    for (;;) {
        supervisor_wait(s, supervisor_patience(s), true);
        if (s->seg->header->master.standby_pid > 0)
            standby_reap(s->seg->header, 0); /* its first worker may have come late */
        supervisor_respawn_due(s);
        if (s->alarm_at != 0 && s->alarm_at <= clock_ms()) {
            s->alarm_at = 0;
            return SUPERVISOR_ALARM;
        }
        struct signalfd_siginfo info;
        while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
            switch (info.ssi_signo) {
            case SIGCHLD: supervisor_stopped(s); break;
            case SIGHUP: return SUPERVISOR_RELOAD;
            case SIGUSR1: return SUPERVISOR_REOPEN;
            case SIGUSR2: return SUPERVISOR_UPGRADE;
            default: return SUPERVISOR_STOP;
            }
        }
        watchdog_look(s);
    }
}

void supervisor_take_over(struct supervisor *s) {
    supervisor_ring(s); /* that they watch us from now on */
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &s->seg->slots[i];
        uint32_t state = atomic_load(&slot->state);
        watchdog_beat(s->seg);
        s->watch[i].since = clock_ms();
        s->watch[i].heartbeat = atomic_load(&slot->heartbeat);
        if (state == SLOT_UNUSED && atomic_load(&slot->entry) == 0)
            continue;
        /* Entered and alive, or entered and dead (its pidfd will say so): nothing to be done here.
         */
        for (int wait = 0; wait < 1000 && !slot_revoke(slot) && atomic_load(&slot->pidfd) < 0;
             wait++)
            usleep(1000); /* it is two system calls away from recording itself */
        bool buried = state == SLOT_DEAD && atomic_load(&slot->pid) <= 0 &&
                      slot_dead(s->seg->slots, atomic_load(&slot->incarnation));
        if (atomic_load(&slot->pidfd) < 0 || buried)
            supervisor_spawn(s, i);
    }
}

void slots_reap_all(struct segment *seg) {
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        struct slot *slot = &seg->slots[i];
        atomic_store(&slot->entry, 0);
        atomic_store(&slot->pid, 0);
        atomic_store(&slot->pidfd, -1);
        if (atomic_load(&slot->state) == SLOT_UNUSED)
            continue;
        atomic_store(&slot->state, SLOT_DEAD);
        gate_repair(seg->gate, atomic_load(&slot->incarnation));
    }
}

static bool anyone_left(struct supervisor *s) {
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (atomic_load(&s->seg->slots[i].pid) > 0)
            return true;
    }
    return false;
}

static void supervisor_kill(struct supervisor *s) {
    for (uint32_t i = 0; i < WORKERS_MAX; i++)
        supervisor_signal(s, i, SIGKILL);
}

static void supervisor_wait_all(struct supervisor *s, uint64_t until) {
    while (anyone_left(s) && clock_ms() < until)
        supervisor_wait(s, 50, false); /* signals are for whoever goes on, the upgraded too */
}

void supervisor_stop(struct supervisor *s, uint32_t ms) {
    s->stopping = true;
    atomic_store(&s->seg->header->shutdown, 1);
    supervisor_ring(s);
    supervisor_wait_all(s, clock_ms() + ms);
    supervisor_kill(s);
    supervisor_wait_all(s, clock_ms() + 1000);
}

bool supervisor_kill_all(struct supervisor *s) {
    s->stopping = true;
    supervisor_kill(s);
    supervisor_wait_all(s, clock_ms() + KILL_MS);
    s->stopping = false;
    return !anyone_left(s);
}

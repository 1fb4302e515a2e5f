/* guardian.c - see guardian.h. */
#include "master/guardian.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/fault_signals.h"
#include "ipc/lease.h"
#include "ipc/log.h"
#include "ipc/system.h"
#include "master/control_socket.h"
#include "master/conversion.h"
#include "master/notify.h"
#include "master/pidfile.h"
#include "master/process.h"
#include "master/respawn.h"
#include "master/signals.h"
#include "master/standby.h"
#include "master/upgrade.h"
#include "master/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    GUARDIAN_SUSPECT_MS = 1000,
    GUARDIAN_BEAT_MS = 250,   /* of an upgrade */
    GUARDIAN_RETRY_MS = 1000, /* after the kernel refused a process */
    GUARDIAN_STOP_MS = 4900,  /* of the 5 seconds in which the server ends */
    GUARDIAN_STORE_MS = 10000,
    GUARDIAN_DEATHS = 5, /* of the first master: it will not serve */
    GUARDIAN_REST_MS = 100
};

static struct slot *guardian_master(const struct guardian *g) {
    return &g->seg->slots[MASTER_SLOT];
}

/* ---- a guardian's beginning ---- */

static bool guardian_make(struct guardian *g, struct segment *seg, uint64_t lease, char *err,
                          size_t err_size) {
    struct slot *slot = &seg->slots[GUARDIAN_SLOT];
    memset(g, 0, sizeof *g);
    g->seg = seg;
    FAULT("guardian.make.before");
    bool took = lease_take(slot, lease);
    snprintf(err, err_size, "pidfd_open: %s", strerror(errno));
    if (!took && !process_plain_fork()) /* valgrind: no pidfds */
        return false;
    FAULT("guardian.make.lease");
    atomic_store(&slot->pid, getpid()); /* also where it took none */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    g->started_at = clock_ms();
    manager_begin(&g->manager, g->started_at);
    return true;
}

static bool guardian_listen(struct guardian *g, bool took_over, char *err, size_t err_size) {
    g->signal_fd = signals_open(g->seg->header, took_over);
    if (g->signal_fd < 0)
        snprintf(err, err_size, "signalfd: %s", strerror(errno));
    return g->signal_fd >= 0;
}

bool guardian_begin(struct guardian *g, struct segment *seg, char *err, size_t err_size) {
    seg->header->master.oom_score = system_oom_score();
    return guardian_make(g, seg, 0, err, err_size) && guardian_listen(g, false, err, err_size);
}

/* A binary before this one, that returned from here, may have left its master. */
static void guardian_kill_children(struct segment *seg) {
    for (int i = 0; i <= MASTER_SLOT; i++) {
        pid_t pid = atomic_load(&seg->slots[i].pid);
        if (pid > 0 &&
            waitpid(pid, NULL, WNOHANG) == 0) { /* this process's child: no other's pid */
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
}

/* A signal to end that another guardian heard, or the binary before, has its bound here, too. */
static void guardian_stop_goes_on(struct guardian *g) {
    if (signals_pending(g->seg->header, ORDER_STOP) || signals_pending(g->seg->header, ORDER_STORE))
        g->stop_until = g->started_at + GUARDIAN_STOP_MS;
}

/* The execve closed the pidfd in the lease. */
bool guardian_adopt(struct guardian *g, struct segment *seg, char *err, size_t err_size) {
    FAULT("guardian.adopt.before");
    guardian_kill_children(seg);
    process_reap_all(seg);
    FAULT("guardian.adopt.reaped");
    atomic_store(&seg->header->execute, upgrade_returned() ? EXECUTE_NONE : EXECUTE_DONE);
    atomic_fetch_and(&seg->header->doing, ~(uint32_t)ORDER_UPGRADE);
    if (!guardian_make(g, seg, lease_void(&seg->slots[GUARDIAN_SLOT]), err, err_size) ||
        !guardian_listen(g, false, err, err_size))
        return false;
    g->next = upgrade_returned() ? MASTER_RETURNED : MASTER_UPGRADED;
    g->upgraded = true;
    guardian_stop_goes_on(g);
    return true;
}

/* This process was the master or a worker: it gives up its name and handlers. */
static void guardian_become(const struct guardian *g) {
    static const struct sigaction standard = {.sa_handler = SIG_DFL};
    log_set_process("guardian");
    prctl(PR_SET_NAME, "chatroom-master");
    fault_signals_set(&standard);
    system_set_oom_score(g->seg->header->master.oom_score);
}

bool guardian_take(struct guardian *g, struct segment *seg, uint64_t lease, char *err,
                   size_t err_size) {
    if (!standby_cancel(seg->header)) /* the old binary goes on (standby.h) */
        return false;
    if (!guardian_make(g, seg, lease, err, err_size) || !guardian_listen(g, true, err, err_size))
        return false;
    guardian_become(g);
    g->next = MASTER_AGAIN;
    process_await_entry(guardian_master(g));
    g->alive = atomic_load(&guardian_master(g)->pidfd) >= 0;
    guardian_stop_goes_on(g);
    process_ring_all(seg);         /* each worker then watches this guardian */
    slots_ring_master(seg->slots); /* which writes the pidfile */
    return true;
}

/* ---- children ---- */

static uint32_t guardian_slot_of(const struct segment *seg, pid_t pid) {
    uint32_t index = 0;
    while (index < SLOT_COUNT && atomic_load(&seg->slots[index].pid) != pid)
        index++;
    return index;
}

static void guardian_child_ended(struct segment *seg, const siginfo_t *info) {
    uint32_t index = guardian_slot_of(seg, info->si_pid);
    siginfo_t reaped;
    if (index < SLOT_COUNT)
        process_store_end(&seg->slots[index], info->si_code, info->si_status);
    waitid(P_PID, (id_t)info->si_pid, &reaped, WEXITED | WNOHANG);
    FAULT("guardian.reaped");
    if (index < CHILD_SLOTS)
        slots_ring_master(seg->slots);
}

/* Of any kind: process 1 of a container inherits each orphan, and the program that executed this
 * one may have had children. */
static void guardian_children(struct segment *seg) {
    siginfo_t info;
    for (;;) {
        memset(&info, 0, sizeof info);
        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid == 0)
            return;
        uint32_t index = guardian_slot_of(seg, info.si_pid);
        if (info.si_code != CLD_STOPPED && info.si_code != CLD_TRAPPED) {
            guardian_child_ended(seg, &info);
            continue;
        }
        waitid(P_PID, (id_t)info.si_pid, &info, WSTOPPED | WNOHANG);
        if (index < CHILD_SLOTS)
            watchdog_stopped(seg, index);
    }
}

/* ---- the master ---- */

/* The server ends, and no master has removed what it leaves in the file system. */
static void guardian_end(struct guardian *g, int status) {
    for (int i = 0; i <= MASTER_SLOT; i++)
        process_signal(&g->seg->slots[i], SIGKILL);
    control_socket_remove(g->seg);
    pidfile_remove(&g->seg->header->master);
    g->ended = true;
    g->status = status;
}

/* The child.  Until an upgrade is certain, the death of its guardian makes the old binary go on
 * (standby.h): this master must not, too. */
static int guardian_child(struct guardian *g, uint64_t incarnation) {
    struct slot *slot = guardian_master(g);
    upgrade_end();
    bool wanted = !g->upgraded || process_die_with_parent(slot);
    return wanted && slot_enter(slot, incarnation) ? g->master(g->seg, g->next) : EXIT_SUCCESS;
}

static void guardian_start(struct guardian *g) {
    uint64_t incarnation = segment_incarnation(g->seg, MASTER_SLOT);
    pid_t pid = process_start(g->seg, MASTER_SLOT, incarnation, false);
    if (pid == 0)
        _exit(guardian_child(g, incarnation));
    g->started_at = clock_ms();
    g->respawn_at = g->started_at + GUARDIAN_RETRY_MS;
    g->kill_at = 0;
    g->alive = pid > 0;
    if (pid < 0 && !atomic_load(&g->seg->header->ready)) {
        fprintf(stderr, "chatroom-master: cannot start the master: %s\n", strerror(errno));
        guardian_end(g, EXIT_FAILURE);
    } else if (pid < 0) {
        log_error_errno("cannot start a master");
    }
    if (pid > 0)
        g->next = MASTER_AGAIN;
}

/* The server ends with its master if that was to end, or has not come as far as to serve. */
static bool guardian_ends(struct guardian *g, struct process_end end, uint32_t deaths) {
    const struct segment_header *h = g->seg->header;
    if (!atomic_load(&h->ready) && (end.exited || deaths > GUARDIAN_DEATHS))
        guardian_end(g, EXIT_FAILURE);
    g->ended |= atomic_load(&h->shutdown) >= SHUTDOWN_ENDED;
    return g->ended;
}

static void guardian_lost(struct guardian *g) {
    struct slot *slot = guardian_master(g);
    struct segment_header *h = g->seg->header;
    struct process_end end = process_end(g->seg, slot);
    uint64_t now = clock_ms();
    struct respawn next = respawn_after(atomic_load(&slot->deaths), now - g->started_at);
    g->alive = false;
    if (guardian_ends(g, end, next.deaths))
        return;
    process_log_death(MASTER_SLOT, end);
    FAULT("guardian.lost.before");
    atomic_fetch_add(&slot->died, 1);
    atomic_store(&slot->deaths, next.deaths);
    if (!g->upgraded) { /* it may have been the standby of an upgrade that is not to be now */
        uint32_t asked = EXECUTE_ASKED;
        atomic_compare_exchange_strong(&h->execute, &asked, EXECUTE_NONE);
        standby_cancel(h);
    }
    FAULT("guardian.lost.after");
    g->respawn_at = now + next.pause_ms;
}

/* The master's watchdog timer has expired: it is stopped, or hangs.  If its heartbeat stays the
 * same for another second it is killed.  (A master that was stopped together with this process, by
 * a terminal's Ctrl-Z, moves before that.) */
static void guardian_suspect(struct guardian *g, uint64_t now) {
    uint64_t beat = atomic_load(&guardian_master(g)->heartbeat);
    if (!system_readable(g->seg->header->master.watchdog_fd)) {
        g->kill_at = 0;
    } else if (g->kill_at == 0 || beat != g->beat) {
        g->beat = beat;
        g->kill_at = now + GUARDIAN_SUSPECT_MS;
    } else if (now >= g->kill_at) {
        log_warn("the master stands still; killing it");
        process_signal(guardian_master(g), SIGKILL);
        g->kill_at = now + GUARDIAN_SUSPECT_MS;
    }
}

static void guardian_look(struct guardian *g, uint64_t now) {
    if (g->alive && process_dead(guardian_master(g))) {
        guardian_children(g->seg); /* its cause, if it has died since the last look at them */
        guardian_lost(g);
    }
    if (!g->alive && !g->ended && now >= g->respawn_at)
        guardian_start(g);
    else if (g->alive)
        guardian_suspect(g, now);
}

/* ---- signals ---- */

/* A worker or master that is stopped is continued, so that it takes part in the end; relay and
 * transcript say goodbye to no one, and are not waited for. */
static void guardian_continue(const struct guardian *g) {
    for (int i = 0; i < WORKERS_MAX; i++)
        process_signal(&g->seg->slots[i], SIGCONT);
    process_signal(guardian_master(g), SIGCONT);
}

static void guardian_stop(struct guardian *g, enum order order) {
    notify("STOPPING=1");
    guardian_continue(g);
    if (g->stop_until == 0)
        g->stop_until = clock_ms() + GUARDIAN_STOP_MS;
    signals_pass_on(g->seg, order);
}

/* The master looks whether it may be. */
static void guardian_store(struct guardian *g) {
    if (store_is_there(&g->store))
        guardian_stop(g, ORDER_STORE);
    else
        log_warn("SIGPWR: no service manager keeps descriptors; going on");
}

static void guardian_reload(struct guardian *g) {
    manager_reloading(&g->manager);
    signals_pass_on(g->seg, ORDER_RELOAD);
}

static void guardian_signals(struct guardian *g) {
    for (enum signals_order order; (order = signals_read(g->signal_fd)) != SIGNALS_NONE;) {
        switch (order) {
        case SIGNALS_NONE:
        case SIGNALS_CHILD: break;
        case SIGNALS_RELOAD: guardian_reload(g); break;
        case SIGNALS_REOPEN: signals_pass_on(g->seg, ORDER_REOPEN); break;
        case SIGNALS_UPGRADE: signals_pass_on(g->seg, ORDER_UPGRADE); break;
        case SIGNALS_STOP: guardian_stop(g, ORDER_STOP); break;
        case SIGNALS_STORE: guardian_store(g); break;
        }
    }
}

/* ---- upgrade and end ---- */

static void guardian_committed(struct guardian *g, uint64_t now) {
    upgrade_commit();
    store_look(&g->store, g->seg, now); /* the new segment is kept before the old one is not */
    conversion_end();
    g->upgraded = false;
}

static void guardian_upgrade(struct guardian *g, uint64_t now) {
    struct segment_header *h = g->seg->header;
    if (g->upgraded && !standby_watches(h))
        guardian_committed(g, now);
    if (g->upgraded)
        standby_beat(h);
    if (g->alive && atomic_load(&h->execute) == EXECUTE_ASKED)
        upgrade_execute(g->seg, g->argv);
}

/* The master does not end: nothing is waited for any more. */
static void guardian_force(struct guardian *g, uint64_t now) {
    if (g->stop_until == 0 || now < g->stop_until || g->ended)
        return;
    log_error("the server does not end; killing its processes");
    guardian_end(g, EXIT_SUCCESS);
}

/* ---- the loop ---- */

static void guardian_sooner(int *ms, uint64_t at, uint64_t now) {
    int left = at > now ? (int)(at - now) : 0;
    if (*ms < 0 || left < *ms)
        *ms = left;
}

static int guardian_timeout(const struct guardian *g, uint64_t now) {
    int ms = -1;
    if (!g->alive)
        guardian_sooner(&ms, g->respawn_at, now);
    if (g->upgraded)
        guardian_sooner(&ms, now + GUARDIAN_BEAT_MS, now);
    if (g->kill_at != 0)
        guardian_sooner(&ms, g->kill_at, now);
    if (g->stop_until != 0)
        guardian_sooner(&ms, g->stop_until, now);
    if (g->manager.due != 0)
        guardian_sooner(&ms, g->manager.due, now);
    if (store_is_there(&g->store))
        guardian_sooner(&ms, now + (uint64_t)store_wait_ms(&g->store, now), now);
    return ms;
}

static void guardian_wait(struct guardian *g) {
    const struct slot *slots = g->seg->slots;
    int bell = slots[GUARDIAN_SLOT].bell_fd;
    uint64_t rung;
    struct pollfd wait[] = {
        {.fd = g->signal_fd, .events = POLLIN},
        {.fd = bell, .events = POLLIN},
        {.fd = g->alive ? atomic_load(&slots[MASTER_SLOT].pidfd) : -1, .events = POLLIN},
        {.fd = g->alive && g->kill_at == 0 ? g->seg->header->master.watchdog_fd : -1,
         .events = POLLIN}};
    if (poll(wait, 4, guardian_timeout(g, clock_ms())) > 0 && (wait[1].revents & POLLIN))
        (void)!read(bell, &rung, sizeof rung);
}

/* The old master of an upgrade may be a moment behind (standby.h).  Children that are none of the
 * server's are not waited for. */
static void guardian_await_rest(const struct guardian *g) {
    siginfo_t info;
    for (int ms = 0; ms < GUARDIAN_REST_MS; ms++) {
        guardian_children(g->seg);
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            return; /* there is none */
        usleep(1000);
    }
}

/* Every process has ended.  What goodbye was said to is not to come back; nor is what the manager
 * keeps of a server that was killed in the middle of its goodbye. */
static void guardian_leave(struct guardian *g) {
    uint32_t how = atomic_load(&g->seg->header->shutdown);
    if (g->upgraded && standby_cancel(g->seg->header)) /* it would take this end for a failure */
        guardian_committed(g, clock_ms());
    guardian_await_rest(g);
    if (!store_is_there(&g->store) || g->status != EXIT_SUCCESS)
        return;
    if (how == SHUTDOWN_BEGUN || how == SHUTDOWN_ENDED)
        store_drop(g->seg->fd);
    else
        store_all(&g->store, g->seg, GUARDIAN_STORE_MS);
}

int guardian_run(struct guardian *g, master_entry master, char **argv) {
    g->master = master;
    g->argv = argv;
    log_set_process("guardian");
    store_begin(&g->store, g->seg);
    while (!g->ended) {
        uint64_t now = clock_ms();
        guardian_signals(g);
        guardian_children(g->seg);
        guardian_look(g, now);
        manager_look(&g->manager, g->seg, now);
        guardian_upgrade(g, now);
        guardian_force(g, now);
        if (!g->upgraded) /* else the binary before may go on with another segment */
            store_look(&g->store, g->seg, now);
        if (!g->ended)
            guardian_wait(g);
    }
    guardian_leave(g);
    return g->status;
}

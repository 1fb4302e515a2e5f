/* worker.c - a worker's life: adopt what the slot holds, then turn after turn until told to go. */
#include "worker/state/worker.h"

#include "ipc/clock.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/failover.h"
#include "worker/input/input.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/apply.h"
#include "worker/ledger/move.h"
#include "worker/output/flush.h"
#include "worker/output/reclaim.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/event.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    EVENTS = 512,
    ROUNDS = 16,
    ROUND_CLIENTS = 32,
    RETRY_MS = 2,
    INPUT_MS = 5, /* of reading before others are served what was said */
    SWEEP_MS = 1000,
    FAILOVER_MS = 20
};

/* ---- start ---- */

static bool worker_make(struct worker *w, struct segment *seg, uint32_t slot,
                        uint64_t incarnation) {
    memset(w, 0, sizeof *w); /* a master that took over is a clone of a worker, and we of it */
    w->seg = seg;
    w->slot = &seg->slots[slot];
    w->index = slot;
    w->me = incarnation;
    w->buffers_wanted = atomic_load(&seg->header->buffers_wanted);
    w->flush_count = room_count(&seg->room);
    return members_make(w, seg->clients.len);
}

/* A waiter at the gate finds that its owner is dead: what the master would do, at once. */
static void gate_suspect(void *arg, uint64_t owner) {
    struct worker *w = arg;
    if (slot_dead(w->seg->slots, owner))
        gate_repair(w->seg->gate, owner);
}

static struct slot *fault_slot; /* for the handler below */

static void on_fault(int signo) {
    atomic_store(&fault_slot->fault, (uint32_t)signo);
    signal(signo, SIG_DFL);
    raise(signo);
}

static void worker_signals(struct worker *w) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    fault_slot = w->slot;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct sigaction act = {.sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_RESETHAND};
        sigaction(faults[i], &act, NULL);
    }
    /* Whoever wants a worker gone tells the master; a terminal's Ctrl-C reaches all of us. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void worker_config(struct worker *w) {
    if (w->config_version == segment_config_version(w->seg))
        return;
    bool first = w->config_version == 0;
    w->config_version = segment_read_config(w->seg, &w->config);
    log_set_level(w->config.log_level);
    accept_listen(w);
    if (!first)
        log_debug("configuration %llu adopted", (unsigned long long)w->config_version);
    for (uint32_t i = 0; i < w->member_count; i++) /* limits may have been lifted */
        fd_list_add(&w->ready, w->members[i]);
}

/* ---- a turn ---- */

static void worker_bell(struct worker *w) {
    uint64_t rung;
    (void)!read(w->slot->bell_fd, &rung, sizeof rung);
}

static void worker_client_event(struct worker *w, uint64_t tag, uint32_t events) {
    uint32_t fd = (uint32_t)tag;
    if (fd >= w->seg->clients.len || w->member_index[fd] == 0)
        return; /* closed earlier in this turn */
    struct client *c = worker_client(w, fd);
    if (client_tag(w, c) != tag)
        return; /* and the number is somebody else's now */
    /* A connection that was reset may still hold lines to be read; if they have to wait, it must
     * not wake us again and again meanwhile. */
    if ((events & (EPOLLERR | EPOLLHUP)) && w->pause[fd])
        member_forget(w, c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        w->readable[fd] = 1;
        fd_list_add(&w->ready, fd);
    }
    if (events & EPOLLOUT)
        flush_unblock(w, c);
}

static void worker_events(struct worker *w, const struct epoll_event *event, int n) {
    for (int i = 0; i < n; i++) {
        uint64_t tag = event[i].data.u64;
        if (tag >> 32 == EVENT_LISTENER)
            accept_batch(w, (int)(uint32_t)tag);
        else if (tag >> 32 == EVENT_BELL)
            worker_bell(w);
        else if (tag >> 32 == EVENT_MASTER)
            w->master_lost = true;
        else if (tag >> 32 == EVENT_WATCHDOG)
            failover_suspect(w);
        else
            worker_client_event(w, tag, event[i].events);
    }
}

/* Those who have more go behind those who had no turn yet. */
static void ready_rotate(struct worker *w, uint32_t kept, uint32_t done) {
    uint32_t again[ROUND_CLIENTS], rest = w->ready.count - done;
    memcpy(again, w->ready.at, kept * sizeof again[0]);
    memmove(w->ready.at, w->ready.at + done, rest * sizeof again[0]);
    memcpy(w->ready.at + rest, again, kept * sizeof again[0]);
    w->ready.count = rest + kept;
}

/* Everything that is to be published goes out in one hold of the gate per round.  False: the ring
 * is full, or an entry cannot be applied yet: nothing more is read until it can. */
static bool worker_round(struct worker *w) {
    uint32_t todo = w->ready.count < ROUND_CLIENTS ? w->ready.count : ROUND_CLIENTS, kept = 0;
    leave_stage(w);
    for (uint32_t i = 0; i < todo; i++) {
        uint32_t fd = w->ready.at[i];
        worker_beat(w);
        if (w->member_index[fd] == 0) {
            w->ready.in[fd] = 0;
            continue;
        }
        enum input_outcome outcome = input_read(w, worker_client(w, fd));
        if (outcome == INPUT_IDLE)
            w->ready.in[fd] = 0;
        else
            w->ready.at[kept++] = fd;
    }
    ready_rotate(w, kept, todo);
    leave_stage(w);
    worker_breadcrumb_clear(w);
    bool going_on = stage_publish(w) && w->settled;
    flush_reply_pending(w);
    return going_on;
}

static void worker_input(struct worker *w) {
    apply_settle(w);
    bool going_on = stage_publish(w) && w->settled;
    for (int i = 0; i < ROUNDS && going_on && (w->ready.count > 0 || w->closing.count > 0); i++)
        going_on = worker_round(w) && segment_now(w->seg) - w->now < INPUT_MS;
    flush_reply_pending(w);
}

/* Who has not logged in, or has said nothing for too long. */
static void worker_timeouts(struct worker *w) {
    const struct config *config = &w->config;
    bool logins = w->unauthenticated > 0 && config->login_timeout_ms > 0;
    if ((!logins && config->idle_timeout_ms == 0) || w->now - w->swept < SWEEP_MS)
        return;
    w->swept = w->now;
    for (uint32_t i = w->member_count; i-- > 0;) {
        struct client *c = worker_client(w, w->members[i]);
        const struct facts *f = client_facts(c);
        uint32_t quiet = w->now - f->last_input;
        uint64_t limit =
            f->flags & FACT_IN_ROOM ? config->idle_timeout_ms : config->login_timeout_ms;
        if (limit > 0 && (int32_t)quiet >= 0 && quiet >= limit)
            leave_goodbye(w, c, SAY_NO_WORD, "no word from it");
    }
}

static int timeout_sooner(const struct worker *w, int timeout, uint32_t next) {
    int32_t left = (int32_t)(next - w->now);
    if (left <= 0)
        left = 1;
    return timeout < 0 || left < timeout ? left : timeout;
}

static int worker_timeout(const struct worker *w, bool flushing) {
    if (flushing || w->ready.count > 0 || w->closing.count > 0 || w->reply_pending.count > 0)
        return w->ring_full || !w->settled ? RETRY_MS : 0;
    if (w->ring_full || !w->settled)
        return RETRY_MS;
    if (w->stage.count > 0)
        return 0;
    bool timeouts = (w->unauthenticated > 0 && w->config.login_timeout_ms > 0) ||
                    (w->config.idle_timeout_ms > 0 && w->member_count > 0);
    int timeout = timeouts || w->retiring ? SWEEP_MS : -1;
    if (w->master_lost || w->orphans_due)
        timeout = FAILOVER_MS;
    if (w->master_suspected)
        timeout = timeout_sooner(w, timeout, w->master_looked + FAILOVER_SUSPECT_MS);
    if (w->paused.count > 0)
        timeout = timeout_sooner(w, timeout, w->pause_look_at);
    if (w->accept_paused)
        timeout = timeout_sooner(w, timeout, w->accept_next);
    return timeout;
}

/* Anything that came between the last look and falling asleep. */
static bool worker_called(const struct worker *w) {
    const struct segment_header *h = w->seg->header;
    uint64_t count = room_count(&w->seg->room);
    return count != w->flush_count || (w->settled && count != atomic_load(&w->slot->cursor)) ||
           segment_config_version(w->seg) != w->config_version || atomic_load(&h->shutdown) ||
           (w->index >= atomic_load(&h->workers)) != w->retiring || reclaim_asked(w);
}

static int worker_wait(struct worker *w, struct epoll_event *events, int timeout) {
    if (timeout != 0) {
        slot_sleep(w->slot);
        if (worker_called(w))
            timeout = 0;
    }
    int n = epoll_wait(w->slot->epoll_fd, events, EVENTS, timeout);
    slot_wake(w->slot);
    return n < 0 ? 0 : n;
}

/* The server goes down: a last word to everyone, as far as they read it. */
static int worker_goodbye(struct worker *w) {
    struct words words = {.room = w->config.room};
    for (uint32_t i = 0; i < w->member_count; i++) {
        struct client *c = worker_client(w, w->members[i]);
        struct change ch;
        flush_client(w, c);
        change_begin(&ch, w, c);
        change_sentence(&ch, SAY_GOING_DOWN, &words);
        if (change_commit(&ch))
            flush_client(w, c);
        shutdown((int)w->members[i], SHUT_WR);
    }
    return 0;
}

static bool worker_retired(struct worker *w) {
    w->retiring = w->index >= atomic_load(&w->seg->header->workers);
    if (!w->retiring)
        return false;
    atomic_store(&w->slot->state, SLOT_RETIRING);
    accept_listen(w); /* whoever polls them now has added them already */
    if (w->stage.count > 0 || !w->settled)
        return false; /* those whose moves are under way are not to be moved again */
    if (!move_stage_all(w) || w->stage.count > 0 || w->closing.count > 0)
        return false;
    /* Under the gate: a move to this slot is either in the ledger by now, and then we stay, or its
     * publisher will see that nobody is here any more. */
    worker_lock(w);
    bool last = atomic_load(&w->slot->cursor) == room_count(&w->seg->room);
    if (last)
        atomic_store_explicit(&w->slot->state, SLOT_UNUSED, memory_order_release);
    FAULT("worker.retired");
    worker_unlock(w);
    return last;
}

static int worker_serve(struct worker *w) {
    static struct epoll_event events[EVENTS];
    int timeout = 0;
    while (!atomic_load(&w->seg->header->shutdown)) {
        int n = worker_wait(w, events, timeout);
        worker_beat(w);
        w->now = segment_now(w->seg);
        worker_config(w);
        worker_events(w, events, n);
        accept_resume(w);
        if (w->master_lost || failover_changed(w))
            w->master_lost = failover_look(w);
        if (w->master_suspected && w->now - w->master_looked >= FAILOVER_SUSPECT_MS)
            failover_suspect(w);
        if (w->orphans_due)
            w->orphans_due = !adopt_orphans(w);
        input_resume_due(w);
        worker_input(w);
        reclaim_look(w);
        bool flushing = flush_slice(w);
        worker_timeouts(w);
        if (worker_retired(w))
            return 0;
        timeout = worker_timeout(w, flushing);
    }
    return worker_goodbye(w);
}

/* What a predecessor left is settled before anything new is read; nothing is published meanwhile.
 */
static void worker_adopt(struct worker *w) {
    adopt_slot(w);
    while (w->adopting) {
        bool all = apply_settle(w);
        flush_reply_pending(w);
        worker_beat(w);
        if (all && atomic_load(&w->slot->cursor) == room_count(&w->seg->room))
            w->adopting = false;
        else if (!all)
            usleep(RETRY_MS * 1000);
    }
    members_count(w);
    atomic_store(&w->slot->deaths, 0);
    atomic_store_explicit(&w->slot->state, SLOT_SERVING, memory_order_release);
}

int worker_main(struct segment *seg, uint32_t slot, uint64_t incarnation,
                master_entry start_master) {
    static char who[32];
    snprintf(who, sizeof who, "worker %u", slot);
    log_set_process(who);
    prctl(PR_SET_NAME, who);
    static struct worker scratch; /* one a process */
    struct worker *w = &scratch;
    if (!worker_make(w, seg, slot, incarnation)) {
        log_error("out of memory");
        return 1;
    }
    w->start_master = start_master;
    w->watch = (struct gate_watch){gate_suspect, w};
    w->now = segment_now(seg);
    w->settled = true;
    w->adopting = true;
    worker_signals(w);
    w->config_version = segment_read_config(seg, &w->config);
    log_set_level(w->config.log_level);
    struct epoll_event bell = {.events = EPOLLIN,
                               .data.u64 = event_tag(EVENT_BELL, (uint32_t)w->slot->bell_fd)};
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, w->slot->bell_fd, &bell);
    worker_adopt(w);
    accept_listen(w);
    w->master_lost = failover_look(w);
    log_debug("serving %u clients", w->member_count);
    int status = worker_serve(w);
    log_debug("done");
    return status;
}

/* worker.c - a worker's life: adopt what the slot holds, then turn after turn of the loop until
 * shutdown or retirement. */
#include "worker/worker.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/command/announce.h"
#include "worker/command/greeting.h"
#include "worker/command/refusal.h"
#include "worker/failover.h"
#include "worker/input/input.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/adopt.h"
#include "worker/ledger/apply.h"
#include "worker/ledger/closing.h"
#include "worker/ledger/moderation.h"
#include "worker/ledger/move.h"
#include "worker/ledger/ping.h"
#include "worker/ledger/publish.h"
#include "worker/output/flush.h"
#include "worker/output/goodbye.h"
#include "worker/output/reclaim.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/buffer_request.h"
#include "worker/state/child.h"
#include "worker/state/client_log.h"
#include "worker/state/ending.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/lock.h"
#include "worker/state/members.h"
#include "worker/timeouts.h"
#include "worker/vanished.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    EVENTS = 512,
    ROUNDS = 16,
    ROUND_CLIENTS = 32,
    INPUT_MS = 4, /* of reading before the members are sent what was said */
    FLUSH_MS = 2, /* of reading from which on as long is flushed; less is not seen by the clock */
    WAITING_MS = 20, /* fallback: what this worker waits for rings its bell */
    RETIRE_MS = 1000,
    SETTLE_US = 2000,
};

/* What only the loop knows. */
struct loop {
    struct worker w;
    struct acceptor acceptor;
    struct failover failover;
    struct timeouts timeouts;
    struct vanished vanished;
    struct reclaim reclaim;
    bool retiring;      /* its slot is beyond the number of workers */
    uint32_t move_next; /* retiring: counts round the slots that stay */
    bool publish_due;   /* lines that found no room: try again in this turn */
};

/* ---- start ---- */

static bool worker_make(struct loop *l, struct segment *seg, uint32_t slot, uint64_t incarnation) {
    memset(l, 0,
           sizeof *l); /* in a worker whose master was cloned from a worker, it is used memory */
    struct worker *w = &l->w;
    w->seg = seg;
    w->slot = &seg->slots[slot];
    w->index = slot;
    w->me = incarnation;
    worker_read_clock(w);
    w->flush.count = w->flush.delivered = room_count(&seg->room);
    w->flush.delivered_lines = room_entry(&seg->room, w->flush.count - 1)->lines;
    w->settled = w->adopting = true;
    buffer_request_seen(w);
    w->orders =
        atomic_load(&seg->room.shared->orders); /* what is committed, it is about to apply */
    stage_init(&w->stage, &seg->room, slot, seg->clients.rows);
    w->stage.closed = true; /* until the predecessor's entries are applied */
    return members_make(w, seg->clients.len) && reclaim_make(&l->reclaim, seg->clients.len);
}

static void worker_read_config(struct worker *w) {
    w->config_version = segment_read_config(w->seg, &w->config);
    log_set_level(w->config.log_level);
}

static void worker_config(struct loop *l) {
    struct worker *w = &l->w;
    if (w->config_version == segment_config_version(w->seg))
        return;
    worker_read_config(w);
    accept_listen(w, &l->acceptor);
    log_debug("configuration %llu adopted", (unsigned long long)w->config_version);
    for (uint32_t i = 0; i < w->members.count; i++) /* limits may have been lifted */
        fd_queue_push(&w->ready, w->members.at[i]);
    greeting_reloaded(w);
}

/* ---- events ---- */

static bool worker_publishes(const struct worker *w) {
    return !w->stage.closed && w->settled;
}

/* While nothing can be staged, input that is reported is left in the socket: epoll is
 * level-triggered and would report it again and again. */
static void worker_readable(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    w->interest.readable[fd] = 1;
    fd_queue_push(&w->ready, fd);
    if (!worker_publishes(w))
        w->pauses.why[fd] |= PAUSE_PUBLISH;
    interest_arm(w, c);
}

/* The server shuts down no connection that it goes on serving, so EPOLLHUP is not the end of both
 * directions but a reset whose error a predecessor's send() has taken.  It cannot be masked, and
 * would be reported until the leave is published. */
static void worker_broken(struct worker *w, struct client *c) {
    leave_broken(w, c, 0);
    interest_forget(w, c);
}

static void worker_client_event(struct worker *w, uint64_t tag, uint32_t events) {
    uint32_t fd = (uint32_t)tag;
    if (fd >= w->seg->clients.len || !worker_serves(w, fd))
        return; /* it left earlier in this turn */
    struct client *c = worker_client(w, fd);
    if (client_tag(w, c) != tag)
        return; /* and the number is another client's now */
    if (events & (EPOLLHUP | EPOLLERR)) {
        worker_broken(w, c);
        return;
    }
    if (events & EPOLLRDHUP)
        ending_seen(w, c);
    if (events & EPOLLIN)
        worker_readable(w, c);
    if (events & EPOLLOUT)
        flush_unblock(w, c);
}

static void worker_bell(struct loop *l) {
    uint64_t rung;
    (void)!read(l->w.slot->bell_fd, &rung, sizeof rung);
    l->publish_due = true;
}

static void worker_events(struct loop *l, const struct epoll_event *event, int n) {
    for (int i = 0; i < n; i++) {
        uint64_t tag = event[i].data.u64;
        switch (tag >> 32) {
        case EVENT_LISTENER: accept_batch(&l->w, &l->acceptor, (int)(uint32_t)tag); break;
        case EVENT_BELL: worker_bell(l); break;
        case EVENT_GUARDIAN: failover_lost(&l->failover); break;
        case EVENT_WATCHDOG: failover_rouse(&l->w); break;
        default: worker_client_event(&l->w, tag, event[i].events);
        }
    }
}

/* ---- a turn of the loop ---- */

/* One round of worker.h's steps 2 to 9: everything it stages goes out in one hold of the gate.
 * False: nothing more can be staged now, because the ring is full or an entry cannot be applied
 * yet. */
static bool worker_round(struct worker *w, uint32_t until) {
    /* Moves staged by worker_retired are published and applied before anything more is read: a line
     * behind a move in one batch would be its client's and no longer this worker's to apply. */
    if (worker_publishes(w) && w->stage.count == 0) {
        moderation_look(w);
        ping_stage(w);
        closing_stage(w);
        input_read(w, ROUND_CLIENTS, until);
    }
    publish(w);
    apply(w);
    refusal_answer(w);
    flush_reply_pending(w);
    return worker_publishes(w);
}

static void worker_input(struct loop *l) {
    struct worker *w = &l->w;
    apply(w);
    /* Lines that found no room wait for a bell, or for WAITING_MS: not every event is a reason to
     * take the gate. */
    if (w->stage.closed && !l->publish_due && room_waiting(&w->seg->room)) {
        flush_reply_pending(w);
        return;
    }
    l->publish_due = false;
    bool read = false;
    uint32_t until = segment_now(w->seg) + INPUT_MS;
    for (int i = 0; i < ROUNDS; i++) {
        read |= w->stage.count == 0; /* else this round only publishes what was staged before */
        if (!worker_round(w, until))
            return;
        bool more = w->ready.count > 0 || w->closing.count > 0;
        if (!more || (read && (int32_t)(segment_now(w->seg) - until) >= 0))
            return;
    }
}

static bool worker_retired(struct loop *l) {
    struct worker *w = &l->w;
    l->retiring = w->index >= atomic_load(&w->seg->header->workers);
    if (!l->retiring)
        return false;
    FAULT("worker.retiring.before");
    atomic_store(&w->slot->state, SLOT_RETIRING);
    FAULT("worker.retiring.after");
    accept_listen(w, &l->acceptor); /* the worker that polls its listeners has added them already */
    if (w->stage.count > 0 || !w->settled)
        return false; /* clients whose moves are under way are not to be moved again */
    if (!move_stage_all(w, &l->move_next) || w->stage.count > 0 || w->closing.count > 0)
        return false;
    client_log_end(w);
    /* Under the gate: a move to this slot is either in the ledger by now, and then the slot is
     * kept, or its publisher will see that the slot is unused. */
    worker_lock(w);
    bool last = atomic_load(&w->slot->cursor) == room_count(&w->seg->room);
    FAULT("worker.retired.before");
    if (last)
        atomic_store_explicit(&w->slot->state, SLOT_UNUSED, memory_order_release);
    FAULT("worker.retired.after");
    worker_unlock(w);
    if (last)
        room_progress(&w->seg->room);
    return last;
}

/* ---- waiting ---- */

static int worker_sooner(int timeout, int other) {
    return other < 0 || (timeout >= 0 && timeout < other) ? timeout : other;
}

static int worker_until(const struct worker *w, uint32_t at) {
    int32_t left = (int32_t)(at - w->now);
    return left > 0 ? left : 1;
}

/* Milliseconds to sleep at most; -1: until an event. */
static int worker_timeout(const struct loop *l, bool flushing) {
    const struct worker *w = &l->w;
    bool waiting = !worker_publishes(w);
    if (flushing || w->reply_pending.count > 0)
        return 0;
    if (!waiting && (w->ready.count > 0 || w->closing.count > 0 || w->stage.count > 0))
        return 0;
    int timeout = waiting ? WAITING_MS : -1;
    timeout = worker_sooner(timeout, timeouts_possible(w) ? TIMEOUTS_MS : -1);
    timeout = worker_sooner(timeout, l->retiring ? RETIRE_MS : -1);
    timeout = worker_sooner(timeout, w->orphans_due ? WAITING_MS : -1);
    timeout = worker_sooner(timeout, vanished_timeout(w, &l->vanished));
    timeout = worker_sooner(timeout, failover_timeout(w, &l->failover));
    timeout = worker_sooner(timeout, client_log_timeout(w));
    timeout = worker_sooner(timeout, announce_timeout(w));
    timeout = worker_sooner(timeout, ping_timeout(w));
    timeout = worker_sooner(timeout, moderation_timeout(w));
    if (w->pauses.look.count > 0)
        timeout = worker_sooner(timeout, worker_until(w, w->pauses.look_at));
    if (l->acceptor.paused)
        timeout = worker_sooner(timeout, worker_until(w, l->acceptor.resume_at));
    return timeout;
}

/* Whether something came between the last look at it and slot_sleep. */
static bool worker_called(const struct loop *l) {
    const struct worker *w = &l->w;
    const struct segment_header *h = w->seg->header;
    uint64_t count = room_count(&w->seg->room);
    return count != w->flush.count || (w->settled && count != atomic_load(&w->slot->cursor)) ||
           segment_config_version(w->seg) != w->config_version || atomic_load(&h->shutdown) ||
           (w->index >= atomic_load(&h->workers)) != l->retiring || buffer_request_pending(w) ||
           (w->stage.closed && !room_waiting(&w->seg->room)) || (!w->settled && move_ready(w)) ||
           failover_changed(w, &l->failover);
}

static int worker_wait(struct loop *l, struct epoll_event *events, int timeout) {
    struct slot *slot = l->w.slot;
    if (timeout != 0) {
        slot_sleep(slot);
        if (worker_called(l))
            timeout = 0;
    }
    int n = epoll_wait(slot->epoll_fd, events, EVENTS, timeout);
    slot_wake(slot);
    l->publish_due |= n == 0 && timeout > 0;
    return n < 0 ? 0 : n;
}

/* A slice of the members; more of them where reading took its time, so that a line reaches the last
 * member in about twice the time that it would take with nothing to read. */
static bool worker_flush(struct worker *w, uint32_t reading_ms) {
    uint32_t until = segment_now(w->seg) + reading_ms;
    bool more = flush_slice(w);
    while (more && reading_ms >= FLUSH_MS && (int32_t)(segment_now(w->seg) - until) < 0)
        more = flush_slice(w);
    return more;
}

static int worker_serve(struct loop *l) {
    static struct epoll_event events[EVENTS];
    struct worker *w = &l->w;
    int timeout = 0;
    while (!atomic_load(&w->seg->header->shutdown)) {
        int n = worker_wait(l, events, timeout);
        worker_beat(w);
        worker_read_clock(w);
        worker_config(l);
        worker_events(l, events, n);
        accept_resume(w, &l->acceptor);
        failover_look(w, &l->failover);
        if (w->orphans_due)
            w->orphans_due = !adopt_orphans(w);
        input_resume(w);
        announce_look(w);
        moderation_look(w);
        uint32_t begun = segment_now(w->seg);
        worker_input(l);
        reclaim_look(w, &l->reclaim);
        bool flushing = worker_flush(w, segment_now(w->seg) - begun);
        timeouts_look(w, &l->timeouts);
        ping_look(w);
        client_log_look(w);
        vanished_look(w, &l->vanished);
        if (worker_retired(l))
            return 0;
        timeout = worker_timeout(l, flushing);
    }
    goodbye_all(w);
    client_log_end(w);
    FAULT("worker.ended.before");
    atomic_store(&w->slot->state, SLOT_UNUSED); /* no client is left for a successor */
    FAULT("worker.ended.after");
    return 0;
}

/* ---- a successor's beginning ---- */

/* What a predecessor left is settled before anything new is read; nothing is published meanwhile.
 */
static void worker_adopt(struct worker *w) {
    adopt_slot(w);
    while (w->adopting) {
        bool all = apply(w);
        flush_reply_pending(w);
        worker_beat(w);
        if (all && atomic_load(&w->slot->cursor) == room_count(&w->seg->room))
            w->adopting = false;
        else if (!all)
            usleep(SETTLE_US);
    }
    w->stage.closed = false;
    FAULT("worker.serving.before");
    members_publish_count(w);
    atomic_store_explicit(&w->slot->state, SLOT_SERVING, memory_order_release);
    FAULT("worker.serving.after");
}

int worker_main(struct segment *seg, uint32_t slot, uint64_t incarnation,
                guardian_entry start_guardian) {
    static char name[32];
    static struct loop loop; /* one a process */
    struct worker *w = &loop.w;
    snprintf(name, sizeof name, "worker %u", slot);
    log_set_process(name);
    prctl(PR_SET_NAME, name);
    if (!worker_make(&loop, seg, slot, incarnation)) {
        log_error("out of memory");
        return 1;
    }
    child_signals(seg, w->slot);
    worker_read_config(w);
    if (!interest_add(w, w->slot->bell_fd, EPOLLIN, EVENT_BELL)) {
        log_error_errno("epoll cannot watch the bell");
        return 1;
    }
    loop.failover.start = start_guardian;
    worker_adopt(w);
    accept_listen(w, &loop.acceptor);
    failover_lost(&loop.failover); /* to look at the guardian for the first time */
    log_debug("serving %u client%s", w->members.count, w->members.count == 1 ? "" : "s");
    int status = worker_serve(&loop);
    log_debug("done");
    return status;
}

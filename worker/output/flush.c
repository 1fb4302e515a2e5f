/* flush.c - see flush.h. */
#include "worker/output/flush.h"

#include "ipc/fault.h"
#include "worker/output/filter.h"
#include "worker/output/history.h"
#include "worker/output/overrun.h"
#include "worker/output/send.h"
#include "worker/output/who.h"
#include "worker/record/change.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"

#include <string.h>

/* ---- one client ---- */

static bool flush_lost_notice(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    struct words words = {.n = ch.f->lines_lost};
    change_sentence(&ch, SAY_SKIPPED, &words);
    ch.f->lines_lost = 0;
    return change_commit(&ch);
}

/* The chain is sent, and nothing keeps the client off the direct path. */
static bool flush_forget_chain(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    change_settle_map(&ch);
    return change_commit(&ch);
}

/* One step of what is pending.  False if nothing more can be done now. */
static bool flush_step(struct worker *w, struct client *c, uint64_t until) {
    const struct facts *f = client_facts(c);
    const struct entry *last = room_entry(&w->seg->room, until - 1);
    if (!client_drained(c, f))
        return send_replies(w, c, last);
    if (f->flags & (FACT_LIST_ROOM | FACT_LIST_ALL)) /* before the notice, which would cut it */
        return who_continue(w, c);
    if (f->flags & FACT_LIST_SAID)
        return history_continue(w, c);
    if (f->lines_lost > 0)
        return flush_lost_notice(w, c);
    if ((f->flags & FACT_IN_ROOM) && (f->flags & FACT_FILTERED))
        return filter_continue(w, c, until);
    if (f->tx != NO_BUFFER)
        return flush_forget_chain(w, c);
    /* A successor may be at an entry that its predecessor had flushed past; then nothing is sent.
     */
    if (c->mode < SENT_RINGS)
        send_direct(w, c, last->end);
    return false;
}

static bool flush_possible(const struct client *c, uint32_t generation) {
    return client_is(c, generation) && c->mode != MODE_BLOCKED && c->mode != MODE_WRITE_FAILED;
}

static void flush_steps(struct worker *w, struct client *c, uint64_t until) {
    uint32_t generation = (uint32_t)(client_tag(w, c) >> 32);
    while (flush_possible(c, generation) && flush_step(w, c, until))
        ;
    if (pause_has(w, client_index(w, c), PAUSE_OUTPUT) && client_is(c, generation) &&
        !flush_waits(c))
        pause_end(w, c, PAUSE_OUTPUT);
}

/* The entries below may be sent: all that are committed, whether this worker has applied them or
 * not.  But a kick first takes its client out of the room, which is not sent its announcement; and
 * a private line is sent before the lines behind it, because a browser that comes back says which
 * of those it has seen, and is sent what is behind that (resume.h). */
static uint64_t flush_end(const struct worker *w) {
    const struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    bool held = atomic_load_explicit(&room->shared->held, memory_order_relaxed) > w->applied;
    return held && count > w->applied ? w->applied : count;
}

void flush_client(struct worker *w, struct client *c) {
    flush_steps(w, c, flush_end(w));
}

void flush_until(struct worker *w, struct client *c, uint64_t until) {
    flush_steps(w, c, until);
}

bool flush_waits(const struct client *c) {
    const struct facts *f = client_facts(c);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    bool outside = c->mode == MODE_BLOCKED && !(f->flags & FACT_IN_ROOM);
    return (f->flags & FACT_LISTS) || client_tx_end(f) > sent + (outside ? 0 : OUTPUT_WAITS);
}

void flush_unblock(struct worker *w, struct client *c) {
    if (c->mode != MODE_BLOCKED)
        return;
    c->mode = MODE_SLOW;
    client_refresh(c);
    flush_client(w, c);
    if (c->mode != MODE_BLOCKED)
        interest_arm(w, c);
}

/* A flush commits changes, which queue the client again.  It stays queued until its flush is over,
 * so that this has no effect: nothing is pending then, or its socket or the buffers are full. */
void flush_reply_pending(struct worker *w) {
    struct fd_queue *q = &w->reply_pending;
    for (uint32_t todo = q->count; todo > 0; todo--) {
        uint32_t fd = fd_queue_first(q);
        worker_beat(w);
        if (worker_serves(w, fd))
            flush_client(w, worker_client(w, fd));
        fd_queue_pop(q);
    }
}

/* ---- all members ---- */

/* Whether the guard, by which ledger and rings are bounded, is an eighth further back than need be.
 */
static bool flush_guard_far(const struct room *room, uint64_t guard, uint64_t count) {
    if (count - guard > room->ledger_len / 2 + room->ledger_len / 8)
        return true;
    for (int e = 0; e < SENT_RINGS; e++) {
        uint64_t used = room_entry(room, count - 1)->end[e] - room_start(room, guard, e);
        if (used > room->ring_size[e] / 2 + room->ring_size[e] / 8)
            return true;
    }
    return false;
}

/* Every member is at `count`, or its socket is full.  The guard follows in large strides: the
 * search and the look at all members cost something, and the room they make is needed only now and
 * then. */
static void flush_raise(struct worker *w, uint64_t count) {
    struct room *room = &w->seg->room;
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    /* Not past what this worker has applied: a client that is moving to it by an entry beyond the
     * cursor is at least where a guard for that entry would be. */
    uint64_t cursor = atomic_load_explicit(&w->slot->cursor, memory_order_relaxed);
    if (count > cursor)
        count = cursor;
    if (count <= guard || !flush_guard_far(room, guard, count))
        return;
    uint64_t raised = room_guard_for(room, count, guard);
    /* The new maps of overrun members are committed before producers may overwrite the text.  Not
     * only blocked members are behind: a filtered one for which no buffer was free is as well. */
    for (uint32_t i = w->members.count; i-- > 0;)
        overrun_behind(w, worker_client(w, w->members.at[i]), guard, raised, count);
    FAULT("flush.raise.before");
    atomic_store_explicit(&w->slot->guard, raised, memory_order_release);
    FAULT("flush.raise.after");
    room_progress(room);
}

/* Lines were published: both passes are over all members again, if they are not under way. */
static void flush_extend(struct worker *w, uint64_t count) {
    struct flush_pass *pass = &w->flush;
    if (count != pass->count) {
        pass->count = count;
        pass->left = w->members.count;
        if (pass->guard_left == 0) {
            pass->guard_count = count;
            pass->guard_left = w->members.count;
        }
    }
    if (w->members.count == 0)
        pass->left = pass->guard_left = 0;
}

/* A pass up to `count` is complete.  Counted by passes, so that no delivery costs anything. */
static void flush_count_delivered(struct worker *w, uint64_t count) {
    struct flush_pass *pass = &w->flush;
    _Atomic uint64_t *sum = &w->slot->stats.delivered;
    if (count <= pass->delivered)
        return;
    uint32_t through = room_entry(&w->seg->room, count - 1)->lines;
    uint64_t lines = through - pass->delivered_lines;
    uint64_t people = w->members.count - w->members.unauthenticated - w->members.away;
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + lines * people,
                          memory_order_relaxed);
    pass->delivered = count;
    pass->delivered_lines = through;
}

static void flush_members(struct worker *w, uint64_t count) {
    struct flush_pass *pass = &w->flush;
    uint64_t end[SENT_RINGS];
    memcpy(end, room_entry(&w->seg->room, count - 1)->end, sizeof end);
    for (uint32_t n = 0; n < FLUSH_SLICE && pass->left > 0; n++) {
        if (pass->at >= w->members.count)
            pass->at = 0;
        struct client *c = worker_client(w, w->members.at[pass->at]);
        pass->at++;
        if (pass->at < w->members.count) /* its cache line arrives during the send before it */
            __builtin_prefetch(worker_client(w, w->members.at[pass->at]), 1);
        pass->left--;
        if (pass->guard_left > 0)
            pass->guard_left--;
        if (c->mode < SENT_RINGS)
            send_direct(w, c, end);
        else if (c->mode == MODE_SLOW)
            flush_steps(w, c, count);
    }
}

bool flush_slice(struct worker *w) {
    struct flush_pass *pass = &w->flush;
    uint64_t count = flush_end(w);
    if (count < pass->count) /* a pass does not go back: its guard may be beyond what is applied */
        count = pass->count;
    flush_extend(w, count);
    flush_members(w, count);
    if (pass->left == 0) {
        pass->guard_left = 0;
        flush_count_delivered(w, count);
        flush_raise(w, count);
        breadcrumb_clear(w);
        return false;
    }
    if (pass->guard_left == 0) {
        flush_count_delivered(w, pass->guard_count);
        flush_raise(w, pass->guard_count);
        pass->guard_count = count;
        pass->guard_left = w->members.count;
    }
    return true;
}

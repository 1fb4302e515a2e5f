/* flush.c - see flush.h. */
#include "worker/output/flush.h"

#include "ipc/fault.h"
#include "worker/output/filter.h"
#include "worker/output/who.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { CHAIN_SPANS = 8 }; /* boxes in one sendmsg */

static void flush_block(struct worker *w, struct client *c) {
    if (c->mode != MODE_BLOCKED)
        w->blocked++;
    c->mode = MODE_BLOCKED;
    member_arm(w, c);
}

/* What send() accepted is the kernel's to know; the word is stored after it, and a death in between
 * is repaired by asking the kernel (counters.h). */
static inline void flush_sent(struct worker *w, struct client *c, size_t n) {
    FAULT("flush.sent.before");
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    atomic_store_explicit(&c->sent, sent + n, memory_order_relaxed);
    FAULT("flush.sent.after");
    struct slot_stats *stats = &w->slot->stats;
    atomic_store_explicit(&stats->sends,
                          atomic_load_explicit(&stats->sends, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&stats->bytes_out,
                          atomic_load_explicit(&stats->bytes_out, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* send() did not take all of it. */
static void flush_short(struct worker *w, struct client *c, ssize_t n) {
    if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ||
        errno == ENOMEM)
        flush_block(w, c);
    else
        leave_lost(w, c);
}

/* The direct path, for a client whose mode is its ring. */
static inline void flush_direct(struct worker *w, struct client *c, const uint64_t end[]) {
    int e = c->mode;
    uint64_t pos = atomic_load_explicit(&c->sent, memory_order_relaxed) + c->bias;
    if (end[e] <= pos)
        return;
    size_t len = end[e] - pos;
    worker_breadcrumb(w, BREADCRUMB_FLUSH, c, pos);
    ssize_t n = send(client_index(w, c), room_text(&w->seg->room, e, pos), len,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        flush_sent(w, c, (size_t)n);
    if (n != (ssize_t)len)
        flush_short(w, c, n);
}

/* The boxes' unsent bytes as spans; returns how many spans, *complete if that is all of them. */
static int chain_spans(struct worker *w, const struct client *c, const struct facts *f,
                       struct iovec *span, bool *complete) {
    const struct buffer_pool *pool = &w->seg->tx_buffers;
    uint64_t tag = client_tag(w, c);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint32_t offset = (uint32_t)(sent - f->base), box = f->tx;
    uint32_t left = f->tx_len - offset;
    int n = 0;
    while (left > 0 && n < CHAIN_SPANS) {
        if (!buffer_owned(pool, box, tag))
            return -1;
        struct tx_buffer *buffer = buffer_at(pool, box);
        if (offset >= TX_DATA) {
            offset -= TX_DATA;
        } else {
            uint32_t here = TX_DATA - offset < left ? TX_DATA - offset : left;
            span[n++] = (struct iovec){buffer->data + offset, here};
            left -= here;
            offset = 0;
        }
        box = buffer->next;
    }
    *complete = left == 0;
    return n;
}

static bool facts_direct(const struct facts *f) {
    const uint32_t slow = FACT_FILTERED | FACT_GOODBYE | FACT_LIST_ROOM | FACT_LIST_ALL;
    return (f->flags & FACT_IN_ROOM) && !(f->flags & slow) && f->lines_lost == 0;
}

/* Boxes, and behind them the ring where nothing stands between: one sendmsg. */
static bool flush_replies(struct worker *w, struct client *c, const struct facts *f,
                          const struct entry *last) {
    struct iovec span[CHAIN_SPANS + 1];
    bool complete = false;
    int n = chain_spans(w, c, f, span, &complete);
    if (n < 0) {
        leave_begin(w, c, "its chain of boxes is damaged");
        return false;
    }
    if (complete && facts_direct(f)) {
        uint64_t end = last->end[f->encoding];
        if (end > f->pos)
            span[n++] =
                (struct iovec){(void *)room_text(&w->seg->room, f->encoding, f->pos), end - f->pos};
    }
    size_t want = 0;
    for (int i = 0; i < n; i++)
        want += span[i].iov_len;
    struct msghdr message = {.msg_iov = span, .msg_iovlen = (size_t)n};
    worker_breadcrumb(w, BREADCRUMB_FLUSH, c, f->base);
    FAULT("flush.replies.before");
    ssize_t sent = sendmsg((int)client_index(w, c), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    FAULT("flush.replies.after");
    if (sent > 0)
        flush_sent(w, c, (size_t)sent);
    if (sent != (ssize_t)want) {
        flush_short(w, c, sent);
        return false;
    }
    return true;
}

/* The notice of a lap, at last told. */
static bool flush_notice(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    struct words words = {.n = ch.f->lines_lost};
    change_sentence(&ch, SAY_SKIPPED, &words);
    ch.f->lines_lost = 0;
    return change_commit(&ch);
}

/* One step of what is pending; false if there is nothing (more) that can be done now. */
static bool flush_step(struct worker *w, struct client *c, const struct entry *last) {
    const struct facts *f = client_facts(c);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    if (sent < client_tx_end(f))
        return flush_replies(w, c, f, last);
    if (f->tx != NO_BUFFER) {
        struct change ch;
        change_begin(&ch, w, c);
        change_settle_map(&ch);
        return change_commit(&ch);
    }
    if (f->lines_lost > 0)
        return flush_notice(w, c);
    if (f->flags & (FACT_LIST_ROOM | FACT_LIST_ALL))
        return who_continue(w, c);
    if (f->flags & FACT_GOODBYE) {
        leave_begin(w, c, NULL);
        return false;
    }
    if ((f->flags & FACT_IN_ROOM) && (f->flags & FACT_FILTERED))
        return filter_continue(w, c);
    /* A successor may come by with an entry that its predecessor had flushed past: nothing then. */
    if (c->mode < ENC_COUNT)
        flush_direct(w, c, last->end);
    return false;
}

bool flush_waits(const struct client *c) {
    const struct facts *f = client_facts(c);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    return (f->flags & (FACT_LIST_ROOM | FACT_LIST_ALL)) || client_tx_end(f) > sent + OUTPUT_WAITS;
}

static void flush_steps(struct worker *w, struct client *c, const struct entry *last) {
    uint32_t generation =
        client_generation(atomic_load_explicit(&c->state_word, memory_order_relaxed));
    while (client_is(c, generation) && c->mode != MODE_BLOCKED && c->mode != MODE_WRITE_FAILED &&
           flush_step(w, c, last))
        ;
    if ((w->pause[client_index(w, c)] & PAUSE_OUTPUT) && client_is(c, generation) &&
        !flush_waits(c))
        member_resume(w, c, PAUSE_OUTPUT);
}

void flush_client(struct worker *w, struct client *c) {
    flush_steps(w, c, room_entry(&w->seg->room, room_count(&w->seg->room) - 1));
}

void flush_last(struct worker *w, struct client *c, uint64_t until) {
    flush_steps(w, c, room_entry(&w->seg->room, until - 1));
}

void flush_unblock(struct worker *w, struct client *c) {
    if (c->mode != MODE_BLOCKED)
        return;
    w->blocked--;
    c->mode = MODE_SLOW;
    client_refresh(c);
    flush_client(w, c);
    if (c->mode != MODE_BLOCKED)
        member_arm(w, c);
}

void flush_reply_pending(struct worker *w) {
    for (uint32_t i = 0; i < w->reply_pending.count; i++) {
        uint32_t fd = w->reply_pending.at[i];
        w->reply_pending.in[fd] = 0;
        worker_beat(w);
        if (w->member_index[fd] != 0)
            flush_client(w, worker_client(w, fd));
    }
    w->reply_pending.count = 0;
}

/* Lapping: everything before entry `to` is passed over and counted.  The line that was under way
 * counts as skipped, and is ended before the notice. */
static void flush_overrun(struct worker *w, struct client *c, uint64_t old_guard, uint64_t to) {
    const struct room *room = &w->seg->room;
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* the guard rises after this: it must not fail for want of a box */
    struct facts *f = ch.f;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint64_t pos = f->pos;
    if (sent >= client_tx_end(f)) {
        pos += sent - client_tx_end(f);
        if (f->tx != NO_BUFFER) {
            ch.old_head = f->tx;
            ch.old_len = f->tx_len;
        }
        f->base = sent;
        f->tx_len = 0;
        f->tx = NO_BUFFER;
    }
    uint64_t at = room_find(room, f->encoding, pos, old_guard, to);
    /* By the ledger: the text itself may be gone, if a predecessor died long ago. */
    if (sent >= client_tx_end(f) && room_start(room, at, f->encoding) != pos)
        f->flags |= FACT_TORN;
    f->lines_lost += room_entry(room, to - 1)->lines - room_entry(room, at - 1)->lines;
    f->pos = room_start(room, to, f->encoding);
    FAULT("flush.overrun.before");
    if (change_commit(&ch)) {
        struct slot_stats *stats = &w->slot->stats;
        atomic_fetch_add_explicit(&stats->overruns, 1, memory_order_relaxed);
    }
    FAULT("flush.overrun.after");
    if (w->config.slow_client == SLOW_DISCONNECT)
        leave_begin(w, c, "too slow");
}

void flush_overrun_behind(struct worker *w, struct client *c, uint64_t old_guard, uint64_t guard,
                          uint64_t count) {
    const struct room *room = &w->seg->room;
    const struct facts *f = client_facts(c);
    if (!(f->flags & FACT_IN_ROOM))
        return;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint64_t pos = sent < client_tx_end(f) ? f->pos : sent + c->bias;
    if (pos >= room_start(room, guard, f->encoding))
        return;
    /* Half way to the end, so that it is not lapped again at once. */
    uint64_t end = room_entry(room, count - 1)->end[f->encoding];
    uint64_t start = room_start(room, guard, f->encoding);
    uint64_t to = room_find(room, f->encoding, start + (end - start) / 2, guard - 1, count - 1) + 1;
    flush_overrun(w, c, old_guard, to);
}

/* Everyone is at `count` or blocked.  The guard follows in large strides: the search and the look
 * at the blocked ones cost something, the room they free is needed only now and then. */
static void flush_raise(struct worker *w, uint64_t count) {
    const struct room *room = &w->seg->room;
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    /* Not past what this worker has applied: a client that is on its way to it by a move beyond the
     * cursor is at least where a guard for that entry would be. */
    uint64_t cursor = atomic_load_explicit(&w->slot->cursor, memory_order_relaxed);
    if (count > cursor)
        count = cursor;
    if (count <= guard)
        return;
    bool far = count - guard > room->ledger_len / 2 + room->ledger_len / 8;
    for (int e = 0; e < ENC_COUNT; e++) {
        uint64_t size = room->ring_size[e];
        far |=
            room_entry(room, count - 1)->end[e] - room_start(room, guard, e) > size / 2 + size / 8;
    }
    if (!far)
        return;
    uint64_t raised = room_guard_for(room, count, guard);
    /* Commit the new map of everyone who is lapped by it, then let the producers have the room. Not
     * only the blocked are behind: a filtered client for whom no box was free is as well. */
    for (uint32_t i = w->member_count; i-- > 0;)
        flush_overrun_behind(w, worker_client(w, w->members[i]), guard, raised, count);
    FAULT("flush.raise.before");
    atomic_store_explicit(&w->slot->guard, raised, memory_order_release);
    FAULT("flush.raise.after");
}

bool flush_slice(struct worker *w) {
    const struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    if (count != w->flush_count) {
        w->flush_count = count;
        w->flush_left = w->member_count;
        if (w->circle_left == 0) {
            w->circle_count = count;
            w->circle_left = w->member_count;
        }
    }
    if (w->member_count == 0)
        w->flush_left = w->circle_left = 0;
    const struct entry *last = room_entry(room, count - 1);
    uint64_t end[ENC_COUNT];
    memcpy(end, last->end, sizeof end);
    for (uint32_t n = 0; n < FLUSH_SLICE && w->flush_left > 0; n++) {
        if (w->flush_at >= w->member_count)
            w->flush_at = 0;
        struct client *c = worker_client(w, w->members[w->flush_at]);
        w->flush_at++;
        if (w->flush_at < w->member_count) /* a send is long enough for its line to come */
            __builtin_prefetch(worker_client(w, w->members[w->flush_at]), 1);
        w->flush_left--;
        if (w->circle_left > 0)
            w->circle_left--;
        if (c->mode < ENC_COUNT)
            flush_direct(w, c, end);
        else if (c->mode == MODE_SLOW)
            flush_steps(w, c, last);
    }
    if (w->flush_left == 0) { /* everyone is at `count`, or blocked */
        w->circle_left = 0;
        flush_raise(w, count);
    } else if (w->circle_left == 0) {
        flush_raise(w, w->circle_count);
        w->circle_count = count;
        w->circle_left = w->member_count;
    }
    if (w->flush_left == 0) {
        worker_breadcrumb_clear(w);
        return false;
    }
    return true;
}

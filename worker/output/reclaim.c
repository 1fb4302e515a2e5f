/* reclaim.c - see reclaim.h. */
#include "worker/output/reclaim.h"

#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/buffer_request.h"

#include <stdlib.h>

bool reclaim_make(struct reclaim *r, uint32_t len) {
    r->looked = r->looked_outside = 0;
    r->mark = calloc(len, sizeof *r->mark);
    return r->mark != NULL;
}

/* The half-typed line counts as too long: its rest is dropped, and its end is answered so. */
static void reclaim_line(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* no buffer is free to say anything in */
    change_give_line_buffer(&ch);
    ch.f->line_len = ch.f->behind = 0;
    ch.f->flags |= FACT_OVERLONG;
    change_commit(&ch);
}

/* Up no longer brings back the line before. */
static void reclaim_last(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true;
    change_give_last(&ch);
    change_commit(&ch);
}

static bool reclaim_unread(const struct client *c) {
    return c->mode == MODE_BLOCKED && !client_drained(c, client_facts(c));
}

/* A look at a member in the room. */
static void reclaim_member(struct worker *w, struct reclaim *r, struct client *c, bool few) {
    const struct facts *f = client_facts(c);
    struct reclaim_mark *last = &r->mark[client_index(w, c)];
    uint32_t sent = (uint32_t)atomic_load_explicit(&c->sent, memory_order_relaxed);
    struct reclaim_mark now = {.generation = (uint32_t)(client_tag(w, c) >> 32),
                               .unread = (uint32_t)client_tx_end(f),
                               .blocked = reclaim_unread(c),
                               .line = f->line_buffer != NO_BUFFER};
    bool known = last->generation == now.generation;
    if (now.blocked && known && last->blocked && (int32_t)(sent - last->unread) < 0) {
        if (few)
            leave_lost(w, c, "does not read, and few buffers are free for others");
        return; /* the mark stays */
    }
    if (now.line && known && last->line)
        reclaim_line(w, c);
    if (client_facts(c)->last != NO_BUFFER)
        reclaim_last(w, c);
    *last = now;
}

/* Whether more than half of the pool is taken: not by clients outside and half-typed lines alone,
 * whose shares end there (change.h). */
static bool reclaim_few(const struct worker *w) {
    const struct buffer_pool *pool = &w->seg->tx_buffers;
    return buffer_used(pool) > buffer_count(pool) / 2;
}

void reclaim_look(struct worker *w, struct reclaim *r) {
    if (!buffer_request_pending(w))
        return;
    buffer_request_seen(w);
    if (w->now - r->looked_outside < RECLAIM_OUTSIDE_MS)
        return; /* the worker that wants one makes another request */
    r->looked_outside = w->now;
    bool all = w->now - r->looked >= RECLAIM_MS, few = all && reclaim_few(w);
    if (all)
        r->looked = w->now;
    for (uint32_t i = w->members.count; i-- > 0;) {
        struct client *c = worker_client(w, w->members.at[i]);
        if (client_facts(c)->flags & FACT_IN_ROOM) {
            if (all)
                reclaim_member(w, r, c, few);
        } else if (reclaim_unread(c)) {
            leave_begin(w, c, "does not read before its login, and no buffer is free for others");
        }
    }
}

/* reclaim.c - see reclaim.h. */
#include "worker/output/reclaim.h"

#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/buffer_request.h"

#include <stdlib.h>

bool reclaim_make(struct reclaim *r, uint32_t len) {
    r->looked = 0;
    r->mark = calloc(len, sizeof *r->mark);
    return r->mark != NULL;
}

/* The half-typed line counts as too long: its rest is dropped, and its end is answered so. */
static void reclaim_line(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* no buffer is free to say anything in */
    change_give_line_buffer(&ch);
    ch.f->line_len = 0;
    ch.f->flags |= FACT_OVERLONG;
    change_commit(&ch);
}

static void reclaim_member(struct worker *w, struct reclaim *r, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c), generation = (uint32_t)(client_tag(w, c) >> 32);
    /* The generation is mixed in, so that the mark of a former user of the descriptor never
     * matches. */
    uint32_t sent = (uint32_t)atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint32_t reads = sent + (generation << 20) + 1, types = ~generation;
    bool unread = c->mode == MODE_BLOCKED && !client_drained(c, f);
    if (unread && r->mark[fd] == reads)
        leave_begin(w, c, "reads nothing, and no buffer is free for others");
    else if (!unread && f->line_buffer != NO_BUFFER && r->mark[fd] == types)
        reclaim_line(w, c);
    r->mark[fd] = unread ? reads : f->line_buffer != NO_BUFFER ? types : 0;
}

void reclaim_look(struct worker *w, struct reclaim *r) {
    if (!buffer_request_pending(w))
        return;
    buffer_request_seen(w);
    if (w->now - r->looked < RECLAIM_MS)
        return; /* the worker that wants one makes another request */
    r->looked = w->now;
    for (uint32_t i = w->members.count; i-- > 0;)
        reclaim_member(w, r, worker_client(w, w->members.at[i]));
}

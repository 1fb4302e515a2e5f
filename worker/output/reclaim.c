/* relieve.c - see relieve.h. */
#include "worker/output/reclaim.h"

#include "worker/record/change.h"
#include "worker/record/leave.h"

bool reclaim_asked(const struct worker *w) {
    return atomic_load_explicit(&w->seg->header->buffers_wanted, memory_order_acquire) !=
           w->buffers_wanted;
}

void reclaim_ask(struct worker *w) {
    struct segment_header *h = w->seg->header;
    if (reclaim_asked(w))
        return; /* by somebody, and not looked at yet */
    atomic_fetch_add(&h->buffers_wanted, 1);
    slots_ring(w->seg->slots, atomic_load(&h->slots_used), (int)w->index);
}

/* It counts as too long, then: the rest of it is dropped, and its end is told so. */
static void reclaim_line(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* no box is free to say anything in */
    change_give_line_buffer(&ch);
    ch.f->line_len = 0;
    ch.f->flags |= FACT_OVERLONG;
    change_commit(&ch);
}

static void reclaim_member(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c), generation = (uint32_t)(client_tag(w, c) >> 32);
    /* Its birth makes it another's mark if the descriptor is. */
    uint32_t reads =
        (uint32_t)atomic_load_explicit(&c->sent, memory_order_relaxed) + (generation << 20) + 1;
    uint32_t types = ~generation;
    bool unread = c->mode == MODE_BLOCKED && f->tx != NO_BUFFER;
    if (unread && w->reclaim_mark[fd] == reads)
        leave_begin(w, c, "reads nothing, and no box is free for others");
    else if (!unread && f->line_buffer != NO_BUFFER && w->reclaim_mark[fd] == types)
        reclaim_line(w, c);
    w->reclaim_mark[fd] = unread ? reads : f->line_buffer != NO_BUFFER ? types : 0;
}

void reclaim_look(struct worker *w) {
    if (!reclaim_asked(w))
        return;
    w->buffers_wanted = atomic_load(&w->seg->header->buffers_wanted);
    if (w->now - w->reclaim_looked < RECLAIM_MS)
        return; /* who asks asks again */
    w->reclaim_looked = w->now;
    for (uint32_t i = w->member_count; i-- > 0;)
        reclaim_member(w, worker_client(w, w->members[i]));
}

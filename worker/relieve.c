/* relieve.c - see relieve.h. */
#include "worker/relieve.h"

#include "worker/leave.h"

bool relieve_asked(const struct worker *w) {
    return atomic_load_explicit(&w->seg->header->boxes_wanted, memory_order_acquire) !=
           w->boxes_wanted;
}

void relieve_ask(struct worker *w) {
    struct segment_header *h = w->seg->header;
    if (relieve_asked(w))
        return; /* by somebody, and not looked at yet */
    atomic_fetch_add(&h->boxes_wanted, 1);
    slots_ring(w->seg->slots, atomic_load(&h->slots_used), (int)w->index);
}

static void relieve_member(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c);
    /* Its birth makes it another's mark if the descriptor is. */
    uint32_t mark = (uint32_t)atomic_load_explicit(&c->sent, memory_order_relaxed) +
                    ((uint32_t)(client_tag(w, c) >> 32) << 20) + 1;
    bool unread = c->mode == MODE_BLOCKED && f->out_box != NO_BOX;
    if (unread && w->taken_mark[fd] == mark)
        leave_begin(w, c, "reads nothing, and no box is free for others");
    else if (f->line_box != NO_BOX && (int32_t)(w->now - f->heard) > RELIEVE_TYPED_MS)
        leave_begin(w, c, "half a long line for too long, and no box is free for others");
    w->taken_mark[fd] = unread ? mark : 0;
}

void relieve_look(struct worker *w) {
    if (!relieve_asked(w))
        return;
    w->boxes_wanted = atomic_load(&w->seg->header->boxes_wanted);
    if (w->now - w->relieved < RELIEVE_MS)
        return; /* who asks asks again */
    w->relieved = w->now;
    for (uint32_t i = w->member_count; i-- > 0;)
        relieve_member(w, worker_client(w, w->members[i]));
}

/* relieve.c - see relieve.h. */
#include "worker/relieve.h"

#include "worker/edit.h"
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

/* It counts as too long, then: the rest of it is dropped, and its end is told so. */
static void relieve_line(struct worker *w, struct client *c) {
    struct edit e;
    edit_begin(&e, w, c);
    e.mute = true; /* no box is free to say anything in */
    edit_give_line_box(&e);
    e.f->line_len = 0;
    e.f->flags |= FACT_OVERLONG;
    edit_commit(&e);
}

static void relieve_member(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c), birth = (uint32_t)(client_tag(w, c) >> 32);
    /* Its birth makes it another's mark if the descriptor is. */
    uint32_t reads =
        (uint32_t)atomic_load_explicit(&c->sent, memory_order_relaxed) + (birth << 20) + 1;
    uint32_t types = ~birth;
    bool unread = c->mode == MODE_BLOCKED && f->out_box != NO_BOX;
    if (unread && w->taken_mark[fd] == reads)
        leave_begin(w, c, "reads nothing, and no box is free for others");
    else if (!unread && f->line_box != NO_BOX && w->taken_mark[fd] == types)
        relieve_line(w, c);
    w->taken_mark[fd] = unread ? reads : f->line_box != NO_BOX ? types : 0;
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

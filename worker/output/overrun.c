/* overrun.c - see overrun.h. */
#include "worker/output/overrun.h"

#include "ipc/fault.h"
#include "worker/output/history.h"
#include "worker/record/leave.h"

void overrun_pass(struct change *ch, uint64_t old_guard, uint64_t to) {
    const struct room *room = &ch->w->seg->room;
    struct facts *f = ch->f;
    uint64_t sent = atomic_load_explicit(&ch->c->sent, memory_order_relaxed);
    uint64_t start = room_start(room, to, f->ring);
    bool drained = sent >= client_tx_end(f);
    if (drained)
        change_drop_output(ch);
    if (f->pos >= start)
        return;
    uint64_t at = room_find(room, f->ring, f->pos, old_guard, to);
    if (drained && room_start(room, at, f->ring) != f->pos)
        f->flags |= FACT_TORN;
    f->lines_lost += room_entry(room, to - 1)->lines - room_entry(room, at - 1)->lines;
    f->pos = start;
    if (f->flags & FACT_LIST_SAID)
        history_lost(f);
}

/* A torn frame can neither be ended nor be followed by another one: its rest is kept in buffers.
 * Nothing waits for those: where none is free, or the rest is overwritten, the overrun finds the
 * frame torn. */
static void overrun_begin(struct change *ch, struct worker *w, struct client *c) {
    change_begin(ch, w, c);
    if (ch->f->ring == RING_JSON)
        change_settle_map(ch);
    if (ch->failed) {
        change_abandon(ch);
        change_begin(ch, w, c);
    }
    ch->drop_replies =
        true; /* the guard is raised after this, so it must not fail for want of a buffer */
}

static void overrun(struct worker *w, struct client *c, uint64_t old_guard, uint64_t to) {
    struct change ch;
    overrun_begin(&ch, w, c);
    overrun_pass(&ch, old_guard, to);
    FAULT("flush.overrun.before");
    if (change_commit(&ch))
        atomic_fetch_add_explicit(&w->slot->stats.overruns, 1, memory_order_relaxed);
    FAULT("flush.overrun.after");
    if (client_facts(c)->ring == RING_JSON && client_facts(c)->flags & FACT_TORN) {
        c->mode = MODE_WRITE_FAILED;
        leave_lost(w, c, "a frame was overwritten before it was sent");
        return;
    }
    if (w->config.slow_client == SLOW_DISCONNECT)
        leave_lost(w, c, "too slow");
}

void overrun_behind(struct worker *w, struct client *c, uint64_t old_guard, uint64_t guard,
                    uint64_t count) {
    const struct room *room = &w->seg->room;
    const struct facts *f = client_facts(c);
    if (!(f->flags & FACT_IN_ROOM) || client_away(f))
        return;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint64_t pos = sent < client_tx_end(f) ? f->pos : sent + c->bias;
    uint64_t start = room_start(room, guard, f->ring);
    if (pos >= start)
        return;
    /* Half way to the end, so that it is not overrun again at once. */
    uint64_t end = room_entry(room, count - 1)->end[f->ring];
    uint64_t to = room_find(room, f->ring, start + (end - start) / 2, guard - 1, count - 1) + 1;
    overrun(w, c, old_guard, to);
}

/* publish.c - see publish.h. */
#include "worker/ledger/publish.h"

#include "ipc/fault.h"
#include "worker/ledger/orders.h"
#include "worker/ledger/ping.h"
#include "worker/ledger/unread.h"
#include "worker/state/lock.h"

#include <string.h>

/* ---- under the gate: bounded copying only ---- */

/* In a crowd joins and leaves are entries without text. */
static void publish_suppress_announcement(const struct worker *w, struct staged *s,
                                          uint32_t people) {
    uint8_t kind = s->line.entry.kind;
    if (w->config.announce_max == 0 || people <= w->config.announce_max ||
        (kind != ENTRY_JOIN && kind != ENTRY_LEAVE))
        return;
    for (int e = 0; e < SENT_RINGS; e++)
        s->line.len[e] = 0;
    s->line.id_at = 0;
}

static enum stage_verdict publish_decide_move(const struct worker *w, const struct staged *s) {
    struct side_move move;
    memcpy(&move, s->line.text[RING_SIDE], sizeof move);
    bool there = atomic_load(&w->seg->slots[move.to].state) != SLOT_UNUSED;
    return there ? STAGE_PUBLISHED : STAGE_NOBODY;
}

static bool publish_find(const struct worker *w, const struct batch *b, uint64_t key,
                         struct side_private *holder) {
    struct segment *seg = w->seg;
    return name_table_find(&seg->names, &seg->room, &seg->clients, b->next, key, &holder->client,
                           &holder->generation);
}

/* Of the client's owner: a worker's, or the relay's. */
static const struct slot *publish_slot(const struct worker *w, const struct client *c) {
    uint32_t slot = atomic_load(&c->slot);
    return &w->seg->slots[slot < ROOM_SLOTS ? slot : 0];
}

/* Whether the addressee has more unread than a private line may be added to: what waits in its
 * buffers, and what may be on its way to them. */
static bool publish_unread(const struct worker *w, const struct batch *b, uint32_t client,
                           const struct facts *f) {
    const struct segment *seg = w->seg;
    const struct client *c = &seg->clients.at[client];
    const struct slot *slot = publish_slot(w, c);
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed), end = client_tx_end(f);
    uint64_t waits = end > sent && !client_away(f) ? end - sent : 0;
    uint64_t cursor = atomic_load(&slot->cursor);
    uint64_t coming = b->end[RING_SIDE] - room_start(&seg->room, cursor, RING_SIDE);
    return waits > UNREAD_MAX || waits + coming > UNREAD_MAX + UNREAD_COMING;
}

/* A private line, or a note. */
static enum stage_verdict publish_decide_private(const struct worker *w, const struct batch *b,
                                                 struct staged *s) {
    struct segment *seg = w->seg;
    struct side_private to;
    struct client_view view;
    memcpy(&to, s->line.text[RING_SIDE], sizeof to);
    if (s->key != 0 && !publish_find(w, b, s->key, &to))
        return STAGE_NOBODY;
    if (!client_peek(&seg->clients, to.client, &view) || view.generation != to.generation ||
        (s->key == 0 && !(view.facts.flags & FACT_IN_ROOM)))
        return STAGE_NOBODY;
    memcpy((void *)s->line.text[RING_SIDE], &to, sizeof to);
    if (s->line.entry.kind == ENTRY_PRIVATE && client_is_remote(&seg->clients, to.client) &&
        !relay_is_up(&seg->header->relay))
        return STAGE_LINK;
    return publish_unread(w, b, to.client, &view.facts) ? STAGE_UNREAD : STAGE_PUBLISHED;
}

/* Whether an entry that the client's worker has not applied yet asks it to leave. */
static bool publish_is_kicked(const struct worker *w, const struct batch *b,
                              const struct entry *kick) {
    const struct client *c = &w->seg->clients.at[kick->client];
    const struct slot *slot = publish_slot(w, c);
    for (uint64_t i = atomic_load(&slot->cursor); i < b->next; i++) {
        const struct entry *entry = room_entry(&w->seg->room, i);
        if (entry->kind == ENTRY_KICK && entry->client == kick->client &&
            entry->generation == kick->generation)
            return true;
    }
    return false;
}

/* The client that the operator meant is there, has that name still, and was not asked already. */
static enum stage_verdict publish_decide_kick(const struct worker *w, const struct batch *b,
                                              const struct staged *s) {
    const struct entry *kick = &s->line.entry;
    struct side_private holder;
    struct client_view view;
    bool there = client_peek(&w->seg->clients, kick->client, &view) &&
                 view.generation == kick->generation && !(view.facts.flags & FACT_KICKED) &&
                 (s->key != 0 || view.facts.flags & FACT_IN_ROOM) && !publish_is_kicked(w, b, kick);
    if (there && s->key != 0)
        there = publish_find(w, b, s->key, &holder) && holder.client == kick->client &&
                holder.generation == kick->generation;
    return there ? STAGE_PUBLISHED : STAGE_NOBODY;
}

enum publish_holder { PUBLISH_NO_HOLDER, PUBLISH_OWN, PUBLISH_OTHER };

static enum publish_holder publish_holder(const struct worker *w, const struct batch *b,
                                          const struct entry *entry, uint64_t key) {
    struct side_private holder;
    if (!publish_find(w, b, key, &holder))
        return PUBLISH_NO_HOLDER;
    bool own = holder.client == entry->client && holder.generation == entry->generation;
    return own ? PUBLISH_OWN : PUBLISH_OTHER;
}

/* Both keys of the new name are claimed (a name of another machine has one), for the entry that is
 * about to be written.  If that finds no room, or is never committed, the claims are void by
 * themselves; none is made for a name that is refused, because void ones lengthen searches.  A key
 * that the client has already (its name in another spelling) stays with it. */
static enum stage_verdict publish_decide_name(const struct worker *w, const struct batch *b,
                                              const struct staged *s) {
    struct segment *seg = w->seg;
    const struct entry *entry = &s->line.entry;
    const uint64_t keys[] = {s->key, s->look};
    int count = s->look != 0 ? 2 : 1;
    enum publish_holder holder[2];
    for (int i = 0; i < count; i++)
        if ((holder[i] = publish_holder(w, b, entry, keys[i])) == PUBLISH_OTHER)
            return STAGE_NAME_TAKEN;
    for (int i = 0; i < count; i++)
        if (holder[i] == PUBLISH_NO_HOLDER &&
            !name_table_claim(&seg->names, &seg->room, &seg->clients, b->next, keys[i], b->next,
                              entry->client, entry->generation))
            return STAGE_NAMES_FULL;
    return STAGE_PUBLISHED;
}

static enum stage_verdict publish_decide(struct worker *w, const struct batch *b,
                                         struct staged *s) {
    if (s->ordered != STAGE_PUBLISHED)
        return (enum stage_verdict)s->ordered;
    if (s->line.entry.kind == ENTRY_MOVE)
        return publish_decide_move(w, s);
    if (s->line.entry.kind == ENTRY_PING)
        return ping_due(w) ? STAGE_PUBLISHED : STAGE_DROPPED;
    if (s->line.entry.kind == ENTRY_KICK)
        return publish_decide_kick(w, b, s);
    if (s->line.entry.kind == ENTRY_PRIVATE || s->line.entry.kind == ENTRY_NOTE)
        return publish_decide_private(w, b, s);
    if (s->key == 0)
        return STAGE_PUBLISHED;
    return publish_decide_name(w, b, s);
}

/* False: no room in the ring. */
static bool publish_line(struct worker *w, struct batch *b, struct staged *s) {
    s->verdict = (uint8_t)publish_decide(w, b, s);
    if (s->verdict != STAGE_PUBLISHED)
        return true;
    publish_suppress_announcement(w, s, b->people + (s->line.people > 0));
    return room_append(&w->seg->room, b, &s->line);
}

static bool publish_is(const struct staged *s, enum entry_kind kind) {
    return s->line.entry.kind == kind && s->verdict == STAGE_PUBLISHED;
}

/* Both before the commit: a death in between moves the words for nothing, but no entry is in the
 * ledger that they do not tell of. */
static void publish_order(struct room *room) {
    FAULT("publish.order.before");
    atomic_fetch_add(&room->shared->orders, 1);
    FAULT("publish.order.after");
}

static void publish_hold(struct room *room, const struct batch *b) {
    FAULT("publish.hold.before");
    atomic_store(&room->shared->held, b->next);
    FAULT("publish.hold.after");
}

/* The keys of a name that was given up, but for one that the new name has, too. */
static void publish_free(struct segment *seg, const struct staged *s) {
    const struct entry *entry = &s->line.entry;
    if (s->old_key != 0 && s->old_key != s->key)
        name_table_clear(&seg->names, s->old_key, entry->client, entry->generation);
    if (s->old_key != 0 && s->old_look != s->look)
        name_table_clear(&seg->names, s->old_look, entry->client, entry->generation);
}

/* An order ends the batch: the lines behind it are decided as of it.  True if anything was
 * published. */
static bool publish_batch(struct worker *w) {
    struct segment *seg = w->seg;
    struct stage *stage = &w->stage;
    struct batch b;
    uint32_t first = stage->next;
    bool order = false, hold = false;
    room_begin(&seg->room, &b);
    while (stage_blocked(stage) && !order && publish_line(w, &b, &stage->line[stage->next])) {
        const struct staged *s = &stage->line[stage->next++];
        order = publish_is(s, ENTRY_KICK);
        hold |= order || publish_is(s, ENTRY_PRIVATE) || publish_is(s, ENTRY_NOTE);
    }
    if (order)
        publish_order(&seg->room);
    if (hold)
        publish_hold(&seg->room, &b);
    if (b.next != b.first)
        room_commit(&seg->room, &b);
    /* A name is free once the entry that frees it is in the ledger. */
    for (uint32_t i = first; i < stage->next; i++) {
        if (stage->line[i].verdict != STAGE_PUBLISHED)
            continue;
        publish_free(seg, &stage->line[i]);
        if (stage->line[i].line.entry.kind == ENTRY_PING)
            ping_made(w);
    }
    return b.next != b.first;
}

/* Nothing is published while an order cannot be seen: this worker has to wait for another one.  The
 * word is read under the gate, where the kick that moved it is committed. */
static bool publish_locked(struct worker *w, publish_see see) {
    bool any = false;
    for (;;) {
        worker_lock(w);
        if (orders_given(w) == w->orders)
            any |= publish_batch(w);
        uint64_t orders = orders_given(w); /* this worker's own order may have ended the batch */
        worker_unlock(w);
        if (orders == w->orders || !see(w, orders))
            return any;
    }
}

void publish(struct worker *w) {
    publish_as(w, orders_see);
}

void publish_as(struct worker *w, publish_see see) {
    struct stage *stage = &w->stage;
    if (!stage_blocked(stage))
        return;
    bool any = publish_locked(w, see);
    if (stage_blocked(stage)) { /* room may have been made before this worker said that it waits */
        room_wait(&w->seg->room);
        any |= publish_locked(w, see);
    }
    if (any) {
        slots_ring(w->seg->slots, atomic_load(&w->seg->header->slots_used), (int)w->index);
        for (uint32_t i = WORKERS_MAX; i < CHILD_SLOTS; i++)
            slot_ring(&w->seg->slots[i]);
    }
    stage->closed = stage_blocked(stage);
}

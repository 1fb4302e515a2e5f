/* move.c - see move.h. */
#include "worker/ledger/move.h"

#include "ipc/fault.h"
#include "worker/ledger/adopt.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"

#include <string.h>
#include <sys/epoll.h>

static void move_let_go(struct worker *w, struct client *c, uint32_t to) {
    uint32_t fd = client_index(w, c);
    /* The receiver's guard may be as far as half a ring behind; see flush_raise. */
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    uint64_t count = room_count(&w->seg->room);
    flush_overrun_behind(w, c, guard, room_guard_for(&w->seg->room, count, guard), count);
    if (client_state(atomic_load_explicit(&c->state_word, memory_order_relaxed)) != CLIENT_LIVE)
        return; /* too slow: it ends here, and the receiver passes it over */
    member_remove(w, c);
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, (int)fd, NULL);
    if (c->mode == MODE_BLOCKED) {
        c->mode = MODE_SLOW;
        client_refresh(c);
    }
    FAULT("move.let_go.before");
    atomic_store_explicit(&c->slot, (uint8_t)to, memory_order_release);
    FAULT("move.let_go.after");
    atomic_thread_fence(memory_order_seq_cst);
    slot_ring(&w->seg->slots[to]);
}

/* It is ours, and this entry will never give it away again, whatever dies and is applied anew. */
static void move_taken(struct worker *w, struct client *c, uint64_t index) {
    if (client_facts(c)->seen > index)
        return;
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* nothing is said, so no box is wanted */
    ch.f->seen = index + 1;
    FAULT("move.taken.before");
    change_commit(&ch);
    FAULT("move.taken.after");
}

bool move_apply(struct worker *w, uint64_t index, const struct entry *entry) {
    const struct room *room = &w->seg->room;
    struct side_move move;
    memcpy(&move, room_text(room, RING_SIDE, room_start(room, index, RING_SIDE)), sizeof move);
    if (entry->client >= w->seg->clients.len || (move.from != w->index && move.to != w->index))
        return true;
    struct client *c = worker_client(w, entry->client);
    uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    uint32_t slot = atomic_load_explicit(&c->slot, memory_order_acquire);
    if (client_generation(state_word) != entry->generation)
        return true;
    if (move.from == w->index) {
        /* Seen already: it has been away, and come back by a later entry. */
        if (client_state(state_word) == CLIENT_LIVE && slot == w->index &&
            client_facts(c)->seen <= index)
            move_let_go(w, c, move.to);
        return true;
    }
    if (slot == w->index) {
        if (client_state(state_word) >= CLIENT_LIVE && w->member_index[entry->client] == 0)
            adopt_client(w, c);
        if (client_is(c, entry->generation))
            move_taken(w, c, index);
        return true;
    }
    /* Closed by the giver before it came to the entry, or gone on to a third. */
    return client_state(state_word) != CLIENT_LIVE || slot != move.from;
}

static uint32_t move_target(struct worker *w) {
    uint32_t stay = atomic_load(&w->seg->header->workers);
    for (uint32_t tries = 0; tries < stay; tries++) {
        uint32_t to = w->give_next++ % stay;
        if (to != w->index && slot_alive(atomic_load(&w->seg->slots[to].state)))
            return to;
    }
    return w->index;
}

bool move_stage_all(struct worker *w) {
    for (uint32_t i = 0; i < w->member_count && stage_fits(w, 64); i++) {
        struct client *c = worker_client(w, w->members[i]);
        uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
        struct side_move move = {w->index, move_target(w)};
        if (client_state(state_word) != CLIENT_LIVE || move.to == w->index)
            continue;
        struct staged *s = stage_add(w, ENTRY_MOVE, w->members[i], client_generation(state_word),
                                     client_facts(c)->consumed);
        stage_side(w, s, &move, sizeof move);
    }
    return w->member_count == 0;
}

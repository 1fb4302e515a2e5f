/* move.c - see move.h. */
#include "worker/ledger/move.h"

#include "ipc/fault.h"
#include "worker/command/say.h"
#include "worker/ledger/adopt.h"
#include "worker/output/overrun.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/members.h"

#include <string.h>

static void move_let_go(struct worker *w, struct client *c, uint32_t to) {
    /* The receiver's guard may be as far as half a ring behind `count`: see flush_raise. */
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    uint64_t count = room_count(&w->seg->room);
    overrun_behind(w, c, guard, room_guard_for(&w->seg->room, count, guard), count);
    if (!client_live(
            c)) { /* slow_client = disconnect: it leaves here, and the receiver passes it over */
        slots_ring(w->seg->slots, to + 1, -1);
        return;
    }
    interest_forget(w, c);
    member_remove(w, c);
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

/* Marks the entry as seen, so that replaying it after a crash does not move the client again. */
static void move_mark_seen(struct worker *w, struct client *c, uint64_t index) {
    if (client_facts(c)->seen > index)
        return;
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* nothing is said, so no buffer is wanted */
    ch.f->seen = index + 1;
    FAULT("move.taken.before");
    change_commit(&ch);
    FAULT("move.taken.after");
}

static struct side_move move_read(const struct room *room, uint64_t index) {
    struct side_move move;
    memcpy(&move, room_text(room, RING_SIDE, room_start(room, index, RING_SIDE)), sizeof move);
    return move;
}

/* Closed by the giver before it came to the entry, let go, or moved on to a third worker. */
static bool move_given(const struct client *c, const struct entry *entry, uint32_t from) {
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    return client_generation(word) != entry->generation || client_state(word) != CLIENT_LIVE ||
           atomic_load_explicit(&c->slot, memory_order_acquire) != from;
}

bool move_ready(const struct worker *w) {
    const struct room *room = &w->seg->room;
    uint64_t index = atomic_load_explicit(&w->slot->cursor, memory_order_relaxed);
    const struct entry *entry = room_entry(room, index);
    return entry->kind != ENTRY_MOVE ||
           move_given(&w->seg->clients.at[entry->client], entry, move_read(room, index).from);
}

bool move_apply(struct worker *w, uint64_t index, const struct entry *entry) {
    struct side_move move = move_read(&w->seg->room, index);
    if (!segment_has_client(w->seg, entry->client) ||
        (move.from != w->index && move.to != w->index))
        return true;
    struct client *c = worker_client(w, entry->client);
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    uint32_t slot = atomic_load_explicit(&c->slot, memory_order_acquire);
    if (client_generation(word) != entry->generation)
        return true;
    if (move.from == w->index) {
        /* If it has seen the entry, it was away and came back by a later one. */
        if (client_state(word) == CLIENT_LIVE && slot == w->index && client_facts(c)->seen <= index)
            move_let_go(w, c, move.to);
        return true;
    }
    if (slot == w->index) {
        if (client_state(word) >= CLIENT_LIVE && !worker_serves(w, entry->client))
            adopt_client(w, c);
        if (client_is(c, entry->generation))
            move_mark_seen(w, c, index);
        return true;
    }
    return move_given(c, entry, move.from);
}

static uint32_t move_target(const struct worker *w, uint32_t *next) {
    uint32_t stay = atomic_load(&w->seg->header->workers);
    for (uint32_t tries = 0; tries < stay; tries++) {
        uint32_t to = (*next)++ % stay;
        if (to != w->index && slot_alive(atomic_load(&w->seg->slots[to].state)))
            return to;
    }
    return w->index;
}

bool move_stage_all(struct worker *w, uint32_t *next) {
    for (uint32_t i = 0; i < w->members.count; i++) {
        struct client *c = worker_client(w, w->members.at[i]);
        uint32_t to = move_target(w, next);
        if (client_live(c) && client_kind(c) == KIND_CONTROL)
            leave_begin(w, c, "its worker retires"); /* what it asked for is answered */
        if (!client_live(c) || to == w->index)
            continue;
        if (say_move(w, c, to) != LINE_STAGED)
            break;
    }
    return w->members.count == 0;
}

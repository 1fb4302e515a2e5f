/* room.c - publishing into the ledger and the rings; see room.h for the model. */
#include "ipc/room.h"

#include "ipc/fault.h"
#include "ipc/slot.h"

#include <string.h>

void room_init(struct room *room) {
    struct entry *genesis = room_entry(room, 0);
    memset(genesis, 0, sizeof *genesis);
    genesis->client = NO_CLIENT;
    room->side_end[0] = 0;
    room->shared->ledger_limit = 0;
    memset(room->shared->text_limit, 0, sizeof room->shared->text_limit);
    for (int e = 0; e < RING_COUNT; e++)
        atomic_init(&room->shared->text_high[e], 0);
    atomic_init(&room->shared->ledger_high, 1);
    atomic_init(&room->shared->waiting, 0);
    atomic_init(&room->shared->orders, 0);
    atomic_init(&room->shared->held, 0);
    atomic_init(&room->shared->pinged, 0);
    atomic_store_explicit(&room->shared->count, 1, memory_order_release);
}

void room_begin(struct room *room, struct batch *batch) {
    uint64_t count = atomic_load_explicit(&room->shared->count, memory_order_relaxed);
    const struct entry *last = room_entry(room, count - 1);
    batch->first = batch->next = count;
    memcpy(batch->end, last->end, sizeof last->end);
    batch->end[RING_SIDE] = room_end(room, count - 1, RING_SIDE);
    batch->lines = last->lines;
    batch->said = last->said;
    batch->people = last->people;
}

/* Reads every participant's guard and cursor; see room.h, "Room to write".  The acquire loads pair
 * with their release stores, so a reader's last loads below them come before any overwriting. */
static void room_survey(struct room *room, uint64_t next) {
    uint64_t ledger = next, text = next, side = next;
    for (uint32_t i = 0; i < room->slot_count; i++) {
        struct slot *slot = &room->slots[i];
        uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
        if (state == SLOT_UNUSED)
            continue;
        uint64_t guard = atomic_load_explicit(&slot->guard, memory_order_acquire);
        uint64_t cursor = atomic_load_explicit(&slot->cursor, memory_order_acquire);
        if (slot_alive(state) && guard < text)
            text = guard;
        if (cursor < side)
            side = cursor;
        if (guard < ledger)
            ledger = guard;
        if (cursor < ledger)
            ledger = cursor;
        uint64_t hold = atomic_load_explicit(&slot->overrun_floor, memory_order_acquire);
        if (hold != 0 && hold < ledger)
            ledger = hold;
    }
    struct room_shared *shared = room->shared;
    shared->ledger_limit = ledger - 1 + room->ledger_len;
    for (int e = 0; e < RING_COUNT; e++) {
        uint64_t start = room_start(room, e == RING_SIDE ? side : text, e);
        shared->text_limit[e] = start + room->ring_size[e] - 1;
    }
}

static bool room_fits(const struct room *room, const struct batch *batch,
                      const struct room_line *line) {
    if (batch->next >= room->shared->ledger_limit)
        return false;
    for (int e = 0; e < RING_COUNT; e++) {
        if (batch->end[e] + line->len[e] > room->shared->text_limit[e])
            return false;
    }
    return true;
}

/* Before the copies: a writer that dies in them has recorded how far it may have written, and a
 * reader that sees any of the new bytes sees the new high words too (room_unchanged). */
static void room_raise(struct room_shared *shared, const struct batch *batch,
                       const struct room_line *line) {
    for (int e = 0; e < RING_COUNT; e++) {
        uint64_t end = batch->end[e] + line->len[e];
        if (end > atomic_load_explicit(&shared->text_high[e], memory_order_relaxed))
            atomic_store_explicit(&shared->text_high[e], end, memory_order_relaxed);
    }
    FAULT("room.append.text_high");
    if (batch->next >= atomic_load_explicit(&shared->ledger_high, memory_order_relaxed))
        atomic_store_explicit(&shared->ledger_high, batch->next + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    FAULT("room.append.high");
}

/* The frame has just been copied: its id is known only now. */
static void room_write_id(const struct room *room, const struct batch *batch,
                          const struct room_line *line) {
    uint64_t start = batch->end[RING_JSON] - line->len[RING_JSON];
    uint8_t *digit =
        room->ring[RING_JSON] + (start & (room->ring_size[RING_JSON] - 1)) + line->id_at;
    for (int i = 0; i < ID_INDEX; i++)
        digit[i] = (uint8_t) "0123456789abcdef"[batch->next >> 4 * (ID_INDEX - 1 - i) & 15];
}

bool room_append(struct room *room, struct batch *batch, const struct room_line *line) {
    if (!room_fits(room, batch, line)) {
        /* Starts are read from committed entries, so survey as of the batch's beginning. */
        room_survey(room, batch->first);
        if (!room_fits(room, batch, line))
            return false;
    }
    room_raise(room->shared, batch, line);
    bool visible = false;
    for (int e = 0; e < RING_COUNT; e++) {
        if (line->len[e] == 0)
            continue;
        uint64_t at = batch->end[e] & (room->ring_size[e] - 1);
        memcpy(room->ring[e] + at, line->text[e], line->len[e]);
        batch->end[e] += line->len[e];
        visible |= e < ENC_RINGS;
    }
    FAULT("room.append.text");
    if (line->id_at > 0)
        room_write_id(room, batch, line);
    batch->lines += visible;
    batch->said += line->entry.kind == ENTRY_SPEECH;
    batch->people += (uint32_t)line->people;
    struct entry *entry = room_entry(room, batch->next);
    *entry = line->entry;
    memcpy(entry->end, batch->end, sizeof entry->end);
    room->side_end[batch->next & (room->ledger_len - 1)] = batch->end[RING_SIDE];
    entry->lines = batch->lines;
    entry->said = batch->said;
    entry->people = batch->people;
    batch->next++;
    FAULT("room.append.entry");
    return true;
}

void room_commit(struct room *room, const struct batch *batch) {
    FAULT("room.commit.before");
    atomic_store_explicit(&room->shared->count, batch->next, memory_order_release);
    FAULT("room.commit.after");
}

bool room_unchanged(const struct room *room, uint64_t index, int e, uint64_t pos) {
    const struct room_shared *shared = room->shared;
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&shared->ledger_high, memory_order_relaxed) <=
               index - 1 + room->ledger_len &&
           atomic_load_explicit(&shared->text_high[e], memory_order_relaxed) <=
               pos + room->ring_size[e];
}

uint64_t room_find(const struct room *room, int e, uint64_t pos, uint64_t lo, uint64_t hi) {
    while (lo < hi) {
        uint64_t middle = lo + (hi - lo) / 2;
        if (room_end(room, middle, e) > pos)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

uint64_t room_find_said(const struct room *room, uint32_t number, uint64_t lo, uint64_t hi) {
    while (lo < hi) {
        uint64_t middle = lo + (hi - lo) / 2;
        if ((int32_t)(room_entry(room, middle)->said - number) >= 0)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

uint64_t room_oldest(const struct room *room) {
    uint64_t limit = room->shared->ledger_limit;
    return limit > room->ledger_len ? limit - room->ledger_len + 1 : 1;
}

/* From `floor` on, the first entry that begins at or after `pos`: the one after that which ends
 * beyond the byte before. */
static uint64_t room_begins_at(const struct room *room, uint64_t count, uint64_t floor, int e,
                               uint64_t pos) {
    uint64_t entry = pos == 0 ? floor : room_find(room, e, pos - 1, floor - 1, count - 1) + 1;
    return entry > floor ? entry : floor;
}

uint64_t room_guard_for(const struct room *room, uint64_t count, uint64_t floor) {
    uint64_t guard = floor;
    if (count > room->ledger_len / 2 && count - room->ledger_len / 2 > guard)
        guard = count - room->ledger_len / 2;
    const struct entry *last = room_entry(room, count - 1);
    for (int e = 0; e < SENT_RINGS; e++) {
        uint64_t half = room->ring_size[e] / 2;
        if (last->end[e] > half)
            guard = room_begins_at(room, count, guard, e, last->end[e] - half);
    }
    return guard;
}

uint64_t room_whole(const struct room *room, uint64_t count, uint64_t floor) {
    uint64_t guard = floor;
    for (int e = 0; e < SENT_RINGS; e++) {
        uint64_t high = atomic_load_explicit(&room->shared->text_high[e], memory_order_relaxed);
        uint64_t size = room->ring_size[e];
        if (high >= size)
            guard = room_begins_at(room, count, guard, e, high - size + 1);
    }
    return guard;
}

void room_enter(struct room *room, uint64_t guard) {
    for (int e = 0; e < RING_COUNT; e++) {
        uint64_t limit = room_start(room, guard, e) + room->ring_size[e] - 1;
        if (limit < room->shared->text_limit[e])
            room->shared->text_limit[e] = limit;
    }
    FAULT("room.enter.after");
}

void room_wait(struct room *room) {
    FAULT("room.wait.before");
    atomic_store_explicit(&room->shared->waiting, 1, memory_order_relaxed);
    FAULT("room.wait.after");
    atomic_thread_fence(memory_order_seq_cst);
}

void room_progress(struct room *room) {
    atomic_thread_fence(memory_order_seq_cst);
    if (!room_waiting(room))
        return;
    FAULT("room.progress.before");
    atomic_store_explicit(&room->shared->waiting, 0, memory_order_relaxed);
    FAULT("room.progress.after");
    slots_ring(room->slots, room->slot_count, -1);
}

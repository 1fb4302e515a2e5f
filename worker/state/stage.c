/* stage.c - see stage.h. */
#include "worker/state/stage.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/command/command.h"
#include "worker/ledger/apply.h"
#include "worker/state/worker.h"
#include "worker/text/charset.h"

#include <string.h>

/* A batch is at most a quarter of the smallest ring, so it always fits once the guards have risen.
 */
static uint32_t stage_bytes(const struct worker *w, int e) {
    uint64_t quarter = w->seg->room.ring_size[e] / 4;
    return quarter < STAGE_BYTES ? (uint32_t)quarter : STAGE_BYTES;
}

bool stage_fits(const struct worker *w, uint32_t bytes) {
    const struct stage *stage = &w->stage;
    if (stage->count == STAGE_LINES || w->ring_full || w->adopting)
        return false;
    for (int e = 0; e < RING_COUNT; e++) {
        if (stage->used[e] > 0 && stage->used[e] + bytes > stage_bytes(w, e))
            return false;
    }
    return true;
}

struct staged *stage_add(struct worker *w, enum entry_kind kind, uint32_t client,
                         uint32_t generation, uint64_t consumed) {
    struct staged *s = &w->stage.line[w->stage.count++];
    memset(s, 0, sizeof *s);
    s->line.entry.kind = (uint8_t)kind;
    s->line.entry.client = client;
    s->line.entry.generation = generation;
    s->line.entry.slot = (uint8_t)w->index;
    s->line.entry.consumed = (uint32_t)consumed;
    s->consumed = consumed;
    s->line.entry.time = segment_ticks(w->seg);
    return s;
}

static uint8_t *stage_room(struct worker *w, struct staged *s, int e) {
    uint8_t *at = w->stage.text[e] + w->stage.used[e];
    if (s->line.len[e] == 0)
        s->line.text[e] = at;
    return at;
}

void stage_text(struct worker *w, struct staged *s, const char *utf8, uint32_t len) {
    for (int e = 0; e < ENC_COUNT; e++) {
        uint8_t *out = stage_room(w, s, e);
        size_t room = STAGE_BYTES - w->stage.used[e];
        size_t n = e == ENC_UTF8 ? len : charset_encode(e, utf8, len, (char *)out, room);
        if (e == ENC_UTF8)
            memcpy(out, utf8, len);
        s->line.len[e] += (uint32_t)n;
        w->stage.used[e] += (uint32_t)n;
    }
}

void stage_side(struct worker *w, struct staged *s, const void *bytes, uint32_t len) {
    memcpy(stage_room(w, s, RING_SIDE), bytes, len);
    s->line.len[RING_SIDE] += len;
    w->stage.used[RING_SIDE] += len;
}

/* ---- under the gate ---- */

/* Comings and goings are not announced in a crowd. */
static void stage_suppress_announcement(const struct worker *w, struct staged *s, uint32_t people) {
    uint8_t kind = s->line.entry.kind;
    if (w->config.announce_max == 0 || people <= w->config.announce_max ||
        (kind != ENTRY_JOIN && kind != ENTRY_LEAVE))
        return;
    for (int e = 0; e < ENC_COUNT; e++)
        s->line.len[e] = 0;
}

static enum stage_verdict stage_decide(struct worker *w, const struct batch *b, struct staged *s) {
    struct segment *seg = w->seg;
    const struct entry *entry = &s->line.entry;
    uint32_t client, generation;
    if (entry->kind == ENTRY_MOVE) {
        struct side_move move;
        memcpy(&move, s->line.text[RING_SIDE], sizeof move);
        bool there = atomic_load(&seg->slots[move.to].state) != SLOT_UNUSED;
        return there ? STAGE_PUBLISHED : STAGE_NOBODY;
    }
    if (s->key == 0)
        return STAGE_PUBLISHED;
    bool found = name_table_find(&seg->names, &seg->room, &seg->clients, b->next, s->key, &client,
                                 &generation);
    if (entry->kind == ENTRY_PRIVATE) {
        if (!found)
            return STAGE_NOBODY;
        struct side_private to = {client, generation};
        memcpy((void *)s->line.text[RING_SIDE], &to, sizeof to);
        return STAGE_PUBLISHED;
    }
    bool own = found && client == entry->client && generation == entry->generation;
    return found && !own ? STAGE_NAME_TAKEN : STAGE_PUBLISHED;
}

/* False: no room in the ring. */
static bool stage_put(struct worker *w, struct batch *b, struct staged *s) {
    struct segment *seg = w->seg;
    s->verdict = (uint8_t)stage_decide(w, b, s);
    if (s->verdict != STAGE_PUBLISHED)
        return true;
    const struct entry *entry = &s->line.entry;
    stage_suppress_announcement(w, s, b->people + (s->line.people > 0));
    /* The name is claimed for the ledger entry that is about to be: if that finds no room, or is
     * never committed, the claim is void by itself. */
    bool names = entry->kind == ENTRY_JOIN || entry->kind == ENTRY_NICK;
    if (names && s->key != 0 &&
        !name_table_claim(&seg->names, &seg->room, &seg->clients, b->next, s->key, b->next,
                          entry->client, entry->generation)) {
        s->verdict = STAGE_NAMES_FULL;
        return true;
    }
    return room_append(&seg->room, b, &s->line);
}

static uint32_t stage_commit(struct worker *w) {
    struct segment *seg = w->seg;
    struct stage *stage = &w->stage;
    struct batch b;
    uint32_t done = stage->next;
    room_begin(&seg->room, &b);
    while (done < stage->count && stage_put(w, &b, &stage->line[done]))
        done++;
    if (b.next != b.first)
        room_commit(&seg->room, &b);
    /* A name is free once the going that frees it is in the ledger. */
    for (uint32_t i = stage->next; i < done; i++) {
        const struct staged *s = &stage->line[i];
        if (s->verdict == STAGE_PUBLISHED && s->old_key != 0 && s->old_key != s->key)
            name_table_clear(&seg->names, s->old_key, s->line.entry.client,
                             s->line.entry.generation);
    }
    return done;
}

bool stage_publish(struct worker *w) {
    struct stage *stage = &w->stage;
    if (stage->next == stage->count)
        return true;
    worker_lock(w);
    uint32_t first = stage->next;
    uint32_t done = stage_commit(w);
    worker_unlock(w);
    /* A full ring waits for guards to rise: whoever sleeps is to look whether its can. */
    if (done > first || done < stage->count)
        slots_ring(w->seg->slots, atomic_load(&w->seg->header->slots_used), (int)w->index);
    stage->next = done;
    w->ring_full = done < stage->count;
    apply_settle(w);
    for (uint32_t i = first; i < done; i++) {
        bool refused = stage->line[i].verdict != STAGE_PUBLISHED;
        if (refused && stage->line[i].line.entry.kind != ENTRY_MOVE) /* which is tried again */
            command_refused(w, &stage->line[i]);
    }
    if (!w->ring_full) {
        stage->count = stage->next = 0;
        memset(stage->used, 0, sizeof stage->used);
    }
    return !w->ring_full;
}

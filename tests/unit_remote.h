/* unit_remote.h - a relay without a link, and people of other machines, for tests beside
 * unit_worker.h.
 *
 * The relay is a worker in RELAY_SLOT that publishes.  Of its own entries it applies what a record
 * needs: the name and the room of a person who comes, and the end of one who leaves. */
#ifndef TESTS_UNIT_REMOTE_H
#define TESTS_UNIT_REMOTE_H

#include "tests/unit_worker.h"
#include "worker/state/lock.h"

/* With its link up. */
static inline void unit_relay(struct worker *r, struct segment *seg) {
    memset(r, 0, sizeof *r);
    unit_slot(seg, RELAY_SLOT, SLOT_SERVING);
    r->seg = seg;
    r->index = RELAY_SLOT;
    r->slot = &seg->slots[RELAY_SLOT];
    r->me = segment_incarnation(seg, RELAY_SLOT);
    r->config = unit_config(65536);
    r->settled = true;
    stage_init(&r->stage, &seg->room, RELAY_SLOT, seg->clients.rows);
    worker_read_clock(r);
    atomic_store(&seg->header->relay.link, RELAY_UP);
}

/* Publishes the one line that is staged; returns its verdict. */
static inline enum stage_verdict unit_relay_publish(struct worker *r) {
    publish(r);
    enum stage_verdict verdict = (enum stage_verdict)r->stage.line[0].verdict;
    cr_assert_eq(r->stage.count, 1);
    cr_assert_eq(r->stage.next, 1, "it found room");
    stage_reset(&r->stage);
    atomic_store(&r->slot->cursor, room_count(&r->seg->room));
    atomic_store(&r->slot->guard, room_count(&r->seg->room));
    return verdict;
}

/* A staged line of a person elsewhere, or of none (NULL), that is an item of another machine. */
static inline struct staged *unit_foreign(struct worker *r, const struct client *c,
                                          enum entry_kind kind) {
    uint32_t at = c ? client_index(r, c) : NO_CLIENT;
    uint32_t generation = c ? client_generation(client_word(c)) : 0;
    return stage_add(&r->stage, kind, at, generation, 0, segment_ticks(r->seg));
}

/* Behind all other side data. */
static inline void unit_foreign_side(struct worker *r, struct staged *s) {
    struct side_foreign from = {.node = 0, .life = 1, .mark = 1};
    s->line.entry.flags |= ENTRY_FOREIGN;
    stage_side(&r->stage, s, &from, sizeof from);
}

static inline void unit_foreign_says(struct worker *r, struct staged *s, enum sentence which,
                                     enum event_kind kind, const char *name, const char *text) {
    struct words words = {.name = name, .text = text};
    struct event_line event = {
        .kind = kind, .who = name, .text = text, .text_len = text ? strlen(text) : 0};
    stage_sentence(&r->stage, s, LANG_EN, which, &words);
    stage_event(&r->stage, s, &event);
}

static inline void unit_remote_name(struct worker *r, struct staged *s, const char *name) {
    struct side_name side = {.key = speaker_key(r, name)};
    s->key = side.key;
    stage_side(&r->stage, s, name, (uint32_t)strlen(name) + 1);
    stage_side(&r->stage, s, &side, sizeof side);
    unit_foreign_side(r, s);
}

/* The name of an entry that is published, in its client's record. */
static inline void unit_remote_named(struct worker *r, struct client *c, const char *name) {
    struct facts *f = client_begin(c);
    uint64_t index = room_count(&r->seg->room) - 1;
    client_set_name(&r->seg->clients, c, f, name);
    f->flags |= FACT_IN_ROOM;
    f->seen = index + 1;
    client_commit(c);
    name_table_confirm(&r->seg->names, speaker_key(r, name), client_index(r, c),
                       client_generation(client_word(c)), index);
}

/* Remote record `row` (0: the first), whose person has come to the room. */
static inline struct client *unit_remote(struct worker *r, uint32_t row, const char *name) {
    struct segment *seg = r->seg;
    struct facts facts = {.kind = KIND_TELNET};
    struct client *c = &seg->clients.at[seg->clients.len + row];
    worker_lock(r);
    cr_assert_eq(segment_grow_remote(seg, seg->clients.len + row), 0);
    worker_unlock(r);
    if (atomic_load(&seg->header->remote_high) <= row)
        atomic_store(&seg->header->remote_high, row + 1);
    client_open_remote(c, RELAY_SLOT, &facts);
    struct staged *s = unit_foreign(r, c, ENTRY_JOIN);
    s->line.people = 1;
    unit_remote_name(r, s, name);
    unit_foreign_says(r, s, SAY_JOINED, EVENT_JOIN, name, NULL);
    cr_assert_eq(unit_relay_publish(r), STAGE_PUBLISHED);
    unit_remote_named(r, c, name);
    return c;
}

static inline void unit_remote_leaves(struct worker *r, struct client *c) {
    const char *name = unit_name(r, c);
    struct staged *s = unit_foreign(r, c, ENTRY_LEAVE);
    s->line.people = -1;
    s->old_key = speaker_key(r, name);
    unit_foreign_side(r, s);
    unit_foreign_says(r, s, SAY_LEFT, EVENT_LEAVE, name, NULL);
    cr_assert_eq(unit_relay_publish(r), STAGE_PUBLISHED);
    client_free_remote(c);
}

static inline void unit_remote_speaks(struct worker *r, struct client *c, const char *text) {
    struct staged *s = unit_foreign(r, c, ENTRY_SPEECH);
    unit_foreign_side(r, s);
    unit_foreign_says(r, s, SAY_SPEECH, EVENT_SAY, unit_name(r, c), text);
    cr_assert_eq(unit_relay_publish(r), STAGE_PUBLISHED);
}

/* To the person of that name on this machine. */
static inline enum stage_verdict unit_remote_writes(struct worker *r, struct client *c,
                                                    const char *to, const char *text) {
    struct staged *s = unit_foreign(r, c, ENTRY_PRIVATE);
    struct side_private side = {0};
    const char *from = unit_name(r, c);
    s->key = speaker_key(r, to);
    stage_side(&r->stage, s, &side, sizeof side);
    stage_side(&r->stage, s, from, (uint32_t)strlen(from) + 1);
    stage_side(&r->stage, s, to, (uint32_t)strlen(to) + 1);
    stage_side(&r->stage, s, text, (uint32_t)strlen(text));
    unit_foreign_side(r, s);
    return unit_relay_publish(r);
}

/* What became of a line that the client wrote to the person of that name elsewhere. */
static inline enum stage_verdict unit_remote_note(struct worker *r, const struct client *to,
                                                  uint8_t note, const char *name) {
    struct staged *s = unit_foreign(r, NULL, ENTRY_NOTE);
    struct side_private side = {client_index(r, to), client_generation(client_word(to))};
    stage_side(&r->stage, s, &side, sizeof side);
    stage_side(&r->stage, s, &note, sizeof note);
    stage_side(&r->stage, s, name, (uint32_t)strlen(name) + 1);
    unit_foreign_side(r, s);
    return unit_relay_publish(r);
}

#endif

/* apply.c - see apply.h. */
#include "worker/ledger/apply.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/token.h"
#include "worker/command/greeting.h"
#include "worker/command/operator.h"
#include "worker/ledger/closing.h"
#include "worker/ledger/moderation.h"
#include "worker/ledger/move.h"
#include "worker/ledger/unread.h"
#include "worker/output/flush.h"
#include "worker/output/history.h"
#include "worker/output/ignore.h"
#include "worker/output/overrun.h"
#include "worker/output/private.h"
#include "worker/protocol/event.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/client_log.h"
#include "worker/state/label.h"
#include "worker/state/lock.h"
#include "worker/state/members.h"
#include "worker/state/pause.h"
#include "worker/state/speaker.h"

#include <errno.h>
#include <string.h>

/* A ledger entry on its way to one client. */
struct effect {
    uint64_t index;
    const struct entry *entry;
    bool own;    /* the client's own line */
    bool target; /* a private line to the client */
};

/* A client's label to the client that is changed: its name, or its number. */
static const char *apply_shown(const struct change *ch, const char *label, uint32_t client,
                               uint32_t generation, char out[LABEL_TEXT]) {
    return label_shown(client_wire(ch->f), label, client_number(ch->w, client, generation), out);
}

/* When the entry was made, in tenths of a second since the segment's epoch.  Its own time wraps
 * earlier, and may be a moment after this turn began. */
static uint32_t apply_tenths(const struct worker *w, const struct entry *entry) {
    return w->tenths - (uint32_t)((int32_t)(w->ticks - entry->time) / 10);
}

/* The same in milliseconds (segment_now): entries count by another clock (segment_ticks). */
static uint32_t apply_ms(const struct worker *w, const struct entry *entry) {
    return w->now - (uint32_t)((int32_t)(w->ticks - entry->time) * 10);
}

/* An echoed client's own line stands on its screen once: as all see it.  So what was typed is taken
 * off before it counts as finished. */
static void apply_replaces_typed(struct change *ch, const struct entry *entry) {
    if (entry->kind == ENTRY_SPEECH || entry->kind == ENTRY_PRIVATE)
        change_hide_line(ch);
}

/* The number of the message, if it had one. */
static bool apply_number(const struct change *ch, const struct effect *e, uint32_t *re) {
    uint32_t len;
    const uint8_t *side = room_side(&ch->w->seg->room, e->index, &len);
    if (e->entry->flags & ENTRY_RE)
        memcpy(re, side + len, sizeof *re);
    return e->entry->flags & ENTRY_RE;
}

/* The client's own line is consumed: its input goes on behind it. */
static void apply_consumed(struct change *ch, const struct effect *e) {
    const struct entry *entry = e->entry;
    uint32_t step = entry->consumed - (uint32_t)ch->f->consumed, re;
    bool numbered = apply_number(ch, e, &re);
    if (numbered && client_away(ch->f))
        ch->f->re = re; /* it is not sent again by a client that comes back */
    if ((int32_t)step <= 0 || step > RX_RAW)
        return; /* caused by no line: a join in the open room, a leave */
    apply_replaces_typed(ch, entry);
    consume_line(ch, ch->f->consumed + step, entry->flags & ENTRY_AFTER_CR, apply_ms(ch->w, entry),
                 apply_tenths(ch->w, entry));
    if (numbered)
        consume_number(ch, re);
}

/* An entry's side data from byte `skip` on, NUL-terminated; returns its length. */
static uint32_t apply_side(struct worker *w, uint64_t index, uint32_t skip, char *out,
                           uint32_t size) {
    uint32_t len;
    const uint8_t *side = room_side(&w->seg->room, index, &len);
    len = len > skip ? len - skip : 0;
    if (len > size - 1)
        len = size - 1;
    memcpy(out, side + skip, len);
    out[len] = '\0';
    return len;
}

static struct side_private apply_addressee(const struct worker *w, uint64_t index) {
    const struct room *room = &w->seg->room;
    struct side_private to;
    memcpy(&to, room_text(room, RING_SIDE, room_start(room, index, RING_SIDE)), sizeof to);
    return to;
}

static void apply_name(struct change *ch, const char *name, uint64_t index) {
    client_set_name(&ch->w->seg->clients, ch->c, ch->f, name);
    const uint64_t keys[] = {speaker_key(ch->w, name), speaker_look(ch->w, name)};
    for (int i = 0; i < 2; i++)
        name_table_confirm(&ch->w->seg->names, keys[i], (uint32_t)ch->tag,
                           (uint32_t)(ch->tag >> 32), index);
}

/* The publisher frees a name's keys after the commit, but for one that the new name has, too.  It
 * may have died before it did.  `new`: NULL: none. */
static void apply_free_name(struct change *ch, const char *old, const char *new) {
    struct name_table *names = &ch->w->seg->names;
    uint32_t client = (uint32_t)ch->tag, generation = (uint32_t)(ch->tag >> 32);
    if (!ch->w->adopting)
        return;
    uint64_t key = speaker_key(ch->w, old), look = speaker_look(ch->w, old);
    worker_lock(ch->w);
    if (!new || speaker_key(ch->w, new) != key)
        name_table_clear(names, key, client, generation);
    if (!new || speaker_look(ch->w, new) != look)
        name_table_clear(names, look, client, generation);
    worker_unlock(ch->w);
}

/* In a crowd its coming is an entry without text: it is told to the client alone. */
static bool apply_unannounced(const struct change *ch, const struct effect *e) {
    return room_len(&ch->w->seg->room, e->index, ENC_UTF8) == 0;
}

/* A browser that has logged in. */
static void apply_logged_in(struct change *ch, const char *name) {
    uint8_t out[EVENT_LINE_MAX], token[TOKEN_BYTES];
    token_of(ch->w->seg->header->token_key, (uint32_t)ch->tag, (uint32_t)(ch->tag >> 32), token);
    size_t n = event_logged_in(change_re(ch), name, token, 0, out, sizeof out);
    change_frames(ch, out, n);
}

/* Where the lines begin that a browser wants, behind its name; 0: nowhere. */
static uint64_t apply_from(const struct change *ch, const struct effect *e) {
    uint32_t len;
    const uint8_t *side = room_side(&ch->w->seg->room, e->index, &len);
    uint64_t from = 0;
    size_t name = strnlen((const char *)side, len) + 1 + sizeof(struct side_name);
    if (len >= name + sizeof from)
        memcpy(&from, side + name, sizeof from);
    return from;
}

static void apply_join(struct change *ch, const struct effect *e) {
    struct worker *w = ch->w;
    char name[NAME_BYTES_MAX + 1];
    if (ch->f->flags & FACT_QUIET) { /* it has been in the room already */
        ch->f->flags &= ~(uint32_t)FACT_QUIET;
        if (apply_unannounced(ch, e))
            history_coming(ch);
        return;
    }
    if (apply_side(w, e->index, 0, name, sizeof name) > 0)
        apply_name(ch, name, e->index);
    ch->f->last_input = apply_tenths(w, e->entry);
    ch->free_answer = true; /* the first words */
    if (ch->f->ring == RING_JSON && ch->f->flags & FACT_NAMED)
        apply_logged_in(ch, name);
    greeting_enter(ch, e->index, apply_from(ch, e), apply_unannounced(ch, e) ? HISTORY_COMING : 0);
}

static void apply_nick(struct change *ch, const struct effect *e) {
    char name[NAME_BYTES_MAX + 1], old[LABEL_TEXT];
    apply_side(ch->w, e->index, 0, name, sizeof name);
    apply_free_name(ch, client_label(ch->w, ch->c, ch->f, old), name);
    apply_name(ch, name, e->index);
}

static void apply_leave(struct change *ch, const struct effect *e) {
    char name[LABEL_TEXT];
    if (ch->f->flags & FACT_NAMED)
        apply_free_name(ch, client_label(ch->w, ch->c, ch->f, name), NULL);
    if (client_live(ch->c))
        greeting_leave(ch, e->index, apply_tenths(ch->w, e->entry));
    else
        ch->f->flags |= FACT_LEFT;
}

/* The addressee of the client's /reply, and its label. */
static void apply_correspondent(struct change *ch, const struct side_private *other,
                                const char *label) {
    struct correspondent *kept = &ch->w->seg->correspondents[(uint32_t)ch->tag];
    kept->client = other->client;
    kept->generation = other->generation;
    correspondent_label(kept, label);
    FAULT("apply.correspondent.after");
    ch->f->reply_client = other->client;
    ch->f->reply_generation = other->generation;
}

static void apply_stamp(struct change *ch, const struct entry *entry) {
    char stamp[STAMP_MAX];
    struct stamp_now now = stamp_now(ch->w->seg);
    if (ch->f->flags & FACT_TIMESTAMPS || entry->flags & ENTRY_STAMPED)
        change_bytes(ch, stamp, stamp_text(&ch->w->stamp, &now, entry->time, stamp));
}

/* The same for a browser, with the entry's id. */
static void apply_msg(struct change *ch, const struct effect *e, const struct private_line *line) {
    uint8_t out[EVENT_LINE_MAX];
    change_frames(ch, out, private_event(ch->w, e->index, e->entry->time, line, out));
}

static void apply_private_line(struct change *ch, const struct effect *e, bool copy) {
    struct private_line line;
    char shown[LABEL_TEXT];
    if (!private_read(&ch->w->seg->room, e->index, &line))
        return;
    struct side_private other = line.addressee;
    if (!copy) {
        if (ignore_has(ch->w, ch->c, ch->f, buffer_tag(e->entry->client, e->entry->generation)))
            return;
        other = (struct side_private){e->entry->client, e->entry->generation};
        apply_correspondent(ch, &other, line.speaker);
    }
    if (ch->f->ring == RING_JSON) {
        apply_msg(ch, e, &line);
        return;
    }
    struct words words = {.name = apply_shown(ch, copy ? line.to : line.speaker, other.client,
                                              other.generation, shown),
                          .text = line.said};
    apply_stamp(ch, e->entry);
    change_sentence(ch, copy ? SAY_PRIVATE_COPY : SAY_PRIVATE_TO, &words);
}

/* What the other machine says of the person that the client wrote to. */
static void apply_note(struct change *ch, const struct effect *e) {
    static const enum sentence sentence[RELAY_NOTES] = {[RELAY_NOTE_NOBODY] = SAY_NOBODY,
                                                        [RELAY_NOTE_UNREAD] = SAY_NOT_READING,
                                                        [RELAY_NOTE_LINK] = SAY_LINK_DOWN};
    char side[1 + LABEL_TEXT];
    uint32_t len = apply_side(ch->w, e->index, sizeof(struct side_private), side, sizeof side);
    struct words words = {.name = len > 0 ? side + 1 : ""};
    if (len > 0 && (uint8_t)side[0] < RELAY_NOTES)
        change_sentence(ch, sentence[(uint8_t)side[0]], &words);
}

/* It is out of the room, but has its name until its leave (closing.c).  A guest whose coming was
 * not announced has nothing to leave. */
static void apply_kick(struct change *ch, const struct effect *e) {
    char reason[LINE_MAX_MAX + 1];
    struct words words = {.text = reason};
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    uint32_t flags = ch->f->flags;
    apply_side(ch->w, e->index, sizeof(struct side_private), reason, sizeof reason);
    if (flags & FACT_KICKED)
        return;
    if (flags & FACT_IN_ROOM) {
        change_settle_map(ch);
        overrun_pass(ch, guard, e->index);
        ch->f->lines_lost = 0; /* the last thing that it is told is why it leaves */
    }
    if ((flags & (FACT_IN_ROOM | FACT_QUIET)) != FACT_IN_ROOM)
        ch->f->flags |= FACT_LEFT;
    ch->f->flags &= ~(uint32_t)(FACT_IN_ROOM | FACT_QUIET | FACT_LISTS);
    ch->f->flags |= FACT_KICKED;
    change_sentence(ch, reason[0] ? SAY_KICKED_WHY : SAY_KICKED, &words);
    ch->f->flags &= ~(uint32_t)FACT_ECHOED; /* its half-typed line is not drawn again */
}

static void apply_effect(struct change *ch, const struct effect *e) {
    if (e->own)
        apply_consumed(ch, e);
    switch ((enum entry_kind)e->entry->kind) {
    case ENTRY_JOIN: apply_join(ch, e); break;
    case ENTRY_NICK: apply_nick(ch, e); break;
    case ENTRY_LEAVE: apply_leave(ch, e); break;
    case ENTRY_PRIVATE:
        if (e->own)
            apply_private_line(ch, e, true);
        if (e->target)
            apply_private_line(ch, e, false);
        break;
    case ENTRY_KICK:
        if (e->own)
            operator_answer(ch, NULL);
        else
            apply_kick(ch, e);
        break;
    case ENTRY_SYSTEM: operator_answer(ch, NULL); break; /* the operator's own line */
    case ENTRY_NOTE: apply_note(ch, e); break;
    default: break;
    }
    if (ch->asked)
        change_ok(ch);
    ch->f->seen = e->index + 1;
}

/* The log's line on the connection has only its address. */
static void apply_log_name(struct worker *w, const struct client *c) {
    const struct facts *f = client_facts(c);
    char name[LABEL_TEXT], shown[4 * NAME_BYTES_MAX + 1];
    if (!(f->flags & FACT_NAMED))
        return;
    client_label(w, c, f, name);
    client_log(w, TALLY_NAMED, &c->addr, c->port, "is %s",
               log_escape(shown, sizeof shown, name, strlen(name)));
}

/* It leaves with what it was told. */
static void apply_kicked(struct worker *w, struct client *c, uint32_t was) {
    if (was & FACT_IN_ROOM)
        member_unauthenticated(w, c);
    FAULT("apply.kicked.before");
    flush_client(w, c);
    FAULT("apply.kicked.after");
    leave_begin(w, c, LEAVE_KICKED);
}

/* After the commit: what is not in the record.  `was`: its flags before. */
static void apply_after(struct worker *w, struct client *c, const struct effect *e, uint32_t was) {
    if (e->entry->kind == ENTRY_KICK && e->target)
        apply_kicked(w, c, was);
    if (!e->own)
        return;
    if (client_kind(c) == KIND_CONTROL && client_facts(c)->lines_lost > 0)
        leave_broken(w, c, ENOBUFS); /* its answer was lost */
    if (e->entry->kind == ENTRY_JOIN || e->entry->kind == ENTRY_NICK) {
        apply_log_name(w, c);
        moderation_later(w, c); /* the name may be muted */
    }
    if (e->entry->kind == ENTRY_JOIN) {
        if (!(was & FACT_IN_ROOM))
            member_authenticated(w, c);
        greeting_applied(w, c);
        flush_client(w, c); /* its buffers are free again at once, whatever the crowd */
    }
    if (e->entry->kind == ENTRY_LEAVE && client_live(c)) {
        member_unauthenticated(w, c);
        greeting_applied(w, c);
        flush_client(w, c);
    } else if (e->entry->kind == ENTRY_LEAVE) {
        closing_finish(w, c);
    }
}

static bool apply_unread(const struct client *c) {
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    uint64_t end = client_tx_end(client_facts(c));
    return end > sent + UNREAD_MAX + UNREAD_COMING + SENTENCE_MAX;
}

static void apply_to(struct worker *w, uint32_t client, uint32_t generation,
                     const struct effect *e) {
    if (!segment_has_client(w->seg, client))
        return;
    struct client *c = worker_client(w, client);
    if (!client_is(c, generation) || atomic_load(&c->slot) != w->index ||
        client_facts(c)->seen > e->index)
        return;
    breadcrumb_set(w, BREADCRUMB_APPLY, c, e->index);
    /* In its place among the room's lines, or the last of them that it sees. */
    if (e->entry->kind == ENTRY_PRIVATE || e->entry->kind == ENTRY_NOTE ||
        (e->entry->kind == ENTRY_KICK && e->target) ||
        (e->entry->kind == ENTRY_LEAVE && client_live(c)))
        flush_until(w, c, e->index);
    /* An effect never waits for its client to read, nor for a buffer, because the entries of all
     * clients come after it.  What cannot be said is counted as lost, and that is said when it can
     * be. */
    bool drop = !e->own && apply_unread(c);
    uint32_t was = client_facts(c)->flags;
    for (;;) {
        struct change ch;
        change_begin(&ch, w, c);
        ch.drop_replies |= drop;
        ch.outside = false; /* the greeting of a client that joins is not to be lost */
        apply_effect(&ch, e);
        ch.f->lines_lost += drop;
        if (change_commit(&ch))
            break;
        drop = true;
    }
    apply_after(w, c, e, was);
}

/* An entry of two clients: a private line, whose addressee its side data name, or a kick, whose
 * operator they name.  A note has an addressee alone; a person of another machine may be either,
 * and is the relay's. */
static void apply_addressed(struct worker *w, uint64_t index, const struct entry *entry) {
    struct side_private of = {entry->client, entry->generation}, to = apply_addressee(w, index);
    if (entry->kind == ENTRY_KICK) {
        struct side_private victim = of;
        of = to;
        to = victim;
    }
    bool self = to.client == of.client && to.generation == of.generation;
    struct effect said = {index, entry, .own = true, .target = self};
    struct effect heard = {index, entry, .own = false, .target = true};
    if (entry->slot == w->index)
        apply_to(w, of.client, of.generation, &said);
    if (!self)
        apply_to(w, to.client, to.generation, &heard);
}

bool apply(struct worker *w) {
    struct room *room = &w->seg->room;
    uint64_t count = room_count(room);
    uint64_t from = atomic_load_explicit(&w->slot->cursor, memory_order_relaxed), index = from;
    w->settled = true;
    for (; index < count; index++) {
        const struct entry *entry = room_entry(room, index);
        struct effect own = {index, entry, .own = true, .target = false};
        worker_beat(w);
        w->applied = index + 1;
        if (entry->kind == ENTRY_PRIVATE || entry->kind == ENTRY_KICK || entry->kind == ENTRY_NOTE)
            apply_addressed(w, index, entry);
        else if (entry->kind == ENTRY_MOVE)
            w->settled = move_apply(w, index, entry);
        else if (entry->slot == w->index && entry->client != NO_CLIENT)
            apply_to(w, entry->client, entry->generation, &own);
        if (!w->settled)
            break;
    }
    w->applied = index;
    if (index != from) {
        FAULT("apply.cursor.before");
        atomic_store_explicit(&w->slot->cursor, index, memory_order_release);
        FAULT("apply.cursor.after");
        room_progress(room);
    }
    return w->settled;
}

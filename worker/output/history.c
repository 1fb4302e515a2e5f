/* history.c - see history.h. */
#include "worker/output/history.h"

#include "ipc/fault.h"
#include "worker/output/filter.h"
#include "worker/output/ignore.h"
#include "worker/protocol/event.h"
#include "worker/state/label.h"

/* `list_next` is these, and enum history_why. */
enum {
    HISTORY_LEFT = 0xFFFF,      /* the number */
    HISTORY_HEADING = 1u << 16, /* the number that was asked for; none is told yet */
};
_Static_assert((int)HISTORY_MAX <= (int)HISTORY_LEFT, "the number has its place");

/* What is left: the lines of speech whose running count is in (last - left, last]. */
struct history {
    struct change *ch;
    uint64_t at, before; /* ledger: the next of them is in [at, before) */
    uint32_t last, left;
};

static void history_find(struct history *h, struct change *ch) {
    const struct room *room = &ch->w->seg->room;
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    h->ch = ch;
    h->at = guard;
    h->before = room_find(room, ch->f->ring, ch->f->pos, guard, room_count(room));
    h->last = room_entry(room, h->before - 1)->said;
    h->left = ch->f->list_next & HISTORY_LEFT;
    uint32_t kept = h->last - room_entry(room, guard - 1)->said;
    if (h->left <= kept)
        return;
    if (!(ch->f->list_next & HISTORY_HEADING))
        ch->f->lines_lost += h->left - kept;
    h->left = kept;
}

/* The next line; most often it is the entry behind the one before. */
static const struct entry *history_next(struct history *h) {
    const struct room *room = &h->ch->w->seg->room;
    uint32_t number = h->last - --h->left;
    const struct entry *entry = room_entry(room, h->at);
    if (entry->kind != ENTRY_SPEECH || entry->said != number) {
        h->at = room_find_said(room, number, h->at, h->before);
        entry = room_entry(room, h->at);
    }
    h->at++;
    return entry;
}

static bool history_bare(const struct history *h, const struct entry *entry) {
    return h->ch->w->config.login && entry->flags & ENTRY_BARE;
}

static bool history_hides(const struct history *h, const struct entry *entry) {
    return history_bare(h, entry) || ignore_hides(h->ch->w, h->ch->c, h->ch->f, entry);
}

/* How many the client will see. */
static uint32_t history_count(const struct history *all) {
    struct history h = *all;
    uint32_t shown = 0;
    while (h.left > 0)
        shown += !history_hides(&h, history_next(&h));
    return shown;
}

static void history_heading(struct history *h) {
    struct facts *f = h->ch->f;
    struct words words = {.n = history_count(h)};
    if (words.n > 0 || f->list_next & HISTORY_ASKED)
        change_sentence(h->ch, SAY_EARLIER, &words);
    f->list_next &= ~(uint32_t)HISTORY_HEADING;
}

static void history_line(struct history *h, const struct stamp_now *now,
                         const struct entry *entry) {
    char stamp[STAMP_MAX];
    if (h->ch->f->ring != RING_JSON) /* an event has its time */
        change_bytes(h->ch, stamp, stamp_text(&h->ch->w->stamp, now, entry->time, stamp));
    filter_entry(h->ch, h->at - 1);
}

/* A browser's own coming, which has no frame in the ring: with the id of the last entry before what
 * it is sent next. */
static void history_own_join(struct change *ch, const char *label) {
    const struct room *room = &ch->w->seg->room;
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    uint64_t last = room_find(room, RING_JSON, ch->f->pos, guard, room_count(room)) - 1;
    struct stamp_now now = stamp_now(ch->w->seg);
    struct event_clock clock = {0};
    struct event_line line = {.kind = EVENT_JOIN,
                              .epoch = room->shared->epoch,
                              .index = last,
                              .ms = now.wall_ms,
                              .who = label};
    uint8_t out[EVENT_LINE_MAX];
    uint32_t id_at;
    change_frames(ch, out, event_line(&clock, &line, out, sizeof out, &id_at));
}

/* The list is complete: what follows it. */
static void history_end(struct change *ch) {
    struct facts *f = ch->f;
    char label[LABEL_TEXT], number[LABEL_TEXT];
    uint64_t own = client_number(ch->w, (uint32_t)ch->tag, (uint32_t)(ch->tag >> 32));
    client_label(ch->w, ch->c, f, label);
    struct words words = {.name = label_shown(client_wire(f), label, own, number)};
    if (f->list_next & HISTORY_ENTERED && f->flags & FACT_NAMED)
        change_sentence(ch, SAY_HELP, &words);
    if (f->list_next & HISTORY_COMING && f->ring == RING_JSON)
        history_own_join(ch, label);
    else if (f->list_next & HISTORY_COMING)
        change_sentence(ch, SAY_JOINED, &words);
    f->flags &= ~(uint32_t)FACT_LIST_SAID;
    f->list_next = 0;
}

static void history_part(struct change *ch) {
    struct facts *f = ch->f;
    struct stamp_now now = stamp_now(ch->w->seg);
    uint32_t most = buffer_plenty(&ch->w->seg->tx_buffers) ? FILTER_LARGE : FILTER_SMALL;
    struct history h;
    history_find(&h, ch);
    if (f->list_next & HISTORY_HEADING)
        history_heading(&h);
    while (h.left > 0 && f->tx_len < most) {
        const struct entry *entry = history_next(&h);
        if (!history_hides(&h, entry))
            history_line(&h, &now, entry);
    }
    f->list_next = (f->list_next & ~(uint32_t)HISTORY_LEFT) | h.left;
    if (h.left == 0)
        history_end(ch);
}

void history_begin(struct change *ch, uint32_t lines, uint32_t why) {
    change_settle_map(ch);
    ch->f->flags |= FACT_LIST_SAID;
    ch->f->list_next = lines | HISTORY_HEADING | why;
    if (!ch->drop_replies)
        history_part(ch);
    fd_queue_push(&ch->w->reply_pending, client_index(ch->w, ch->c));
}

bool history_continue(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    change_settle_map(&ch);
    ch.sending = true; /* by the caller */
    if (!(ch.f->list_next & HISTORY_ENTERED))
        change_charge(&ch, 0, w->now);
    history_part(&ch);
    FAULT("history.part.before");
    bool done = change_commit(&ch);
    FAULT("history.part.after");
    return done;
}

void history_coming(struct change *ch) {
    if (ch->f->flags & FACT_LIST_SAID)
        ch->f->list_next |= HISTORY_COMING;
    else
        history_begin(ch, 0, HISTORY_ENTERED | HISTORY_COMING);
}

void history_lost(struct facts *f) {
    if (!(f->list_next & HISTORY_HEADING))
        f->lines_lost += f->list_next & HISTORY_LEFT;
    f->list_next &= ~(uint32_t)HISTORY_LEFT;
}

/* filter.c - see filter.h. */
#include "worker/output/filter.h"

#include "worker/output/ignore.h"
#include "worker/record/change.h"

#include <string.h>

/* A part under way.  Visible lines that follow one another in the ring are copied in one piece;
 * with times they are put together first, because a change is dear for each piece. */
struct filter {
    struct change *ch;
    uint64_t from; /* ring position of the first byte that is visible and not copied */
    struct stamp_now now;
    uint32_t len; /* bytes of `text` */
    char text[TX_DATA];
};

static void filter_copy(struct filter *p, uint64_t to) {
    const struct room *room = &p->ch->w->seg->room;
    if (to > p->from)
        change_bytes(p->ch, room_text(room, p->ch->f->encoding, p->from), to - p->from);
    p->from = to;
}

static void filter_copy_text(struct filter *p) {
    if (p->len > 0)
        change_bytes(p->ch, p->text, p->len);
    p->len = 0;
}

static void filter_line(struct filter *p, const struct entry *entry, uint32_t len) {
    const struct facts *f = p->ch->f;
    if (p->len + STAMP_MAX + len > sizeof p->text)
        filter_copy_text(p);
    p->len += stamp_text(&p->ch->w->stamp, &p->now, entry->time, p->text + p->len);
    if (p->len + len > sizeof p->text) { /* it is as long as that */
        filter_copy_text(p);
        p->from = f->pos;
        filter_copy(p, f->pos + len);
        return;
    }
    memcpy(p->text + p->len, room_text(&p->ch->w->seg->room, f->encoding, f->pos), len);
    p->len += len;
}

/* The entries from `index` on, until the part is full. */
static void filter_lines(struct filter *p, uint64_t index, uint64_t until) {
    const struct room *room = &p->ch->w->seg->room;
    struct facts *f = p->ch->f;
    uint32_t most = buffer_plenty(&p->ch->w->seg->tx_buffers) ? FILTER_LARGE : FILTER_SMALL;
    uint64_t room_left = f->tx_len < most ? most - f->tx_len : 0, used = 0;
    bool stamps = f->flags & FACT_TIMESTAMPS;
    bool ignores = f->flags & FACT_IGNORES;
    p->from = f->pos;
    for (; index < until && used < room_left; index++) {
        const struct entry *entry = room_entry(room, index);
        uint32_t len = (uint32_t)(entry->end[f->encoding] - f->pos);
        bool hidden = ignores && ignore_hides(p->ch->w, p->ch->c, f, entry);
        if (hidden && !stamps)
            filter_copy(p, f->pos);
        if (stamps && !hidden && len > 0)
            filter_line(p, entry, len);
        f->pos += len;
        used += hidden ? 0 : len + (stamps ? STAMP_MAX : 0);
        if (hidden || stamps)
            p->from = f->pos;
    }
    filter_copy(p, f->pos);
    filter_copy_text(p);
}

/* The entry whose text begins at `pos`: most often one of the last. */
static uint64_t filter_first(const struct room *room, int ring, uint64_t pos, uint64_t guard,
                             uint64_t until) {
    uint64_t back = 1;
    while (back < until - guard && room_start(room, until - back, ring) > pos)
        back *= 2;
    return room_find(room, ring, pos, back < until - guard ? until - back : guard, until);
}

bool filter_continue(struct worker *w, struct client *c, uint64_t until) {
    const struct room *room = &w->seg->room;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    int ring = client_facts(c)->encoding;
    if (sent + c->bias >= room_entry(room, until - 1)->end[ring])
        return false;
    struct change ch;
    change_begin(&ch, w, c);
    change_settle_map(&ch);
    ch.sending = true;
    uint64_t guard = atomic_load_explicit(&w->slot->guard, memory_order_relaxed);
    struct filter part;
    part.ch = &ch;
    part.len = 0;
    part.now = stamp_now(w->seg);
    filter_lines(&part, filter_first(room, ring, ch.f->pos, guard, until), until);
    return change_commit(&ch);
}

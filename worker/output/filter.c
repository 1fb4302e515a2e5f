/* filter.c - see filter.h. */
#include "worker/output/filter.h"

#include "worker/output/ignore.h"
#include "worker/record/change.h"

#include <string.h>
#include <time.h>

/* A part under way: visible lines that follow one another in the ring are copied in one piece. */
struct filter {
    struct change *ch;
    uint64_t from; /* ring position of the first byte that is visible and not copied */
    time_t now;
    uint32_t ticks; /* the same moment, as ledger entries have it */
};

static void filter_copy(struct filter *p, uint64_t to) {
    const struct room *room = &p->ch->w->seg->room;
    if (to > p->from)
        change_bytes(p->ch, room_text(room, p->ch->f->encoding, p->from), to - p->from);
    p->from = to;
}

/* "[21:04] ": the local time at which a ledger entry was made.  It is written once a minute. */
static void filter_time(struct filter *p, const struct entry *entry) {
    struct stamp *stamp = &p->ch->w->stamp;
    time_t when = p->now - (time_t)((p->ticks - entry->time) / 100);
    if (stamp->minute != when / 60) {
        char out[STAMP_BYTES + 1];
        struct tm local;
        localtime_r(&when, &local);
        strftime(out, sizeof out, "[%H:%M] ", &local);
        memcpy(stamp->text, out, STAMP_BYTES);
        stamp->minute = when / 60;
    }
    change_bytes(p->ch, stamp->text, STAMP_BYTES);
}

/* The entries from `index` on, until the part is full. */
static void filter_lines(struct filter *p, uint64_t index, uint64_t until) {
    struct change *ch = p->ch;
    struct facts *f = ch->f;
    uint32_t most = buffer_plenty(&ch->w->seg->tx_buffers) ? FILTER_LARGE : FILTER_SMALL;
    uint64_t full = f->pos + most - (f->tx_len < most ? f->tx_len : most);
    bool stamps = f->flags & FACT_TIMESTAMPS, ignores = f->flags & FACT_IGNORES;
    p->from = f->pos;
    for (; index < until && (f->pos < full && f->tx_len < most); index++) {
        const struct entry *entry = room_entry(&ch->w->seg->room, index);
        bool hidden = ignores && ignore_hides(ch->w, ch->c, f, entry);
        bool empty = entry->end[f->encoding] == f->pos;
        if (hidden || (stamps && !empty))
            filter_copy(p, f->pos);
        if (stamps && !hidden && !empty)
            filter_time(p, entry);
        f->pos = entry->end[f->encoding];
        if (hidden)
            p->from = f->pos;
    }
    filter_copy(p, f->pos);
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
    struct filter part = {.ch = &ch, .ticks = segment_ticks(w->seg), .now = time(NULL)};
    filter_lines(&part, filter_first(room, ring, ch.f->pos, guard, until), until);
    return change_commit(&ch);
}

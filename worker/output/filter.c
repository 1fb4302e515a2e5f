/* filter.c - see filter.h. */
#include "worker/output/filter.h"

#include "worker/output/ignore.h"
#include "worker/record/change.h"
#include "worker/state/label.h"
#include "worker/text/charset.h"

#include <string.h>

/* A part under way.  Visible lines that follow one another in the ring are copied in one piece;
 * with times or converted they are put together first, because a change is dear for each piece. */
struct filter {
    struct change *ch;
    uint64_t from; /* ring position of the first byte that is visible and not copied */
    struct stamp_now now;
    uint32_t len; /* bytes of `text` */
    char text[TX_DATA];
};

/* Bytes as they are in the client's ring. */
static void filter_send(struct change *ch, const void *bytes, size_t len) {
    if (ch->f->flags & FACT_CONVERTED)
        change_utf8(ch, bytes, len);
    else
        change_bytes(ch, bytes, len);
}

static void filter_copy(struct filter *p, uint64_t to) {
    const struct room *room = &p->ch->w->seg->room;
    if (to > p->from)
        filter_send(p->ch, room_text(room, p->ch->f->encoding, p->from), to - p->from);
    p->from = to;
}

static void filter_copy_text(struct filter *p) {
    if (p->len > 0)
        filter_send(p->ch, p->text, p->len);
    p->len = 0;
}

static void filter_put(struct filter *p, const void *bytes, size_t len) {
    if (p->len + len > sizeof p->text)
        filter_copy_text(p);
    if (len > sizeof p->text) { /* it is as long as that */
        filter_send(p->ch, bytes, len);
        return;
    }
    memcpy(p->text + p->len, bytes, len);
    p->len += (uint32_t)len;
}

enum { FILTER_NAME = LABEL_TEXT + 2 };

/* The name at the start of a line as a converted line shows it: the client's number, if its
 * encoding cannot show the name; what the stage does for each ring (stage_sentence).  Returns the
 * bytes of the line that `out`, of which *out_len are used, stands for: often none. */
static size_t filter_name(const struct change *ch, const struct entry *entry, const char *text,
                          size_t len, char out[FILTER_NAME], size_t *out_len) {
    char name[LABEL_TEXT], number[LABEL_TEXT];
    size_t from = len > 2 && memcmp(text, "* ", 2) == 0 ? 2 : 0, to = from;
    *out_len = 0;
    if (!(ch->f->flags & FACT_CONVERTED) || entry->client == NO_CLIENT || entry->flags & ENTRY_BARE)
        return 0;
    while (to < len && text[to] != ' ' && text[to] != ':')
        to++;
    if (to == len || to == from || to - from >= sizeof name)
        return 0;
    memcpy(name, text + from, to - from);
    name[to - from] = '\0';
    uint64_t n = client_number(ch->w, entry->client, entry->generation);
    const char *shown = label_shown(client_wire(ch->f), name, n, number);
    if (shown == name)
        return 0;
    memcpy(out, text, from);
    *out_len = from + strlen(shown);
    memcpy(out + from, shown, *out_len - from);
    return to;
}

static void filter_line(struct filter *p, const struct entry *entry, uint32_t len) {
    const struct facts *f = p->ch->f;
    const char *text = (const char *)room_text(&p->ch->w->seg->room, f->encoding, f->pos);
    char stamp[STAMP_MAX], name[FILTER_NAME];
    size_t name_len, named = filter_name(p->ch, entry, text, len, name, &name_len);
    if (f->flags & FACT_TIMESTAMPS) {
        size_t n = stamp_text(&p->ch->w->stamp, &p->now, entry->time, stamp);
        filter_put(p, stamp, n);
    }
    filter_put(p, name, name_len);
    filter_put(p, text + named, len - named);
}

void filter_entry(struct change *ch, uint64_t index) {
    const struct room *room = &ch->w->seg->room;
    int ring = ch->f->encoding;
    const char *text = (const char *)room_text(room, ring, room_start(room, index, ring));
    size_t len = room_len(room, index, ring), name_len;
    char name[FILTER_NAME];
    size_t named = filter_name(ch, room_entry(room, index), text, len, name, &name_len);
    filter_send(ch, name, name_len);
    filter_send(ch, text + named, len - named);
}

/* The entries from `index` on, until the part is full. */
static void filter_lines(struct filter *p, uint64_t index, uint64_t until) {
    const struct room *room = &p->ch->w->seg->room;
    struct facts *f = p->ch->f;
    uint32_t most = buffer_plenty(&p->ch->w->seg->tx_buffers) ? FILTER_LARGE : FILTER_SMALL;
    uint64_t room_left = f->tx_len < most ? most - f->tx_len : 0, used = 0;
    bool one_by_one = f->flags & (FACT_TIMESTAMPS | FACT_CONVERTED);
    bool ignores = f->flags & FACT_IGNORES;
    p->from = f->pos;
    for (; index < until && used < room_left; index++) {
        const struct entry *entry = room_entry(room, index);
        uint32_t len = (uint32_t)(entry->end[f->encoding] - f->pos);
        bool hidden = ignores && ignore_hides(p->ch->w, p->ch->c, f, entry);
        if (hidden && !one_by_one)
            filter_copy(p, f->pos);
        if (one_by_one && !hidden && len > 0)
            filter_line(p, entry, len);
        f->pos += len;
        used += hidden ? 0 : len + (one_by_one ? STAMP_MAX : 0);
        if (hidden || one_by_one)
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

/* filter.c - see filter.h. */
#include "worker/output/filter.h"

#include "worker/output/ignore.h"
#include "worker/record/change.h"
#include "worker/state/label.h"
#include "worker/text/charset.h"
#include "worker/text/sentence.h"

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
        filter_send(p->ch, room_text(room, p->ch->f->ring, p->from), to - p->from);
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

enum { FILTER_NAMED = 2 * LABEL_TEXT + 128 }; /* bytes of a sentence of two names */

/* A line's beginning as a converted line shows it: with a number where the client's encoding cannot
 * show the name; what the stage does for each ring (stage_sentence). */
struct filter_named {
    size_t instead; /* bytes of the line that `text` stands for; often 0 */
    size_t len;
    char text[FILTER_NAMED];
};

/* The label of the entry's client; `label` itself, if the reader can be shown it. */
static const char *filter_label(const struct change *ch, const struct entry *entry,
                                const char *label, char out[LABEL_TEXT]) {
    uint64_t number = client_number(ch->w, entry->client, entry->generation);
    return label_shown(client_wire(ch->f), label, number, out);
}

/* Copies a name out of a line.  False: it is none. */
static bool filter_take(char name[LABEL_TEXT], const char *from, size_t len) {
    if (len == 0 || len >= LABEL_TEXT)
        return false;
    memcpy(name, from, len);
    name[len] = '\0';
    return true;
}

/* "NAME: TEXT" and "* NAME TEXT": the name ends where a character is none of a name. */
static void filter_speech(const struct change *ch, const struct entry *entry, const char *text,
                          size_t len, struct filter_named *out) {
    char name[LABEL_TEXT], number[LABEL_TEXT];
    size_t from = len > 2 && memcmp(text, "* ", 2) == 0 ? 2 : 0, to = from;
    while (to < len && text[to] != ' ' && text[to] != ':')
        to++;
    if (to == len || !filter_take(name, text + from, to - from))
        return;
    const char *shown = filter_label(ch, entry, name, number);
    if (shown == name)
        return;
    out->instead = to;
    out->len = from + strlen(shown);
    memcpy(out->text, text, from);
    memcpy(out->text + from, shown, out->len - from);
}

/* A sentence that begins with a name, in the language that it was said in.  In Chinese no character
 * tells where the name ends: it is what precedes the sentence of an empty name. */
static void filter_sentence(const struct change *ch, const struct entry *entry, const char *text,
                            size_t len, enum sentence which, const char *renamed,
                            struct filter_named *out) {
    char rest[FILTER_NAMED], name[LABEL_TEXT], number[2][LABEL_TEXT];
    struct words words = {.name = "", .text = renamed};
    enum language language = LANG_EN;
    size_t n = sentence_render(language, which, &words, rest, sizeof rest);
    if (n > len || memcmp(text + len - n, rest, n) != 0)
        n = sentence_render(language = LANG_ZH, which, &words, rest, sizeof rest);
    if (n > len || memcmp(text + len - n, rest, n) != 0 || !filter_take(name, text, len - n))
        return;
    words.name = filter_label(ch, entry, name, number[0]);
    words.text = filter_label(ch, entry, renamed, number[1]);
    if (words.name == name && words.text == renamed)
        return;
    out->instead = len;
    out->len = sentence_render(language, which, &words, out->text, sizeof out->text);
}

/* The new name of ENTRY_NICK. */
static void filter_renamed(const struct room *room, uint64_t index, char out[LABEL_TEXT]) {
    const uint8_t *side = room_text(room, RING_SIDE, room_start(room, index, RING_SIDE));
    size_t len = room_len(room, index, RING_SIDE), most = len < LABEL_TEXT ? len : LABEL_TEXT;
    if (!filter_take(out, (const char *)side, strnlen((const char *)side, most)))
        out[0] = '\0';
}

static void filter_name(const struct change *ch, uint64_t index, const char *text, size_t len,
                        struct filter_named *out) {
    const struct entry *entry = room_entry(&ch->w->seg->room, index);
    char renamed[LABEL_TEXT] = "";
    out->instead = out->len = 0;
    if (!(ch->f->flags & FACT_CONVERTED) || entry->client == NO_CLIENT || entry->flags & ENTRY_BARE)
        return;
    switch (entry->kind) {
    case ENTRY_SPEECH: filter_speech(ch, entry, text, len, out); break;
    case ENTRY_JOIN: filter_sentence(ch, entry, text, len, SAY_JOINED, renamed, out); break;
    case ENTRY_LEAVE: filter_sentence(ch, entry, text, len, SAY_LEFT, renamed, out); break;
    case ENTRY_KICK: filter_sentence(ch, entry, text, len, SAY_WAS_KICKED, renamed, out); break;
    case ENTRY_NICK:
        filter_renamed(&ch->w->seg->room, index, renamed);
        filter_sentence(ch, entry, text, len, SAY_NICK, renamed, out);
        break;
    default: break;
    }
}

/* Bytes of the time that a line has in the ring itself, because it came late. */
static size_t filter_late(const struct room *room, uint64_t index, int ring, const char *text,
                          size_t len) {
    bool stamped = room_entry(room, index)->flags & ENTRY_STAMPED && ring != RING_JSON;
    return stamped ? stamp_len(text, len) : 0;
}

static void filter_line(struct filter *p, uint64_t index, uint32_t len) {
    const struct facts *f = p->ch->f;
    const struct room *room = &p->ch->w->seg->room;
    const char *text = (const char *)room_text(room, f->ring, f->pos);
    size_t late = filter_late(room, index, f->ring, text, len);
    char stamp[STAMP_MAX];
    struct filter_named named;
    if (f->flags & FACT_TIMESTAMPS) {
        size_t n = stamp_text(&p->ch->w->stamp, &p->now, room_entry(room, index)->time, stamp);
        filter_put(p, stamp, n);
    } else {
        filter_put(p, text, late);
    }
    text += late;
    filter_name(p->ch, index, text, len - late, &named);
    filter_put(p, named.text, named.len);
    filter_put(p, text + named.instead, len - late - named.instead);
}

void filter_entry(struct change *ch, uint64_t index) {
    const struct room *room = &ch->w->seg->room;
    int ring = ch->f->ring;
    const char *text = (const char *)room_text(room, ring, room_start(room, index, ring));
    size_t len = room_len(room, index, ring), late = filter_late(room, index, ring, text, len);
    struct filter_named named;
    text += late;
    len -= late;
    filter_name(ch, index, text, len, &named);
    filter_send(ch, named.text, named.len);
    filter_send(ch, text + named.instead, len - named.instead);
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
        uint32_t len = (uint32_t)(entry->end[f->ring] - f->pos);
        bool hidden = ignores && ignore_hides(p->ch->w, p->ch->c, f, entry);
        if (hidden && !one_by_one)
            filter_copy(p, f->pos);
        if (one_by_one && !hidden && len > 0)
            filter_line(p, index, len);
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
    int ring = client_facts(c)->ring;
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

/* earlier.c - see earlier.h. */
#include "worker/relay/earlier.h"

#include "worker/relay/foreign.h"
#include "worker/relay/intake.h"
#include "worker/relay/place.h"

#include <stdlib.h>
#include <string.h>

enum { EARLIER_OTHERS = 3 }; /* items that are looked at, for a line that is wanted */

struct earlier_item {
    struct stream_id id;
    struct item item;
};

/* From here on the stream is read. */
static void earlier_done(struct relay_process *p) {
    p->place.floor = p->caught;
    p->place.in = p->in.in = p->caught;
    p->place.filled = 1;
    place_commit(p);
    p->earlier.asked = false;
}

static bool earlier_wanted(const struct relay_process *p) {
    const struct room *room = &p->w.seg->room;
    bool said = room_entry(room, room_count(room) - 1)->said > 0;
    return p->w.config.history > 0 && (!said || p->place.in.ms > 0);
}

void earlier_begin(struct relay_process *p) {
    struct earlier *e = &p->earlier;
    uint32_t history = p->w.config.history;
    if (p->place.filled)
        return;
    earlier_lost(p);
    if (earlier_wanted(p))
        e->at = calloc(history, sizeof *e->at);
    e->most = e->at ? history : 0;
    e->asked = e->at && link_history(p->link, history * EARLIER_OTHERS);
    if (!e->asked)
        earlier_done(p);
}

void earlier_lost(struct relay_process *p) {
    free(p->earlier.at);
    p->earlier = (struct earlier){0};
}

void earlier_item(struct relay_process *p, const struct link_event *ev) {
    struct earlier *e = &p->earlier;
    struct item *item = &p->in.item;
    if (e->count == e->most || item_read(ev->bytes, ev->len, p->w.config.room, item) != NULL)
        return;
    if (item->kind == ITEM_SAY || item->kind == ITEM_ME || item->kind == ITEM_BARE)
        e->at[e->count++] = (struct earlier_item){ev->id, *item};
}

static void earlier_stage(struct relay_process *p, const struct earlier_item *line) {
    char label[LABEL_TEXT];
    bool late, own = strcmp(line->item.node, p->node) == 0;
    uint32_t ticks = foreign_ticks(p, line->item.ms, &late);
    struct staged *s = intake_stage(p, ENTRY_SPEECH, NO_ROW, ticks);
    foreign_speech(p, s, &line->item,
                   own ? line->item.who : foreign_label(line->item.who, line->item.node, label),
                   late);
    s->line.entry.flags |= ENTRY_EARLIER;
    p->in.in = line->id;
    intake_seal(p, s, RELAY_EARLIER);
}

static bool earlier_is_after(const struct stream_id *a, const struct stream_id *b) {
    return a->ms != b->ms ? a->ms > b->ms : a->seq > b->seq;
}

bool earlier_end(struct relay_process *p) {
    struct earlier *e = &p->earlier;
    for (; e->count > 0; e->count--) {
        const struct earlier_item *line = &e->at[e->count - 1];
        if (!earlier_is_after(&line->id, &p->in.in)) /* a predecessor has said it */
            continue;
        if (!intake_room(p))
            return false;
        earlier_stage(p, line);
    }
    if (!intake_flush(p))
        return false;
    earlier_lost(p);
    earlier_done(p);
    return true;
}

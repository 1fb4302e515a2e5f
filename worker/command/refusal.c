/* refusal.c - see refusal.h. */
#include "worker/command/refusal.h"

#include "ipc/address.h"
#include "worker/command/operator.h"
#include "worker/record/consume.h"
#include "worker/state/label.h"

#include <string.h>

enum { REFUSAL_NAME = NAME_BYTES_MAX + ENDPOINT_TEXT };

/* The name in a line's side data: alone, or behind the addressee and the speaker's name.  A line
 * without side data has a null pointer there. */
static void refusal_name(const struct staged *s, char out[REFUSAL_NAME]) {
    out[0] = '\0';
    if (s->line.len[RING_SIDE] == 0)
        return;
    const char *at = s->line.text[RING_SIDE], *end = at + s->line.len[RING_SIDE];
    if (s->line.entry.kind == ENTRY_PRIVATE) {
        at += sizeof(struct side_private);
        at += strnlen(at, (size_t)(end - at)) + 1;
    }
    size_t len = at < end ? strnlen(at, (size_t)(end - at)) : 0;
    if (len >= REFUSAL_NAME)
        for (len = REFUSAL_NAME - 1; len > 0 && (at[len] & 0xC0) == 0x80;) /* whole characters */
            len--;
    memcpy(out, at, len);
    out[len] = '\0';
}

/* An addressee that is known by its number is told as one. */
static const char *refusal_label(const struct change *ch, const struct staged *s, const char *name,
                                 char shown[LABEL_TEXT]) {
    struct side_private to;
    if (s->line.entry.kind != ENTRY_PRIVATE)
        return name;
    memcpy(&to, s->line.text[RING_SIDE], sizeof to);
    return to.client == NO_CLIENT
               ? name
               : label_shown(client_wire(ch->f), name,
                             client_number(ch->w, to.client, to.generation), shown);
}

/* What a browser numbered its message with: the last bytes of the side data. */
static void refusal_number(struct change *ch, const struct staged *s) {
    uint32_t re;
    const uint8_t *side = s->line.text[RING_SIDE];
    if (!(s->line.entry.flags & ENTRY_RE))
        return;
    memcpy(&re, side + s->line.len[RING_SIDE] - sizeof re, sizeof re);
    consume_number(ch, re);
}

/* Without a free buffer the answer is lost and the line is not consumed: it is read, and refused,
 * again. */
static void refusal_one(struct worker *w, const struct staged *s) {
    static const enum sentence why[] = {
        [STAGE_NAME_TAKEN] = SAY_NAME_TAKEN, [STAGE_NOBODY] = SAY_NOBODY,
        [STAGE_NAMES_FULL] = SAY_ROOM_FULL,  [STAGE_UNREAD] = SAY_NOT_READING,
        [STAGE_LINK] = SAY_LINK_DOWN,        [STAGE_MUTED] = SAY_MUTED};
    struct client *c = worker_client(w, s->client);
    char name[REFUSAL_NAME], shown[LABEL_TEXT];
    struct change ch;
    if (s->verdict == STAGE_DROPPED || !client_is(c, s->generation) ||
        client_away(client_facts(c))) /* its page sends it again */
        return;
    refusal_name(s, name);
    change_begin(&ch, w, c);
    const char *label = refusal_label(&ch, s, name, shown);
    struct words words = {.name = label, .text = label};
    consume_line(&ch, s->consumed, s->line.entry.flags & ENTRY_AFTER_CR, w->now, w->tenths);
    refusal_number(&ch, s);
    if (client_kind(c) == KIND_CONTROL)
        operator_answer(&ch, "it is no longer here");
    else
        change_sentence(&ch, why[s->verdict], &words);
    change_commit(&ch);
    fd_queue_push(&w->ready, client_index(w, c));
}

void refusal_answer(struct worker *w) {
    struct stage *stage = &w->stage;
    for (; stage->answered < stage->next; stage->answered++) {
        const struct staged *s = &stage->line[stage->answered];
        /* A refused move is staged anew while its client has to move; a ping has no client, nor has
         * a note, and what people of other machines said is answered by the relay. */
        if (s->verdict != STAGE_PUBLISHED && s->line.entry.kind != ENTRY_MOVE &&
            s->client < w->seg->clients.len)
            refusal_one(w, s);
    }
    if (stage->answered == stage->count)
        stage_reset(stage);
}

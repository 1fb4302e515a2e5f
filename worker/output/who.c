/* who.c - see who.h. */
#include "worker/output/who.h"

#include "worker/state/label.h"

#include <stdio.h>
#include <string.h>

enum {
    WHO_PART = 3500,    /* bytes */
    WHO_RECORDS = 8192, /* looked at for a part */
    WHO_LOOKS = 16,     /* such looks cost as much as a byte */
};

void who_begin(struct change *ch, uint32_t which) {
    ch->f->flags |= which;
    ch->f->list_next = 0;
    fd_queue_push(&ch->w->reply_pending, client_index(ch->w, ch->c));
}

bool who_idle(uint32_t tenths, char out[WHO_IDLE_TEXT]) {
    uint32_t minutes = tenths / 600;
    if (minutes < 60)
        snprintf(out, WHO_IDLE_TEXT, "%um", minutes);
    else if (minutes < 24 * 60)
        snprintf(out, WHO_IDLE_TEXT, "%uh", minutes / 60);
    else
        snprintf(out, WHO_IDLE_TEXT, "%ud", minutes / (24 * 60));
    return minutes > 0;
}

/* With the first part: a private line that is applied before it comes before the whole list. */
static void who_heading(struct change *ch) {
    struct words words = {0};
    change_sentence(ch, ch->f->flags & FACT_LIST_ALL ? SAY_WHO : SAY_LOOK, &words);
}

static void who_line(struct change *ch, uint32_t client, const struct client_view *other,
                     uint32_t now) {
    char unique[LABEL_TEXT], number[LABEL_TEXT], since[WHO_IDLE_TEXT];
    label_unique(client_view_name(other), &other->addr, other->port, unique);
    const char *label = label_shown(client_wire(ch->f), unique,
                                    client_number(ch->w, client, other->generation), number);
    uint32_t quiet = now - other->facts.last_input;
    if ((int32_t)quiet < 0) /* it typed in another worker after `now` was read */
        quiet = 0;
    if ((ch->f->flags & FACT_LIST_ALL) && who_idle(quiet, since)) {
        struct words words = {.name = label, .text = since};
        change_sentence(ch, SAY_WHO_IDLE, &words);
    } else {
        change_utf8(ch, label, strlen(label));
        change_bytes(ch, "\r\n", 2);
    }
}

bool who_continue(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    change_settle_map(&ch);
    uint32_t at = ch.f->list_next, looked = 0;
    uint32_t len = atomic_load(&w->seg->header->fd_high) + 1;
    uint32_t now = segment_tenths(w->seg);
    if (at == 0)
        who_heading(&ch);
    for (; at < len && looked < WHO_RECORDS && ch.f->tx_len < WHO_PART; at++, looked++) {
        struct client_view other;
        if (client_peek(&w->seg->clients, at, &other) &&
            (other.facts.flags & (FACT_IN_ROOM | FACT_QUIET)) == FACT_IN_ROOM)
            who_line(&ch, at, &other, now);
    }
    change_charge(&ch, 0, w->now);
    ch.answered += looked / WHO_LOOKS; /* a record that is looked at costs, too */
    ch.f->list_next = at;
    if (at >= len)
        ch.f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    return change_commit(&ch);
}

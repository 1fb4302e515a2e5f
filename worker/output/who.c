/* list.c - see list.h. */
#include "worker/output/who.h"

#include <stdio.h>
#include <string.h>

enum { LIST_PART = 3500, LIST_LOOK = 8192 }; /* bytes of a part; records looked at for it */

void who_begin(struct change *ch, uint32_t which) {
    struct words words = {0};
    change_sentence(ch, which == FACT_LIST_ALL ? SAY_WHO : SAY_LOOK, &words);
    ch->f->flags |= which;
    ch->f->list_next = 0;
}

static void idle_text(uint32_t ms, char out[16]) {
    uint32_t minutes = ms / 60000;
    if (minutes < 60)
        snprintf(out, 16, "%um", minutes);
    else if (minutes < 24 * 60)
        snprintf(out, 16, "%uh", minutes / 60);
    else
        snprintf(out, 16, "%ud", minutes / (24 * 60));
}

static void who_line(struct change *ch, const struct client *other, const struct facts *facts,
                     bool idle) {
    char called[NAME_BYTES_MAX + 80], since[16];
    if (facts->flags & FACT_NAMED)
        client_called(other, facts, called);
    else
        client_endpoint(other, called);
    uint32_t quiet = ch->w->now - facts->last_input; /* or it was heard a moment after our `now` */
    if (idle && quiet >= 60000 && quiet < UINT32_MAX - 60000) {
        idle_text(quiet, since);
        struct words words = {.name = called, .text = since};
        change_sentence(ch, SAY_WHO_IDLE, &words);
    } else {
        change_utf8(ch, called, strlen(called));
        change_bytes(ch, "\r\n", 2);
    }
}

bool who_continue(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    bool idle = ch.f->flags & FACT_LIST_ALL;
    uint32_t at = ch.f->list_next, looked = 0, len = w->seg->clients.len;
    for (; at < len && looked < LIST_LOOK && ch.f->tx_len < LIST_PART; at++, looked++) {
        struct facts other;
        uint32_t generation;
        const struct client *o = worker_client(w, at);
        if (client_peek(o, &other, &generation) && (other.flags & FACT_IN_ROOM))
            who_line(&ch, o, &other, idle);
    }
    ch.f->list_next = at;
    if (at == len)
        ch.f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    return change_commit(&ch);
}

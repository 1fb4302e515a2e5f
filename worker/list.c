/* list.c - see list.h. */
#include "worker/list.h"

#include <stdio.h>
#include <string.h>

enum { LIST_PART = 3500, LIST_LOOK = 8192 }; /* bytes of a part; records looked at for it */

void list_begin(struct edit *e, uint32_t which) {
    struct words words = {0};
    edit_sentence(e, which == FACT_LIST_ALL ? SAY_WHO : SAY_LOOK, &words);
    e->f->flags |= which;
    e->f->list_next = 0;
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

static void list_line(struct edit *e, const struct client *other, const struct facts *facts,
                      bool idle) {
    char called[NAME_BYTES_MAX + 80], since[16];
    if (facts->flags & FACT_NAMED)
        client_called(other, facts, called);
    else
        client_endpoint(other, called);
    uint32_t quiet = e->w->now - facts->heard; /* or it was heard a moment after our `now` */
    if (idle && quiet >= 60000 && quiet < UINT32_MAX - 60000) {
        idle_text(quiet, since);
        struct words words = {.name = called, .text = since};
        edit_sentence(e, SAY_WHO_IDLE, &words);
    } else {
        edit_utf8(e, called, strlen(called));
        edit_bytes(e, "\r\n", 2);
    }
}

bool list_continue(struct worker *w, struct client *c) {
    struct edit e;
    edit_begin(&e, w, c);
    bool idle = e.f->flags & FACT_LIST_ALL;
    uint32_t at = e.f->list_next, looked = 0, len = w->seg->clients.len;
    for (; at < len && looked < LIST_LOOK && e.f->box_len < LIST_PART; at++, looked++) {
        struct facts other;
        uint32_t birth;
        const struct client *o = worker_client(w, at);
        if (client_peek(o, &other, &birth) && (other.flags & FACT_IN_ROOM))
            list_line(&e, o, &other, idle);
    }
    e.f->list_next = at;
    if (at == len)
        e.f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    return edit_commit(&e);
}

/* leave.c - see leave.h. */
#include "worker/leave.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/edit.h"
#include "worker/flush.h"
#include "worker/name.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void leave_begin(struct worker *w, struct client *c, const char *why) {
    uint64_t life = atomic_load_explicit(&c->life, memory_order_relaxed);
    if (client_state(life) != CLIENT_LIVE)
        return;
    FAULT("leave.begin.before");
    atomic_store_explicit(&c->life, client_life(client_birth(life), CLIENT_CLOSING),
                          memory_order_release);
    FAULT("leave.begin.after");
    char who[80];
    client_endpoint(c, who);
    log_info("client %s disconnected%s%s", who, why ? ": " : "", why ? why : "");
    member_hold(w, c, HOLD_CLOSING);
    fd_list_add(&w->going, client_index(w, c));
}

/* What it will never be sent is forgotten: its boxes are for others, while what it has said itself
 * is still read, and may have to wait for that. */
static void leave_unheard(struct worker *w, struct client *c) {
    struct edit e;
    edit_begin(&e, w, c);
    struct facts *f = e.f;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    e.old_head = f->out_box;
    e.old_len = f->box_len;
    if (sent > client_box_end(f))
        f->pos += sent - client_box_end(f);
    f->base = sent;
    f->box_len = 0;
    f->out_box = NO_BOX;
    f->skipped = 0;
    f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    edit_commit(&e);
}

void leave_lost(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    if (c->mode == MODE_BLOCKED)
        w->blocked--;
    c->mode = MODE_DEAF;
    if (client_state(atomic_load_explicit(&c->life, memory_order_relaxed)) == CLIENT_LIVE)
        leave_unheard(w, c);
    w->readable[fd] = 1;
    member_release(w, c, HOLD_OUTPUT); /* nothing will ever be read of it */
    fd_list_add(&w->ready, fd);
}

void leave_goodbye(struct worker *w, struct client *c, uint32_t sentence, const char *why) {
    struct edit e;
    struct words words = {.room = w->config.room};
    if (client_state(atomic_load_explicit(&c->life, memory_order_relaxed)) != CLIENT_LIVE)
        return;
    edit_begin(&e, w, c);
    edit_sentence(&e, sentence, &words);
    e.f->flags &= ~(uint32_t)FACT_EDITED; /* its half-typed line is not put back */
    if (edit_commit(&e))
        flush_client(w, c);
    leave_begin(w, c, why);
}

static void leave_stage_one(struct worker *w, struct client *c, const struct facts *f) {
    char called[NAME_BYTES_MAX + 1], text[SENTENCE_MAX];
    struct words words = {.name = client_called(c, f, called)};
    size_t len = sentence_render(w->config.language, SAY_GOES, &words, text, sizeof text);
    struct staged *s =
        stage_add(w, ENTRY_LEAVE, client_index(w, c), client_birth(c->life), f->handled);
    s->line.people = -1;
    if (f->flags & FACT_NAMED)
        s->old_key = name_key(called, strlen(called), w->seg->header->name_key);
    stage_text(w, s, text, (uint32_t)len);
}

void leave_stage(struct worker *w) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->going.count; i++) {
        uint32_t fd = w->going.at[i];
        struct client *c = worker_client(w, fd);
        const struct facts *f = client_facts(c);
        if (w->place[fd] == 0) { /* ended in another way meanwhile */
            w->going.in[fd] = 0;
            continue;
        }
        bool seen_to_come = (f->flags & FACT_IN_ROOM) && !(f->flags & FACT_LEFT);
        if (seen_to_come && !stage_fits(w, SENTENCE_MAX / 4)) {
            w->going.at[kept++] = fd;
            continue;
        }
        w->going.in[fd] = 0;
        if (seen_to_come)
            leave_stage_one(w, c, f);
        else
            leave_finish(w, c);
    }
    w->going.count = kept;
}

/* What the client has sent and nobody will read: with it unread, close() would reset the connection
 * and take our last words along. */
static void socket_drain(int fd) {
    char scratch[4096];
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 64 && recv(fd, scratch, sizeof scratch, MSG_DONTWAIT) > 0; i++)
        ;
}

void leave_finish(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    uint64_t life = atomic_load_explicit(&c->life, memory_order_relaxed);
    if (client_state(life) != CLIENT_CLOSING)
        return;
    const struct facts *f = client_facts(c);
    uint64_t tag = client_tag(w, c);
    box_give(&w->seg->inboxes, f->in_box, tag);
    box_give(&w->seg->outboxes, f->line_box, tag);
    box_give(&w->seg->outboxes, f->ignore_box, tag);
    chain_give(w, tag, f->out_box, f->box_len);
    member_remove(w, c);
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    FAULT("leave.close.before");
    if (getsockopt((int)fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 && cookie == c->cookie) {
        socket_drain((int)fd);
        close((int)fd);
        FAULT("leave.close.after");
    }
    /* Another worker may have been given the number already: then the record is its. */
    atomic_compare_exchange_strong(&c->life, &life, client_life(client_birth(life), CLIENT_FREE));
    FAULT("leave.free.after");
    atomic_fetch_add_explicit(&w->slot->stats.closed, 1, memory_order_relaxed);
}

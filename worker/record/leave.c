/* leave.c - see leave.h. */
#include "worker/record/leave.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/text/name.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void leave_begin(struct worker *w, struct client *c, const char *why) {
    uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    if (client_state(state_word) != CLIENT_LIVE)
        return;
    FAULT("leave.begin.before");
    atomic_store_explicit(&c->state_word,
                          client_state_word(client_generation(state_word), CLIENT_CLOSING),
                          memory_order_release);
    FAULT("leave.begin.after");
    char who[80];
    client_endpoint(c, who);
    log_info("client %s disconnected%s%s", who, why ? ": " : "", why ? why : "");
    member_pause(w, c, PAUSE_CLOSING);
    fd_list_add(&w->closing, client_index(w, c));
}

/* What it will never be sent is forgotten: its boxes are for others, while what it has said itself
 * is still read, and may have to wait for that. */
static void leave_unheard(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    struct facts *f = ch.f;
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    ch.old_head = f->tx;
    ch.old_len = f->tx_len;
    if (sent > client_tx_end(f))
        f->pos += sent - client_tx_end(f);
    f->base = sent;
    f->tx_len = 0;
    f->tx = NO_BUFFER;
    f->lines_lost = 0;
    f->flags &= ~(uint32_t)(FACT_LIST_ROOM | FACT_LIST_ALL);
    change_commit(&ch);
}

void leave_lost(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    if (c->mode == MODE_BLOCKED)
        w->blocked--;
    c->mode = MODE_WRITE_FAILED;
    if (client_state(atomic_load_explicit(&c->state_word, memory_order_relaxed)) == CLIENT_LIVE)
        leave_unheard(w, c);
    w->readable[fd] = 1;
    member_resume(w, c, PAUSE_OUTPUT); /* nothing will ever be read of it */
    fd_list_add(&w->ready, fd);
}

void leave_goodbye(struct worker *w, struct client *c, uint32_t sentence, const char *why) {
    struct change ch;
    struct words words = {.room = w->config.room};
    if (client_state(atomic_load_explicit(&c->state_word, memory_order_relaxed)) != CLIENT_LIVE)
        return;
    change_begin(&ch, w, c);
    change_sentence(&ch, sentence, &words);
    ch.f->flags &= ~(uint32_t)FACT_ECHOED; /* its half-typed line is not put back */
    if (change_commit(&ch))
        flush_client(w, c);
    leave_begin(w, c, why);
}

static void leave_stage_one(struct worker *w, struct client *c, const struct facts *f) {
    char called[NAME_BYTES_MAX + 1], text[SENTENCE_MAX];
    struct words words = {.name = client_called(c, f, called)};
    size_t len = sentence_render(w->config.language, SAY_GOES, &words, text, sizeof text);
    struct staged *s = stage_add(w, ENTRY_LEAVE, client_index(w, c),
                                 client_generation(c->state_word), f->consumed);
    s->line.people = -1;
    if (f->flags & FACT_NAMED)
        s->old_key = name_key(called, strlen(called), w->seg->header->name_key);
    stage_text(w, s, text, (uint32_t)len);
}

void leave_stage(struct worker *w) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->closing.count; i++) {
        uint32_t fd = w->closing.at[i];
        struct client *c = worker_client(w, fd);
        const struct facts *f = client_facts(c);
        if (w->member_index[fd] == 0) { /* ended in another way meanwhile */
            w->closing.in[fd] = 0;
            continue;
        }
        bool seen_to_come = (f->flags & FACT_IN_ROOM) && !(f->flags & FACT_LEFT);
        if (seen_to_come && !stage_fits(w, SENTENCE_MAX / 4)) {
            w->closing.at[kept++] = fd;
            continue;
        }
        w->closing.in[fd] = 0;
        if (seen_to_come)
            leave_stage_one(w, c, f);
        else
            leave_finish(w, c);
    }
    w->closing.count = kept;
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
    uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    if (client_state(state_word) != CLIENT_CLOSING)
        return;
    const struct facts *f = client_facts(c);
    uint64_t tag = client_tag(w, c);
    buffer_give(&w->seg->rx_buffers, f->rx, tag);
    buffer_give(&w->seg->tx_buffers, f->line_buffer, tag);
    buffer_give(&w->seg->tx_buffers, f->ignore_buffer, tag);
    chain_give(w, tag, f->tx, f->tx_len);
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
    atomic_compare_exchange_strong(&c->state_word, &state_word,
                                   client_state_word(client_generation(state_word), CLIENT_FREE));
    FAULT("leave.free.after");
    atomic_fetch_add_explicit(&w->slot->stats.closed, 1, memory_order_relaxed);
}

/* takeover.c - see takeover.h. */
#include "worker/command/takeover.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/token.h"
#include "worker/command/say.h"
#include "worker/output/flush.h"
#include "worker/output/history.h"
#include "worker/output/resume.h"
#include "worker/protocol/event.h"
#include "worker/protocol/websocket.h"
#include "worker/record/away.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/account.h"
#include "worker/state/buffer_request.h"
#include "worker/state/client_log.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/lock.h"
#include "worker/state/members.h"
#include "worker/state/pause.h"
#include "worker/state/speaker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct takeover {
    const struct invocation *inv;
    struct worker *w;
    struct client *from, *place; /* the new connection's record, and the one that stays */
    uint32_t last;               /* number of the last message taken from the former connection */
};

/* What a takeover's first words may cost: less than a burst, so that a person can speak at once. */
enum { TAKEOVER_CHARGE = 4096 };

/* ---- the place ---- */

/* The client that has the name and the token, live or leaving; NULL: none. */
static struct client *takeover_place(struct worker *w, const char *name, const char *token) {
    struct segment *seg = w->seg;
    uint8_t bytes[TOKEN_BYTES];
    uint32_t client, generation;
    if (!token || !token_read(token, strlen(token), bytes))
        return NULL;
    worker_lock(w);
    bool found = name_table_find(&seg->names, &seg->room, &seg->clients, room_count(&seg->room),
                                 speaker_key(w, name), &client, &generation);
    worker_unlock(w);
    if (!found || !segment_has_client(seg, client) ||
        !token_is(seg->header->token_key, client, generation, bytes))
        return NULL;
    struct client *c = worker_client(w, client);
    return client_is(c, generation) ? c : NULL;
}

/* A line of it that is applied or refused later would be one of the new connection's stream. */
static bool takeover_staged(const struct worker *w, const struct client *place) {
    const struct stage *stage = &w->stage;
    for (uint32_t i = stage->answered; i < stage->count; i++)
        if (stage->line[i].client == client_index(w, place))
            return true;
    return false;
}

/* It is asked to leave, or its leave is not published yet. */
static bool takeover_leaves(const struct client *place) {
    const struct facts *f = client_facts(place);
    return !client_live(place) || !(f->flags & FACT_IN_ROOM);
}

/* It is let go to this worker, which has not come to the entry of its move: adopted then. */
static bool takeover_arrives(const struct worker *w, const struct client *place) {
    return !worker_serves(w, client_index(w, place));
}

/* Not before what is under way with either of the two is done. */
static bool takeover_waits(const struct takeover *t) {
    return t->inv->line->plain_only || takeover_arrives(t->w, t->place) ||
           takeover_staged(t->w, t->place) || takeover_leaves(t->place);
}

/* ---- the former connection ---- */

/* A duplicated tab.  With that code it does not come back. */
static void takeover_close(struct worker *w, struct client *place) {
    struct change ch;
    uint8_t out[WEBSOCKET_CLOSE_BYTES];
    change_begin(&ch, w, place);
    change_frames(&ch, out, websocket_close(WEBSOCKET_TAKEN_OVER, out));
    FAULT("takeover.close.before");
    if (change_commit(&ch))
        flush_client(w, place);
    FAULT("takeover.close.after");
}

static void takeover_former(struct worker *w, struct client *place) {
    if (client_away(client_facts(place)))
        return;
    flush_client(w, place);
    if (place->mode != MODE_WRITE_FAILED) {
        takeover_close(w, place);
        client_log(w, TALLY_DISCONNECTED, &place->addr, place->port, "disconnected: taken over");
    }
    away_begin(w, place);
}

/* ---- the place's next facts ---- */

/* The input of the new connection, half read as it is: its login is consumed below. */
static void takeover_input(struct change *ch, const struct facts *from) {
    struct buffer_pool *pool = &ch->w->seg->rx_buffers;
    struct facts *f = ch->f;
    struct rx_buffer *rx = change_rx(ch);
    if (!rx || from->rx == NO_BUFFER)
        return;
    memcpy(rx, buffer_at(pool, from->rx), sizeof *rx);
    f->raw_off = from->raw_off;
}

static void takeover_stream(struct takeover *t, struct change *ch) {
    const struct facts *from = client_facts(t->from);
    struct facts *f = ch->f;
    const uint32_t flags = FACT_PROXY;
    t->last = f->re;
    f->consumed = from->consumed;
    f->base = atomic_load_explicit(&t->from->sent, memory_order_relaxed);
    f->header_len = from->header_len;
    memcpy(f->websocket, from->websocket, sizeof f->websocket);
    f->flags = (f->flags & ~flags) | (from->flags & flags);
    f->web = from->web & WEB_BOT;
    f->list_next = 0;
    if ((int32_t)(from->tat - f->tat) > 0)
        f->tat = from->tat;
    takeover_input(ch, from);
}

static void takeover_consume(const struct takeover *t, struct change *ch) {
    const struct line *line = t->inv->line;
    uint32_t last_input = ch->f->last_input; /* it has come back, and said nothing */
    consume_line(ch, line->consumed, false, t->w->now, t->w->tenths);
    ch->f->last_input = last_input;
    if (line->numbered)
        consume_number(ch, line->re);
}

/* What it missed; without an event that it has seen, the history of a login. */
static void takeover_missed(const struct takeover *t, struct change *ch) {
    const struct room *room = &t->w->seg->room;
    uint64_t from = t->inv->line->from, count = room_count(room);
    if (from == 0) {
        ch->f->pos = room_start(room, count, RING_JSON);
        history_begin(ch, t->w->config.history, HISTORY_ENTERED);
        return;
    }
    resume_private(ch, from, atomic_load_explicit(&t->w->slot->cursor, memory_order_relaxed));
    resume_room(ch, from);
}

static void takeover_answer(const struct takeover *t, struct change *ch) {
    const struct segment *seg = t->w->seg;
    uint8_t out[EVENT_LINE_MAX], token[TOKEN_BYTES];
    char own[NAME_TEXT];
    uint64_t tag = client_tag(t->w, t->place);
    token_of(seg->header->token_key, (uint32_t)tag, (uint32_t)(tag >> 32), token);
    const char *name = client_name(&seg->clients, t->place, ch->f, own);
    size_t n = event_logged_in(change_re(ch), name, token, t->last, out, sizeof out);
    change_frames(ch, out, n);
    takeover_missed(t, ch);
    if (ch->answered > TAKEOVER_CHARGE)
        ch->answered = TAKEOVER_CHARGE;
}

/* The counts are those of the new connection from here on; while the place is away they mean
 * nothing (away_adopt).  False: no buffer is free. */
static bool takeover_prepare(struct takeover *t, struct change *ch) {
    struct client *place = t->place;
    uint64_t sent = atomic_load_explicit(&t->from->sent, memory_order_relaxed);
    atomic_store_explicit(&place->sent, sent, memory_order_relaxed);
    place->received = t->from->received;
    place->mode = MODE_SLOW;
    change_begin(ch, t->w, place);
    takeover_stream(t, ch);
    takeover_consume(t, ch);
    takeover_answer(t, ch);
    if (!ch->failed)
        return true;
    change_abandon(ch);
    away_adopt(t->w, place);
    pause_client(t->w, t->from, PAUSE_BUFFERS);
    buffer_request(t->w);
    return false;
}

/* ---- the switch ---- */

static void takeover_mark(const struct takeover *t) {
    struct change ch;
    uint64_t place = client_tag(t->w, t->place);
    change_begin(&ch, t->w, t->from);
    ch.drop_replies = true; /* so it wants no buffer, and cannot fail */
    ch.f->web |= WEB_TAKES;
    ch.f->reply_client = (uint32_t)place;
    ch.f->reply_generation = (uint32_t)(place >> 32);
    FAULT("takeover.mark.before");
    change_commit(&ch);
    FAULT("takeover.mark.after");
}

/* A registration lives as long as its socket, whatever becomes of the number. */
static void takeover_socket(const struct takeover *t) {
    int from = (int)client_index(t->w, t->from), place = (int)client_index(t->w, t->place);
    interest_forget(t->w, t->from);
    interest_forget(t->w, t->place);
    FAULT("takeover.dup.before");
    while (dup2(from, place) < 0 && (errno == EINTR || errno == EBUSY))
        ;
    FAULT("takeover.dup.after");
    atomic_store_explicit(&t->place->cookie, t->from->cookie, memory_order_relaxed);
    FAULT("takeover.cookie.after");
    client_set_address(t->place, &t->from->addr, t->from->port);
}

static void takeover_log(struct worker *w, const struct client *place) {
    char name[LABEL_TEXT], shown[4 * NAME_BYTES_MAX + 1];
    client_label(w, place, client_facts(place), name);
    client_log(w, TALLY_NAMED, &place->addr, place->port, "is %s",
               log_escape(shown, sizeof shown, name, strlen(name)));
}

static void takeover_switch(const struct takeover *t, struct change *ch) {
    struct worker *w = t->w;
    takeover_mark(t);
    takeover_socket(t);
    member_remove(w, t->place);
    FAULT("takeover.commit.before");
    change_commit(ch);
    FAULT("takeover.commit.after");
    member_add(w, t->place);
    fd_queue_push(&w->moderated.due, client_index(w, t->place)); /* it has another address */
    fd_queue_push(&w->ready, client_index(w, t->place));         /* input may lie in its buffer */
    w->interest.readable[client_index(w, t->place)] = 1;
    interest_arm(w, t->place);
    takeover_log(w, t->place);
    leave_begin(w, t->from, NULL);
    FAULT("takeover.left.after");
}

/* ---- all of it ---- */

static enum line_outcome takeover_here(struct takeover *t) {
    struct worker *w = t->w;
    struct change ch;
    if (takeover_waits(t))
        return LINE_LATER;
    flush_client(w, t->from);
    if (!client_live(t->from))
        return LINE_GONE;
    if (!client_drained(t->from, client_facts(t->from))) {
        pause_client(w, t->from, PAUSE_OUTPUT);
        return LINE_NO_BUFFER;
    }
    takeover_former(w, t->place);
    if (!takeover_prepare(t, &ch))
        return LINE_NO_BUFFER;
    takeover_switch(t, &ch);
    return LINE_GONE;
}

bool takeover(const struct invocation *inv, const char *name, const char *token,
              enum line_outcome *outcome) {
    struct takeover t = {.inv = inv, .w = inv->w, .from = inv->c};
    t.place = takeover_place(inv->w, name, token);
    if (!t.place || t.place == t.from)
        return false;
    uint32_t slot = atomic_load_explicit(&t.place->slot, memory_order_acquire);
    if (slot == inv->w->index)
        *outcome = takeover_here(&t);
    else
        *outcome = say_move(inv->w, inv->c, slot);
    return true;
}

bool takeover_done(const struct worker *w, const struct client *c) {
    const struct facts *f = client_facts(c);
    struct client_view place;
    if (!(f->web & WEB_TAKES) || !segment_has_client(w->seg, f->reply_client) ||
        !client_peek(&w->seg->clients, f->reply_client, &place))
        return false;
    return place.generation == f->reply_generation && !client_away(&place.facts) &&
           atomic_load(&w->seg->clients.at[f->reply_client].cookie) == c->cookie;
}

void takeover_undo(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true;
    ch.f->web &= (uint8_t)~WEB_TAKES;
    ch.f->reply_client = ch.f->reply_generation = 0;
    FAULT("takeover.undo.before");
    change_commit(&ch);
    FAULT("takeover.undo.after");
}

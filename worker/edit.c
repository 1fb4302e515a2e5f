/* edit.c - see edit.h. */
#include "worker/edit.h"

#include "ipc/fault.h"
#include "worker/charset.h"
#include "worker/relieve.h"
#include "worker/screen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void edit_begin(struct edit *e, struct worker *w, struct client *c) {
    memset(e, 0, offsetof(struct edit, taken));
    e->w = w;
    e->c = c;
    e->tag = client_tag(w, c);
    e->f = client_edit(c);
    e->mute = c->mode == MODE_DEAF;
    e->inbox_taken = e->inbox_given = NO_BOX;
}

void chain_give(struct worker *w, uint64_t tag, uint32_t head, uint32_t len) {
    struct box_pool *pool = &w->seg->outboxes;
    for (uint32_t at = 0; at < len && box_owned(pool, head, tag); at += OUTBOX_DATA) {
        uint32_t next = ((struct outbox *)box_at(pool, head))->next;
        box_give(pool, head, tag);
        head = next;
    }
}

bool edit_commit(struct edit *e) {
    if (e->f->flags & FACT_EDITED)
        screen_settle(e);
    if (e->failed) {
        edit_abandon(e);
        member_hold(e->w, e->c, HOLD_BOXES);
        relieve_ask(e->w);
        return false;
    }
    client_commit(e->c);
    chain_give(e->w, e->tag, e->old_head, e->old_len);
    for (uint32_t i = 0; i < e->given_count; i++)
        box_give(&e->w->seg->outboxes, e->given[i], e->tag);
    box_give(&e->w->seg->inboxes, e->inbox_given, e->tag);
    if (e->taken_count > 0 || e->tail != NO_BOX)
        fd_list_add(&e->w->dirty, client_index(e->w, e->c));
    return true;
}

void edit_abandon(struct edit *e) {
    for (uint32_t i = 0; i < e->taken_count; i++)
        box_give(&e->w->seg->outboxes, e->taken[i], e->tag);
    box_give(&e->w->seg->inboxes, e->inbox_taken, e->tag);
    e->taken_count = 0;
    e->inbox_taken = NO_BOX;
}

static uint32_t edit_take(struct edit *e) {
    uint32_t box = NO_BOX;
    if (!e->failed && e->taken_count < EDIT_BOXES)
        box = box_take(&e->w->seg->outboxes, e->tag);
    if (box == NO_BOX)
        e->failed = true;
    else
        e->taken[e->taken_count++] = box;
    return box;
}

/* The last box of the committed chain, which new bytes follow. */
static uint32_t chain_tail(struct edit *e) {
    const struct box_pool *pool = &e->w->seg->outboxes;
    uint32_t box = e->f->out_box;
    for (uint32_t at = OUTBOX_DATA; at < e->f->box_len && box_owned(pool, box, e->tag);
         at += OUTBOX_DATA)
        box = ((struct outbox *)box_at(pool, box))->next;
    if (!box_owned(pool, box, e->tag))
        e->failed = true;
    return box;
}

/* Bytes beyond box_len are nobody's until the commit says otherwise. */
static void chain_append(struct edit *e, const void *bytes, size_t len) {
    if (e->mute)
        return;
    struct box_pool *pool = &e->w->seg->outboxes;
    const uint8_t *from = bytes;
    while (len > 0 && !e->failed) {
        uint32_t offset = e->f->box_len % OUTBOX_DATA;
        if (e->f->box_len > 0 && e->tail == NO_BOX)
            e->tail = chain_tail(e);
        if (offset == 0) {
            uint32_t box = edit_take(e);
            if (box == NO_BOX)
                return;
            if (e->f->box_len == 0)
                e->f->out_box = box;
            else
                ((struct outbox *)box_at(pool, e->tail))->next = box;
            e->tail = box;
        }
        if (e->failed)
            return;
        size_t n = OUTBOX_DATA - offset < len ? OUTBOX_DATA - offset : len;
        memcpy(((struct outbox *)box_at(pool, e->tail))->data + offset, from, n);
        FAULT("edit.append");
        e->f->box_len += (uint32_t)n;
        from += n;
        len -= n;
    }
}

/* Of a line that was torn by a partial send: what follows `pos`. */
static size_t torn_rest(const struct edit *e, uint64_t pos) {
    const struct room *room = &e->w->seg->room;
    uint8_t ring = e->f->encoding;
    if (!(e->f->flags & FACT_IN_ROOM) || pos == 0 || *room_text(room, ring, pos - 1) == '\n')
        return 0;
    uint64_t end = room_entry(room, room_count(room) - 1)->end[ring];
    const uint8_t *rest = room_text(room, ring, pos);
    const uint8_t *stop = memchr(rest, '\n', end - pos);
    return stop ? (size_t)(stop - rest) + 1 : end - pos;
}

void edit_settle_map(struct edit *e) {
    struct facts *f = e->f;
    uint64_t sent = atomic_load_explicit(&e->c->sent, memory_order_relaxed);
    if (sent < client_box_end(f) || (sent == f->base && f->box_len == 0))
        return; /* boxes not drained: what follows them is as it is */
    uint64_t pos = f->pos + (sent - client_box_end(f));
    size_t rest = torn_rest(e, pos);
    if (e->mute && rest > 0)
        return; /* nothing will stand between the halves of its line */
    if (f->out_box != NO_BOX) {
        e->old_head = f->out_box;
        e->old_len = f->box_len;
    }
    f->base = sent;
    f->box_len = 0;
    f->out_box = NO_BOX;
    e->tail = NO_BOX;
    f->pos = pos + rest;
    chain_append(e, room_text(&e->w->seg->room, f->encoding, pos), rest);
}

void edit_raw(struct edit *e, const void *bytes, size_t len) {
    edit_settle_map(e);
    if ((e->f->flags & FACT_TORN) && !e->mute) { /* half a line, whose rest was lapped */
        e->f->flags &= ~(uint32_t)FACT_TORN;
        chain_append(e, "\r\n", 2);
    }
    chain_append(e, bytes, len);
}

void edit_bytes(struct edit *e, const void *bytes, size_t len) {
    if (e->f->flags & FACT_DRAWN)
        screen_clear(e);
    edit_raw(e, bytes, len);
}

void edit_utf8(struct edit *e, const char *utf8, size_t len) {
    if (e->f->encoding == ENC_UTF8) {
        edit_bytes(e, utf8, len);
        return;
    }
    /* In pieces that fit the stack, cut between characters. */
    char out[2048];
    while (len > 0) {
        size_t n = len > 512 ? 512 : len;
        while (n < len && ((unsigned char)utf8[n] & 0xC0) == 0x80)
            n--;
        size_t encoded = charset_encode(e->f->encoding, utf8, n, out, sizeof out);
        edit_bytes(e, out, encoded);
        utf8 += n;
        len -= n;
    }
}

void edit_sentence(struct edit *e, enum sentence which, const struct words *words) {
    char out[SENTENCE_MAX];
    size_t len = sentence_render(e->w->config.language, which, words, out, sizeof out);
    edit_utf8(e, out, len);
}

struct inbox *edit_inbox(struct edit *e) {
    struct box_pool *pool = &e->w->seg->inboxes;
    if (e->f->in_box == NO_BOX) {
        uint32_t box = box_take(pool, e->tag);
        if (box == NO_BOX) {
            e->failed = true;
            return NULL;
        }
        e->inbox_taken = box;
        struct inbox *inbox = box_at(pool, box);
        memset(inbox->raw, 0, sizeof inbox->raw); /* zero beyond `taken`: box.h */
        e->f->in_box = box;
        e->f->raw_off = 0;
        e->f->sub_len = 0;
    }
    return box_at(pool, e->f->in_box);
}

struct outbox *edit_line_box(struct edit *e) {
    if (e->f->line_box == NO_BOX) {
        e->f->line_box = edit_take(e);
        if (e->failed)
            return NULL;
    }
    return box_at(&e->w->seg->outboxes, e->f->line_box);
}

void edit_give_line_box(struct edit *e) {
    if (e->f->line_box != NO_BOX)
        e->given[e->given_count++] = e->f->line_box;
    e->f->line_box = NO_BOX;
}

void edit_give_input(struct edit *e) {
    e->inbox_given = e->f->in_box;
    e->f->in_box = NO_BOX;
    e->f->raw_off = 0;
    e->f->line_len = 0;
    e->f->sub_len = 0;
    edit_give_line_box(e);
}

void client_address(const struct client *c, char out[64]) {
    if (IN6_IS_ADDR_V4MAPPED(&c->addr))
        inet_ntop(AF_INET, &c->addr.s6_addr[12], out, 64);
    else
        inet_ntop(AF_INET6, &c->addr, out, 64);
}

void client_endpoint(const struct client *c, char out[80]) {
    char address[64];
    client_address(c, address);
    bool v4 = IN6_IS_ADDR_V4MAPPED(&c->addr);
    snprintf(out, 80, v4 ? "%s:%u" : "[%s]:%u", address, c->port);
}

const char *client_called(const struct client *c, const struct facts *f,
                          char out[NAME_BYTES_MAX + 1]) {
    if (f->flags & FACT_NAMED)
        snprintf(out, NAME_BYTES_MAX + 1, "%.*s", NAME_BYTES_MAX, f->name);
    else
        client_address(c, out);
    return out;
}

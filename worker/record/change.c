/* edit.c - see edit.h. */
#include "worker/record/change.h"

#include "ipc/fault.h"
#include "worker/output/reclaim.h"
#include "worker/record/echo.h"
#include "worker/text/charset.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void change_begin(struct change *ch, struct worker *w, struct client *c) {
    memset(ch, 0, offsetof(struct change, taken));
    ch->w = w;
    ch->c = c;
    ch->tag = client_tag(w, c);
    ch->f = client_begin(c);
    ch->drop_replies = c->mode == MODE_WRITE_FAILED;
    ch->rx_taken = ch->rx_given = NO_BUFFER;
}

void chain_give(struct worker *w, uint64_t tag, uint32_t head, uint32_t len) {
    struct buffer_pool *pool = &w->seg->tx_buffers;
    for (uint32_t at = 0; at < len && buffer_owned(pool, head, tag); at += TX_DATA) {
        uint32_t next = ((struct tx_buffer *)buffer_at(pool, head))->next;
        buffer_give(pool, head, tag);
        head = next;
    }
}

bool change_commit(struct change *ch) {
    if (ch->f->flags & FACT_ECHOED)
        echo_settle(ch);
    if (ch->failed) {
        change_abandon(ch);
        member_pause(ch->w, ch->c, PAUSE_BUFFERS);
        reclaim_ask(ch->w);
        return false;
    }
    client_commit(ch->c);
    chain_give(ch->w, ch->tag, ch->old_head, ch->old_len);
    for (uint32_t i = 0; i < ch->given_count; i++)
        buffer_give(&ch->w->seg->tx_buffers, ch->given[i], ch->tag);
    buffer_give(&ch->w->seg->rx_buffers, ch->rx_given, ch->tag);
    if (ch->taken_count > 0 || ch->tail != NO_BUFFER)
        fd_list_add(&ch->w->reply_pending, client_index(ch->w, ch->c));
    return true;
}

void change_abandon(struct change *ch) {
    for (uint32_t i = 0; i < ch->taken_count; i++)
        buffer_give(&ch->w->seg->tx_buffers, ch->taken[i], ch->tag);
    buffer_give(&ch->w->seg->rx_buffers, ch->rx_taken, ch->tag);
    ch->taken_count = 0;
    ch->rx_taken = NO_BUFFER;
}

static uint32_t change_take(struct change *ch) {
    uint32_t box = NO_BUFFER;
    if (!ch->failed && ch->taken_count < CHANGE_BUFFERS)
        box = buffer_take(&ch->w->seg->tx_buffers, ch->tag);
    if (box == NO_BUFFER)
        ch->failed = true;
    else
        ch->taken[ch->taken_count++] = box;
    return box;
}

/* The last box of the committed chain, which new bytes follow. */
static uint32_t chain_tail(struct change *ch) {
    const struct buffer_pool *pool = &ch->w->seg->tx_buffers;
    uint32_t box = ch->f->tx;
    for (uint32_t at = TX_DATA; at < ch->f->tx_len && buffer_owned(pool, box, ch->tag);
         at += TX_DATA)
        box = ((struct tx_buffer *)buffer_at(pool, box))->next;
    if (!buffer_owned(pool, box, ch->tag))
        ch->failed = true;
    return box;
}

/* Bytes beyond tx_len are nobody's until the commit says otherwise. */
static void chain_append(struct change *ch, const void *bytes, size_t len) {
    if (ch->drop_replies)
        return;
    struct buffer_pool *pool = &ch->w->seg->tx_buffers;
    const uint8_t *from = bytes;
    while (len > 0 && !ch->failed) {
        uint32_t offset = ch->f->tx_len % TX_DATA;
        if (ch->f->tx_len > 0 && ch->tail == NO_BUFFER)
            ch->tail = chain_tail(ch);
        if (offset == 0) {
            uint32_t box = change_take(ch);
            if (box == NO_BUFFER)
                return;
            if (ch->f->tx_len == 0)
                ch->f->tx = box;
            else
                ((struct tx_buffer *)buffer_at(pool, ch->tail))->next = box;
            ch->tail = box;
        }
        if (ch->failed)
            return;
        size_t n = TX_DATA - offset < len ? TX_DATA - offset : len;
        memcpy(((struct tx_buffer *)buffer_at(pool, ch->tail))->data + offset, from, n);
        FAULT("change.append");
        ch->f->tx_len += (uint32_t)n;
        from += n;
        len -= n;
    }
}

/* Of a line that was torn by a partial send: what follows `pos`. */
static size_t torn_rest(const struct change *ch, uint64_t pos) {
    const struct room *room = &ch->w->seg->room;
    uint8_t ring = ch->f->encoding;
    if (!(ch->f->flags & FACT_IN_ROOM) || pos == 0 || *room_text(room, ring, pos - 1) == '\n')
        return 0;
    uint64_t end = room_entry(room, room_count(room) - 1)->end[ring];
    const uint8_t *rest = room_text(room, ring, pos);
    const uint8_t *stop = memchr(rest, '\n', end - pos);
    return stop ? (size_t)(stop - rest) + 1 : end - pos;
}

void change_settle_map(struct change *ch) {
    struct facts *f = ch->f;
    uint64_t sent = atomic_load_explicit(&ch->c->sent, memory_order_relaxed);
    if (sent < client_tx_end(f) || (sent == f->base && f->tx_len == 0))
        return; /* boxes not drained: what follows them is as it is */
    uint64_t pos = f->pos + (sent - client_tx_end(f));
    size_t rest = torn_rest(ch, pos);
    if (ch->drop_replies && rest > 0)
        return; /* nothing will stand between the halves of its line */
    if (f->tx != NO_BUFFER) {
        ch->old_head = f->tx;
        ch->old_len = f->tx_len;
    }
    f->base = sent;
    f->tx_len = 0;
    f->tx = NO_BUFFER;
    ch->tail = NO_BUFFER;
    f->pos = pos + rest;
    chain_append(ch, room_text(&ch->w->seg->room, f->encoding, pos), rest);
}

void change_raw(struct change *ch, const void *bytes, size_t len) {
    change_settle_map(ch);
    if ((ch->f->flags & FACT_TORN) && !ch->drop_replies) { /* half a line, whose rest was lapped */
        ch->f->flags &= ~(uint32_t)FACT_TORN;
        chain_append(ch, "\r\n", 2);
    }
    chain_append(ch, bytes, len);
}

void change_bytes(struct change *ch, const void *bytes, size_t len) {
    if (ch->f->flags & FACT_DRAWN)
        echo_clear(ch);
    change_raw(ch, bytes, len);
}

void change_utf8(struct change *ch, const char *utf8, size_t len) {
    if (ch->f->encoding == ENC_UTF8) {
        change_bytes(ch, utf8, len);
        return;
    }
    /* In pieces that fit the stack, cut between characters. */
    char out[2048];
    while (len > 0) {
        size_t n = len > 512 ? 512 : len;
        while (n < len && ((unsigned char)utf8[n] & 0xC0) == 0x80)
            n--;
        size_t encoded = charset_encode(ch->f->encoding, utf8, n, out, sizeof out);
        change_bytes(ch, out, encoded);
        utf8 += n;
        len -= n;
    }
}

void change_sentence(struct change *ch, enum sentence which, const struct words *words) {
    char out[SENTENCE_MAX];
    size_t len = sentence_render(ch->w->config.language, which, words, out, sizeof out);
    change_utf8(ch, out, len);
}

struct rx_buffer *change_rx(struct change *ch) {
    struct buffer_pool *pool = &ch->w->seg->rx_buffers;
    if (ch->f->rx == NO_BUFFER) {
        uint32_t box = buffer_take(pool, ch->tag);
        if (box == NO_BUFFER) {
            ch->failed = true;
            return NULL;
        }
        ch->rx_taken = box;
        struct rx_buffer *rx = buffer_at(pool, box);
        memset(rx->raw, 0, sizeof rx->raw); /* zero beyond `taken`: box.h */
        ch->f->rx = box;
        ch->f->raw_off = 0;
        ch->f->sub_len = 0;
    }
    return buffer_at(pool, ch->f->rx);
}

struct tx_buffer *change_line_buffer(struct change *ch) {
    if (ch->f->line_buffer == NO_BUFFER) {
        ch->f->line_buffer = change_take(ch);
        if (ch->failed)
            return NULL;
    }
    return buffer_at(&ch->w->seg->tx_buffers, ch->f->line_buffer);
}

void change_give_line_buffer(struct change *ch) {
    if (ch->f->line_buffer != NO_BUFFER)
        ch->given[ch->given_count++] = ch->f->line_buffer;
    ch->f->line_buffer = NO_BUFFER;
}

void change_give_input(struct change *ch) {
    ch->rx_given = ch->f->rx;
    ch->f->rx = NO_BUFFER;
    ch->f->raw_off = 0;
    ch->f->line_len = 0;
    ch->f->sub_len = 0;
    change_give_line_buffer(ch);
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

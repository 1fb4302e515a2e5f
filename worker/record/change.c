/* change.c - see change.h. */
#include "worker/record/change.h"

#include "ipc/fault.h"
#include "worker/protocol/answer.h"
#include "worker/protocol/telnet.h"
#include "worker/record/chain.h"
#include "worker/state/account.h"
#include "worker/state/buffer_request.h"
#include "worker/state/pause.h"
#include "worker/state/rate_limit.h"
#include "worker/text/charset.h"

#include <assert.h>
#include <string.h>

void change_begin(struct change *ch, struct worker *w, struct client *c) {
    memset(ch, 0, offsetof(struct change, taken));
    ch->w = w;
    ch->c = c;
    ch->tag = client_tag(w, c);
    ch->f = client_begin(c);
    ch->drop_replies = c->mode == MODE_WRITE_FAILED;
    ch->outside = !(ch->f->flags & FACT_IN_ROOM);
}

/* ---- buffers ---- */

/* Shares of the pool, in eighths of it. */
enum { EIGHTH = 1, QUARTER = 2, HALF = 4, MOST = 6, ALL = 8 };

/* One of the pool's first `eighths` eighths. */
static uint32_t change_take(struct change *ch, uint32_t eighths) {
    struct buffer_pool *pool = &ch->w->seg->tx_buffers;
    uint32_t buffer = NO_BUFFER, limit = (uint32_t)((uint64_t)buffer_count(pool) * eighths / 8);
    if (ch->taken_count < CHANGE_TAKEN)
        buffer = buffer_take_below(pool, ch->tag, limit);
    if (buffer != NO_BUFFER)
        ch->taken[ch->taken_count++] = buffer;
    return buffer;
}

static uint32_t change_take_reply(struct change *ch) {
    bool reads = ch->f->tx_len < CHANGE_FEW * TX_DATA && ch->c->mode != MODE_BLOCKED;
    uint32_t buffer = change_take(ch, ch->outside ? HALF : reads ? ALL : MOST);
    ch->failed |= buffer == NO_BUFFER;
    return buffer;
}

void change_give(struct change *ch, uint32_t buffer) {
    assert(ch->given_count < CHANGE_GIVEN);
    if (buffer != NO_BUFFER)
        ch->given[ch->given_count++] = buffer;
}

struct rx_buffer *change_rx(struct change *ch) {
    struct buffer_pool *pool = &ch->w->seg->rx_buffers;
    if (ch->f->rx == NO_BUFFER) {
        uint32_t buffer = buffer_take(pool, ch->tag);
        if (buffer == NO_BUFFER) {
            ch->failed = true;
            return NULL;
        }
        ch->rx_taken = buffer;
        struct rx_buffer *rx = buffer_at(pool, buffer);
        memset(rx->raw, 0, sizeof rx->raw); /* zero beyond `received`: buffer.h */
        ch->f->rx = buffer;
        ch->f->raw_off = 0;
        ch->f->sub_len = 0;
    }
    return buffer_at(pool, ch->f->rx);
}

struct tx_buffer *change_line_buffer(struct change *ch) {
    if (ch->f->line_buffer == NO_BUFFER) {
        ch->f->line_buffer = change_take(ch, QUARTER);
        if (ch->f->line_buffer == NO_BUFFER) {
            buffer_request(ch->w);
            return NULL;
        }
    }
    return buffer_at(&ch->w->seg->tx_buffers, ch->f->line_buffer);
}

void change_give_line_buffer(struct change *ch) {
    change_give(ch, ch->f->line_buffer);
    ch->f->line_buffer = NO_BUFFER;
}

struct tx_buffer *change_fresh_line_buffer(struct change *ch) {
    uint32_t buffer = change_take(ch, QUARTER);
    if (buffer == NO_BUFFER) {
        buffer_request(ch->w);
        return NULL;
    }
    change_give_line_buffer(ch);
    ch->f->line_buffer = buffer;
    FAULT("change.fresh.after");
    return buffer_at(&ch->w->seg->tx_buffers, buffer);
}

/* ---- the line before ---- */

/* The half-typed line, in a buffer that is no longer the line's; NO_BUFFER: it is empty, or none is
 * free. */
static uint32_t change_move_line(struct change *ch) {
    struct facts *f = ch->f;
    uint32_t buffer = f->line_buffer;
    f->line_buffer = NO_BUFFER;
    if (buffer == NO_BUFFER && f->line_len > 0 && f->rx != NO_BUFFER) {
        const struct rx_buffer *rx = buffer_at(&ch->w->seg->rx_buffers, f->rx);
        buffer = change_take(ch, EIGHTH);
        if (buffer != NO_BUFFER)
            memcpy(((struct tx_buffer *)buffer_at(&ch->w->seg->tx_buffers, buffer))->data, rx->line,
                   f->line_len);
    }
    return buffer;
}

void change_keep_last(struct change *ch) {
    struct facts *f = ch->f;
    if (f->line_len == 0)
        return;
    change_give(ch, f->last);
    f->last_len = f->line_len;
    f->last = change_move_line(ch);
    f->flags &= ~(uint32_t)FACT_RECALLED;
    FAULT("change.last.after");
}

void change_empty_line(struct change *ch) {
    struct facts *f = ch->f;
    if ((f->flags & FACT_RECALLED) && f->last == NO_BUFFER) {
        f->last = f->line_buffer;
        f->last_len = f->line_len;
        f->line_buffer = NO_BUFFER;
        f->flags &= ~(uint32_t)FACT_RECALLED;
    }
    change_give_line_buffer(ch);
}

void change_give_last(struct change *ch) {
    change_give(ch, ch->f->last);
    ch->f->last = NO_BUFFER;
    ch->f->flags &= ~(uint32_t)FACT_RECALLED;
}

bool change_recall(struct change *ch, bool before) {
    struct facts *f = ch->f;
    uint32_t last = f->last, last_len = last == NO_BUFFER ? 0 : f->last_len, len = f->line_len;
    bool recalled = f->flags & FACT_RECALLED;
    if (before ? recalled || last == NO_BUFFER : !recalled)
        return false;
    uint32_t typed = change_move_line(ch);
    if (typed == NO_BUFFER && len > 0)
        return false;
    f->last = typed;
    f->last_len = (uint16_t)len;
    f->line_buffer = last;
    f->line_len = (uint16_t)last_len;
    f->behind = 0;
    f->flags = (f->flags ^ FACT_RECALLED) & ~(uint32_t)FACT_FULL;
    FAULT("change.recall.after");
    return true;
}

void change_give_input(struct change *ch) {
    ch->rx_given = ch->f->rx;
    ch->f->rx = NO_BUFFER;
    ch->f->raw_off = 0;
    ch->f->line_len = ch->f->behind = 0;
    ch->f->sub_len = 0;
    change_give_line_buffer(ch);
}

/* ---- the output map ---- */

/* Bytes beyond tx_len do not count until the commit says otherwise. */
static void change_append(struct change *ch, const void *bytes, size_t len) {
    struct buffer_pool *pool = &ch->w->seg->tx_buffers;
    const uint8_t *from = bytes;
    struct facts *f = ch->f;
    while (len > 0 && !ch->failed && !ch->drop_replies) {
        uint32_t offset = f->tx_len % TX_DATA;
        if (f->tx_len > 0 && ch->tail == NO_BUFFER)
            ch->tail = chain_tail(pool, f, ch->tag);
        if (f->tx_len > 0 && ch->tail == NO_BUFFER) { /* damaged: the send will find it, too */
            ch->failed = true;
            return;
        }
        if (offset == 0) {
            uint32_t buffer = change_take_reply(ch);
            if (buffer == NO_BUFFER)
                return;
            if (f->tx_len == 0)
                f->tx = buffer;
            else
                ((struct tx_buffer *)buffer_at(pool, ch->tail))->next = buffer;
            ch->tail = buffer;
        }
        size_t n = TX_DATA - offset < len ? TX_DATA - offset : len;
        memcpy(((struct tx_buffer *)buffer_at(pool, ch->tail))->data + offset, from, n);
        FAULT("change.append");
        ch->answered += (uint32_t)n;
        f->tx_len += (uint32_t)n;
        from += n;
        len -= n;
    }
}

/* Of a frame, which no byte ends: its entry knows. */
static size_t change_torn_frame(const struct change *ch, uint64_t pos) {
    const struct room *room = &ch->w->seg->room;
    uint64_t guard = atomic_load_explicit(&ch->w->slot->guard, memory_order_relaxed);
    if (pos < room_start(room, guard, RING_JSON))
        return 0; /* overwritten: an overrun will find it so */
    uint64_t at = room_find(room, RING_JSON, pos, guard, room_count(room));
    return at < room_count(room) && room_start(room, at, RING_JSON) < pos
               ? room_end(room, at, RING_JSON) - pos
               : 0;
}

/* Of a line that a partial send tore: the bytes from `pos` to its end. */
static size_t change_torn_rest(const struct change *ch, uint64_t pos) {
    const struct room *room = &ch->w->seg->room;
    uint8_t ring = ch->f->ring;
    if (!(ch->f->flags & FACT_IN_ROOM))
        return 0;
    if (ring == RING_JSON)
        return change_torn_frame(ch, pos);
    if (pos == 0 || *room_text(room, ring, pos - 1) == '\n')
        return 0;
    uint64_t end = room_entry(room, room_count(room) - 1)->end[ring];
    const uint8_t *rest = room_text(room, ring, pos);
    const uint8_t *stop = memchr(rest, '\n', end - pos);
    return stop ? (size_t)(stop - rest) + 1 : end - pos;
}

/* The map begins at stream position `sent`, which is byte `pos` of the ring.  A chain that is not
 * drained is dropped. */
static void change_restart_map(struct change *ch, uint64_t sent, uint64_t pos) {
    struct facts *f = ch->f;
    if (sent < client_tx_end(f)) {
        ch->old_head = f->tx;
        ch->old_len = f->tx_len;
    }
    f->base = sent;
    f->tx_len = 0;
    f->tx = NO_BUFFER;
    ch->tail = NO_BUFFER;
    f->pos = pos;
}

void change_settle_map(struct change *ch) {
    struct facts *f = ch->f;
    uint64_t sent = atomic_load_explicit(&ch->c->sent, memory_order_relaxed);
    if (sent < client_tx_end(f) || (sent == f->base && f->tx_len == 0))
        return; /* the chain is not drained: what follows it stays as it is */
    uint64_t pos = f->pos + (sent - client_tx_end(f));
    size_t rest = change_torn_rest(ch, pos);
    if (ch->drop_replies && rest > 0)
        return; /* no reply will come between the halves of the line */
    change_restart_map(ch, sent, pos + rest);
    change_append(ch, room_text(&ch->w->seg->room, f->ring, pos), rest);
}

void change_drop_output(struct change *ch) {
    struct facts *f = ch->f;
    uint64_t sent = atomic_load_explicit(&ch->c->sent, memory_order_relaxed);
    uint64_t past = sent > client_tx_end(f) ? sent - client_tx_end(f) : 0;
    change_restart_map(ch, sent, f->pos + past);
}

/* ---- replies ---- */

void change_raw(struct change *ch, const void *bytes, size_t len) {
    change_settle_map(ch);
    if ((ch->f->flags & FACT_TORN) && !ch->drop_replies) {
        ch->f->flags &= ~(uint32_t)FACT_TORN;
        change_append(ch, "\r\n", 2);
    }
    change_append(ch, bytes, len);
}

void change_text(struct change *ch, const char *text, size_t len) {
    const struct telnet *telnet = (const struct telnet *)ch->f->telnet;
    bool doubles = (ch->f->flags & FACT_CONVERTED) && telnet_spoken(telnet);
    const char *letter;
    while (doubles && (letter = memchr(text, 0xFF, len)) != NULL) {
        size_t n = (size_t)(letter - text) + 1;
        change_raw(ch, text, n);
        change_raw(ch, letter, 1);
        text += n;
        len -= n;
    }
    change_raw(ch, text, len);
}

void change_hide_line(struct change *ch) {
    char out[DRAW_MAX];
    if (!(ch->f->flags & FACT_DRAWN) || ch->drop_replies)
        return;
    ch->f->flags &= ~(uint32_t)FACT_DRAWN;
    bool finished = ch->f->line_len == 0;
    if (!finished || client_facts(ch->c)->behind > 0) {
        ch->drawn = echo_lay(ch->w->seg, client_facts(ch->c), ch->drawn_text);
        size_t n = finished ? draw_to_end(&ch->drawn, out) : draw_away(&ch->drawn, out);
        change_text(ch, out, n);
    }
    if (finished)
        change_raw(ch, "\r\n", 2);
}

/* The line that the facts hold is drawn, if it is not on the screen. */
static void change_show_line(struct change *ch) {
    if (ch->drop_replies)
        return;
    if (ch->f->line_len == 0) {
        change_hide_line(ch);
    } else if (!(ch->f->flags & FACT_DRAWN)) {
        char out[DRAW_MAX];
        if (!ch->drawn.text || !echo_same(client_facts(ch->c), ch->f))
            ch->drawn = echo_lay(ch->w->seg, ch->f, ch->drawn_text);
        size_t n = draw_show(&ch->drawn, out);
        change_text(ch, out, n);
        ch->f->flags |= FACT_DRAWN;
    }
}

void change_bytes(struct change *ch, const void *bytes, size_t len) {
    change_hide_line(ch);
    change_raw(ch, bytes, len);
}

void change_utf8(struct change *ch, const char *utf8, size_t len) {
    enum encoding wire = client_wire(ch->f);
    if (wire == ENC_UTF8) {
        change_bytes(ch, utf8, len);
        return;
    }
    /* In pieces that fit the stack, cut between characters. */
    char out[2048];
    while (len > 0) {
        size_t n = len > 512 ? 512 : len;
        while (n < len && ((unsigned char)utf8[n] & 0xC0) == 0x80)
            n--;
        size_t encoded = charset_encode(wire, utf8, n, out, sizeof out);
        change_hide_line(ch);
        change_text(ch, out, encoded);
        utf8 += n;
        len -= n;
    }
}

/* ---- what browsers are told ---- */

enum { CHANGE_OK = 64 }; /* bytes of an `ok` */

static bool change_to_browser(const struct change *ch) {
    return ch->f->ring == RING_JSON;
}

void change_frames(struct change *ch, const void *frames, size_t len) {
    if (len > 0)
        change_raw(ch, frames, len);
}

int64_t change_re(struct change *ch) {
    bool asked = ch->asked;
    ch->asked = false;
    return asked ? (int64_t)ch->f->re : EVENT_NO_RE;
}

void change_ok(struct change *ch) {
    uint8_t out[CHANGE_OK];
    change_frames(ch, out, event_ok(change_re(ch), out, sizeof out));
}

static void change_answer(struct change *ch, enum sentence which, const struct words *words) {
    uint8_t out[ANSWER_MAX];
    int64_t re = answer_refuses(which) ? change_re(ch) : EVENT_NO_RE;
    size_t len = answer_frames(ch->w->config.language, which, words, re, out, sizeof out);
    change_frames(ch, out, len);
}

void change_sentence(struct change *ch, enum sentence which, const struct words *words) {
    char out[SENTENCE_MAX];
    if (change_to_browser(ch)) {
        change_answer(ch, which, words);
        return;
    }
    size_t len = sentence_render(sentence_language(ch->w->config.language, client_wire(ch->f)),
                                 which, words, out, sizeof out);
    change_utf8(ch, out, len);
}

void change_line(struct change *ch, const char *utf8, size_t len) {
    uint8_t out[SENTENCE_MAX];
    if (change_to_browser(ch)) {
        change_frames(ch, out, event_text(EVENT_NOTE, utf8, len, out, sizeof out));
        return;
    }
    change_utf8(ch, utf8, len);
    change_bytes(ch, "\r\n", 2);
}

/* ---- what it costs ---- */

void change_charge(struct change *ch, uint32_t lines, uint32_t ms) {
    ch->charged = true;
    ch->lines = lines;
    ch->ms = ms;
}

/* Returns what is less than a line, and stays owed. */
static uint32_t change_pay(struct change *ch) {
    uint32_t owed = account_owed(ch->w, ch->c);
    if (!ch->charged || client_kind(ch->c) == KIND_CONTROL)
        return owed;
    owed += ch->free_answer ? 0 : ch->answered / ACCOUNT_BYTES;
    uint32_t lines = ch->lines + owed / ACCOUNT_LINE;
    if (lines > 0)
        ch->f->tat = rate_limit_charge(&ch->w->config, ch->f->tat, ch->ms, lines);
    if (!(client_facts(ch->c)->flags & FACT_DROPPING)) /* its own account lets nothing through */
        account_origin_charge(ch->w, ch->c, lines + (ch->free_answer ? ACCOUNT_LOGIN : 0));
    return owed % ACCOUNT_LINE;
}

/* ---- the end of a change ---- */

void change_abandon(struct change *ch) {
    for (uint32_t i = 0; i < ch->taken_count; i++)
        buffer_give(&ch->w->seg->tx_buffers, ch->taken[i], ch->tag);
    buffer_give(&ch->w->seg->rx_buffers, ch->rx_taken, ch->tag);
    ch->taken_count = 0;
    ch->rx_taken = NO_BUFFER;
}

bool change_commit(struct change *ch) {
    struct segment *seg = ch->w->seg;
    if (ch->f->flags & FACT_ECHOED)
        change_show_line(ch);
    if (ch->failed) {
        change_abandon(ch);
        pause_client(ch->w, ch->c, PAUSE_BUFFERS);
        buffer_request(ch->w);
        return false;
    }
    uint32_t owed = change_pay(ch);
    client_commit(ch->c);
    ch->w->accounts.owed[client_index(ch->w, ch->c)] = owed;
    chain_give(&seg->tx_buffers, ch->tag, ch->old_head, ch->old_len);
    for (uint32_t i = 0; i < ch->given_count; i++)
        buffer_give(&seg->tx_buffers, ch->given[i], ch->tag);
    buffer_give(&seg->rx_buffers, ch->rx_given, ch->tag);
    if (!ch->sending && (ch->taken_count > 0 || ch->tail != NO_BUFFER))
        fd_queue_push(&ch->w->reply_pending, client_index(ch->w, ch->c));
    return true;
}

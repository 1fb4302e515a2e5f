/* web_client.c - see web_client.h. */
#include "worker/input/web_client.h"

#include "ipc/fault.h"
#include "worker/command/announce.h"
#include "worker/command/greeting.h"
#include "worker/command/web.h"
#include "worker/input/flood.h"
#include "worker/output/flush.h"
#include "worker/protocol/json.h"
#include "worker/protocol/websocket.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/account.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/pause.h"
#include "worker/state/rate_limit.h"

#include <string.h>

/* What is half read, besides the text. */
struct web_sub {
    struct json json[2]; /* the one that struct websocket's `kept` names is in effect */
    struct json_kept kept;
    uint8_t control[WEBSOCKET_CONTROL_MAX];
};
_Static_assert(sizeof(struct web_sub) <= RX_SUB, "lies where a telnet's subnegotiation does");
_Static_assert((int)TX_DATA >= (int)LINE_MAX_MAX, "the longest text fits one buffer");

/* A frame, or a message, may have so many bytes: each of a text written as an escape. */
enum { WEB_ESCAPE = 6, WEB_SPARE = 256 };

/* A pass.  Private to this process: nothing in it is the record's before it is committed. */
struct web_client {
    struct worker *w;
    struct client *c;
    struct websocket ws;
    struct json json;
    struct web_sub sub; /* but for its json */
    struct json_into into;
    uint64_t at;      /* stream position behind what is read */
    uint32_t tat;     /* the rate limit's account with the staged messages on it */
    uint32_t kept;    /* bytes of the input that are text of the message under way */
    bool staged;      /* messages before `at` are staged and not committed */
    bool dropping;    /* it was too fast for too long */
    bool drop_ends;   /* the message is beyond what is dropped */
    uint32_t dropped; /* messages */
    uint8_t text[LINE_MAX_MAX];
};

void web_client_begin(struct change *ch) {
    ch->f->ring = RING_JSON;
    ch->f->flags |= FACT_READ_UTF8;
}

void web_client_begun(struct worker *w, struct client *c) {
    greeting_begin(w, c);
}

/* Nothing longer than RX_LINE is a login, and it would take a buffer. */
static uint32_t web_client_max(const struct worker *w, const struct facts *f) {
    uint32_t max = w->config.line_max;
    return max > RX_LINE && !(f->flags & FACT_IN_ROOM) ? RX_LINE : max;
}

/* The reader's state is that of no message before one is under way. */
static void web_client_load(struct web_client *s, struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    const struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    const uint8_t *text = rx->line;
    s->w = w;
    s->c = c;
    memcpy(&s->ws, f->websocket, sizeof s->ws);
    memcpy(&s->sub, rx->sub, sizeof s->sub);
    s->json = s->ws.started ? s->sub.json[s->ws.kept] : (struct json){0};
    s->json.too_long |= (f->flags & FACT_OVERLONG) != 0; /* its text was taken (reclaim.c) */
    if (f->line_buffer != NO_BUFFER)
        text = ((struct tx_buffer *)buffer_at(&w->seg->tx_buffers, f->line_buffer))->data;
    memcpy(s->text, text, f->line_len);
    s->into = (struct json_into){&s->sub.kept, s->text, f->line_len, web_client_max(w, f)};
    s->at = f->consumed;
    s->tat = f->tat;
    s->staged = s->drop_ends = false;
    s->dropping = f->flags & FACT_DROPPING;
    s->dropped = s->kept = 0;
}

/* ---- commits ---- */

/* The text goes to where the record will say it is; it was only appended to.  No buffer is free:
 * the message counts as too long. */
static void web_client_keep_text(struct web_client *s, struct change *ch) {
    struct facts *f = ch->f;
    uint32_t len = s->into.text_len;
    if (len > RX_LINE) {
        struct tx_buffer *buffer = change_line_buffer(ch);
        if (buffer) {
            memcpy(buffer->data, s->text, len);
        } else {
            s->json.too_long = true;
            len = f->line_len;
        }
    } else if (len > 0) {
        memcpy(change_rx(ch)->line, s->text, len);
    }
    if (len <= RX_LINE)
        change_give_line_buffer(ch); /* of a message that was dropped */
    f->line_len = (uint16_t)len;
    f->flags &= ~(uint32_t)FACT_OVERLONG; /* the reader says it */
    FAULT("web.keep.after");
}

/* What is half read is the record's with the commit. */
static void web_client_keep(struct web_client *s, struct change *ch) {
    struct websocket between = {.state = s->ws.state, .kept = s->ws.kept};
    struct web_sub *sub = (struct web_sub *)(void *)change_rx(ch)->sub;
    web_client_keep_text(s, ch);
    if (memcmp(&between, &s->ws, sizeof between) != 0) {
        s->ws.kept ^= 1;
        sub->json[s->ws.kept] = s->json;
        FAULT("web.keep.json");
        sub->kept = s->sub.kept;
        memcpy(sub->control, s->sub.control, sizeof sub->control);
        ch->f->sub_len = sizeof *sub;
    } else {
        ch->f->sub_len = 0;
    }
    memcpy(ch->f->websocket, &s->ws, sizeof s->ws);
}

/* A change in which everything up to s->at is consumed.  Bytes that are no message's text cost. */
static void web_client_consume(struct web_client *s, struct change *ch) {
    change_begin(ch, s->w, s->c);
    uint32_t bytes = (uint32_t)(s->at - ch->f->consumed);
    if (!s->dropping)
        account_owe(s->w, s->c, 1 + (bytes > s->kept ? bytes - s->kept : 0) / ACCOUNT_BYTES);
    s->kept = 0;
    consume_bytes(ch, s->at);
    change_charge(ch, 0, s->w->now);
    ch->free_answer = s->dropping; /* it has waited for it, and more */
    web_client_keep(s, ch);
}

static bool web_client_commit(struct web_client *s) {
    struct change ch;
    web_client_consume(s, &ch);
    if (s->dropping)
        flood_count(&ch, s->dropped, s->at, s->drop_ends);
    s->dropped = 0;
    FAULT("web.read.before");
    bool done = change_commit(&ch);
    FAULT("web.read.after");
    if (done && s->dropping && !(client_facts(s->c)->flags & FACT_DROPPING))
        flood_dropped(s->w, s->c);
    return done;
}

/* ---- control frames ---- */

static void web_client_pong(const struct web_client *s, struct change *ch, size_t len) {
    uint8_t out[WEBSOCKET_HEAD_MAX + WEBSOCKET_CONTROL_MAX];
    size_t head = websocket_head(len, WEBSOCKET_PONG_FRAME, out);
    memcpy(out + head, s->sub.control, len);
    change_frames(ch, out, head + len);
}

/* A close frame: the client's own is answered alike. */
static void web_client_close(struct change *ch, uint16_t code) {
    uint8_t out[WEBSOCKET_CLOSE_BYTES];
    bool any = code != WEBSOCKET_NO_CODE;
    size_t n = any ? websocket_close(code, out) : websocket_head(0, WEBSOCKET_CLOSE_FRAME, out);
    change_frames(ch, out, n);
}

/* The connection ends, by the client's close frame or by what it has done wrong. */
static bool web_client_end(struct web_client *s, const struct websocket_event *ev) {
    struct change ch;
    bool failed = ev->what == WEBSOCKET_FAILED;
    flush_client(s->w, s->c);      /* with what it has just said */
    change_begin(&ch, s->w, s->c); /* consumes nothing, so that a successor comes here again */
    web_client_close(&ch, ev->code);
    FAULT("web.close.before");
    if (!change_commit(&ch))
        return false;
    FAULT("web.close.after");
    flush_client(s->w, s->c);
    if (!failed && (ev->code == WEBSOCKET_NORMAL || ev->code == WEBSOCKET_NO_CODE))
        leave_begin(s->w, s->c, NULL);
    else
        leave_lost(s->w, s->c, failed ? "its frames are malformed" : NULL);
    return false;
}

/* The client asks on without reading the answers: its input waits until it does. */
static bool web_client_unread(const struct web_client *s) {
    if (!flush_waits(s->c))
        return false;
    pause_client(s->w, s->c, PAUSE_OUTPUT);
    return true;
}

/* True: the pass goes on. */
static bool web_client_control(struct web_client *s, const struct websocket_event *ev,
                               enum scan_outcome *outcome) {
    struct change ch;
    *outcome = SCAN_STAGED; /* read again once the messages before it are applied */
    if (s->staged)
        return false;
    *outcome = SCAN_IDLE;
    if (ev->what == WEBSOCKET_CLOSE || ev->what == WEBSOCKET_FAILED)
        return web_client_end(s, ev);
    if (web_client_unread(s))
        return false;
    web_client_consume(s, &ch);
    if (ev->what == WEBSOCKET_PING && !s->dropping)
        web_client_pong(s, &ch, ev->len);
    FAULT("web.control.before");
    if (change_commit(&ch))
        *outcome = SCAN_MORE;
    FAULT("web.control.after");
    return false;
}

/* ---- messages ---- */

/* A guest has sent its first one: its coming is said before it. */
static bool web_client_quiet(const struct web_client *s) {
    if (!(client_facts(s->c)->flags & FACT_QUIET))
        return false;
    announce_now(s->w, s->c);
    return true;
}

/* A message of a client that was too fast for too long.  True: the pass goes on; not behind one
 * that began before the pass, in whose place the next one's beginning would be kept. */
static bool web_client_drop(struct web_client *s, struct line *line, enum scan_outcome *outcome) {
    *outcome = SCAN_IDLE;
    if (web_leaves(s->w, s->c, line, &s->json)) {
        flush_client(s->w, s->c);
        leave_begin(s->w, s->c, NULL);
        return false;
    }
    s->dropped++;
    s->json = (struct json){0};
    s->into.text_len = 0;
    s->drop_ends = s->at >= flood_drop_to(s->w, s->c) && !flood_drop_on(s->w, s->c);
    if (!s->drop_ends && client_facts(s->c)->sub_len == 0)
        return true;
    if (web_client_commit(s))
        *outcome = SCAN_MORE;
    return false;
}

static bool web_client_message(struct web_client *s, enum scan_outcome *outcome) {
    struct line line = {.bytes = s->text,
                        .len = s->into.text_len,
                        .max = s->into.text_max,
                        .plain_only = s->staged,
                        .consumed = s->at};
    bool drop;
    *outcome = s->staged ? SCAN_STAGED : SCAN_IDLE;
    if (s->dropping)
        return web_client_drop(s, &line, outcome);
    if (s->staged && flood_waits(s->w, s->c, s->tat, &drop))
        return false;
    if (!s->staged && (web_client_unread(s) || web_client_quiet(s)))
        return false;
    FAULT("web.message");
    switch (web_message(s->w, s->c, &line, &s->json, &s->sub.kept)) {
    case LINE_STAGED:
        s->tat = rate_limit_charge(&s->w->config, s->tat, s->w->now, 1);
        s->staged = true;
        s->json = (struct json){0};
        s->into.text_len = 0;
        *outcome = SCAN_STAGED;
        return line.plain; /* more of them may join the batch */
    case LINE_DONE: *outcome = SCAN_MORE; return false;
    case LINE_LATER: *outcome = s->staged ? SCAN_STAGED : SCAN_MORE; return false;
    case LINE_NO_BUFFER:
    case LINE_GONE: *outcome = SCAN_IDLE; return false;
    }
    return false;
}

/* ---- a pass ---- */

/* The next event.  True: the pass goes on. */
static bool web_client_step(struct web_client *s, const uint8_t *raw, enum scan_outcome *outcome) {
    uint8_t piece[RX_RAW];
    struct websocket_event ev;
    const uint8_t *in = raw + (s->at - client_facts(s->c)->consumed);
    breadcrumb_set(s->w, BREADCRUMB_INPUT, s->c, s->at);
    s->at += websocket_read(&s->ws, WEB_ESCAPE * s->w->config.line_max + WEB_SPARE, s->sub.control,
                            in, (size_t)(s->c->received - s->at), piece, &ev);
    if (ev.what == WEBSOCKET_MORE)
        return true;
    if (ev.what != WEBSOCKET_TEXT)
        return web_client_control(s, &ev, outcome);
    json_read(&s->json, &s->into, piece, ev.len);
    s->kept += (uint32_t)ev.len;
    return !ev.end || web_client_message(s, outcome);
}

/* The bytes ended within a message. */
static enum scan_outcome web_client_rest(struct web_client *s, uint64_t start) {
    if (s->staged)
        return SCAN_STAGED;
    if (s->at != start)
        web_client_commit(s);
    return SCAN_IDLE;
}

enum scan_outcome web_client(struct worker *w, struct client *c) {
    struct web_client s;
    web_client_load(&s, w, c);
    const struct facts *f = client_facts(c);
    const struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    const uint8_t *raw = rx->raw + f->raw_off;
    uint64_t start = f->consumed;
    enum scan_outcome outcome = SCAN_IDLE;
    bool drop;
    if (!s.dropping && flood_waits(w, c, s.tat, &drop)) {
        if (drop)
            flood_begin(w, c);
        return drop ? SCAN_MORE : SCAN_IDLE;
    }
    while (s.at < c->received)
        if (!web_client_step(&s, raw, &outcome))
            return outcome;
    return web_client_rest(&s, start);
}

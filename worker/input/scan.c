/* scan.c - see scan.h. */
#include "worker/input/scan.h"

#include "ipc/fault.h"
#include "worker/command/decide.h"
#include "worker/input/keys.h"
#include "worker/output/flush.h"
#include "worker/protocol/telnet.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/pause.h"
#include "worker/state/rate_limit.h"

#include <string.h>

_Static_assert((int)TX_DATA >= (int)LINE_MAX_MAX, "the longest half-typed line fits one buffer");
_Static_assert((int)RX_SUB >= (int)TELNET_SUB_MAX, "a subnegotiation fits its place");

/* Private to this process: nothing in it is the record's before it is committed. */
struct scan {
    struct worker *w;
    struct client *c;
    struct telnet telnet;
    uint8_t *sub; /* in the rx buffer */
    uint16_t sub_len;
    uint64_t at;  /* stream position behind the last event */
    uint32_t tat; /* the rate limit's account with the staged lines on it */
    bool staged;  /* lines before `at` are staged and not committed */
    bool overlong;
    uint32_t line_len;
    uint8_t line[LINE_MAX_MAX]; /* the line under way, as received */
};

static void scan_begin(struct scan *s, struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    s->w = w;
    s->c = c;
    memcpy(&s->telnet, f->telnet, sizeof s->telnet);
    s->sub = rx->sub;
    s->sub_len = f->sub_len;
    s->at = f->consumed;
    s->tat = f->tat;
    s->staged = false;
    s->overlong = f->flags & FACT_OVERLONG;
    s->line_len = f->line_len;
    const uint8_t *line = rx->line;
    if (f->line_buffer != NO_BUFFER)
        line = ((struct tx_buffer *)buffer_at(&w->seg->tx_buffers, f->line_buffer))->data;
    memcpy(s->line, line, s->line_len);
}

/* The line under way goes to where the record will say it is.  Bytes below the committed length are
 * there already and equal: a line that became shorter was committed when it did. */
static void scan_keep_line(struct scan *s, struct change *ch) {
    struct facts *f = ch->f;
    if (s->line_len > RX_LINE || f->line_buffer != NO_BUFFER) {
        struct tx_buffer *buffer = change_line_buffer(ch);
        if (!buffer)
            return;
        memcpy(buffer->data, s->line, s->line_len);
    } else if (s->line_len > 0) {
        struct rx_buffer *rx = change_rx(ch);
        if (!rx)
            return;
        memcpy(rx->line, s->line, s->line_len);
    }
    f->line_len = (uint16_t)s->line_len;
    FAULT("input.keep.after");
}

/* Commits the scan up to `at`, with what an event changes and answers.  False: no buffer is free,
 * and the client is paused. */
static bool scan_commit(struct scan *s, const struct telnet_event *ev) {
    struct change ch;
    change_begin(&ch, s->w, s->c);
    struct facts *f = ch.f;
    consume_bytes(&ch, s->at);
    if (f->flags & FACT_IN_ROOM) /* before, its time runs from its coming */
        f->last_input = s->w->tenths;
    f->sub_len = s->sub_len;
    memcpy(f->telnet, &s->telnet, sizeof f->telnet);
    f->flags = s->overlong ? f->flags | FACT_OVERLONG : f->flags & ~(uint32_t)FACT_OVERLONG;
    scan_keep_line(s, &ch);
    keys_event(&ch, ev);
    return change_commit(&ch);
}

static void scan_text(struct scan *s, const uint8_t *text, size_t len) {
    uint32_t max = s->w->config.line_max; /* a reload may have made it smaller than the line */
    uint32_t space = s->line_len < max ? max - s->line_len : 0;
    if (s->overlong)
        return;
    if (len > space) {
        s->overlong = true;
        s->line_len = 0;
        return;
    }
    memcpy(s->line + s->line_len, text, len);
    s->line_len += (uint32_t)len;
}

/* The client asks on without reading the answers: its input waits until it does. */
static bool scan_unread(struct scan *s) {
    if (!flush_waits(s->c))
        return false;
    if (s->c->mode == MODE_WRITE_FAILED)
        leave_begin(s->w, s->c, NULL); /* its replies can never be sent */
    else
        pause_client(s->w, s->c, PAUSE_OUTPUT);
    return true;
}

/* One finished line, which began to end at `before`.  True: the scan goes on with the next line. */
static bool scan_line(struct scan *s, uint64_t before, enum scan_outcome *outcome) {
    struct worker *w = s->w;
    *outcome = s->staged ? SCAN_STAGED : SCAN_IDLE;
    if (rate_limit_wait(&w->config, s->tat, w->now) > 0) {
        s->at = before; /* the line's end is seen again when its time has come */
        pause_client(w, s->c, PAUSE_FLOOD);
        return false;
    }
    if (!s->staged && scan_unread(s))
        return false;
    struct line line = {.bytes = s->line,
                        .len = s->line_len,
                        .overlong = s->overlong,
                        .after_cr = telnet_after_cr(&s->telnet),
                        .plain_only = s->staged,
                        .consumed = s->at};
    FAULT("input.line");
    switch (decide_line(w, s->c, &line)) {
    case LINE_STAGED:
        s->tat = rate_limit_charge(&w->config, s->tat, w->now);
        s->staged = true;
        s->line_len = 0;
        s->overlong = false;
        *outcome = SCAN_STAGED;
        return line.plain; /* more plain lines may join the batch */
    case LINE_DONE: *outcome = SCAN_MORE; return false;
    case LINE_LATER: *outcome = s->staged ? SCAN_STAGED : SCAN_MORE; return false;
    case LINE_NO_BUFFER:
    case LINE_GONE: *outcome = SCAN_IDLE; return false;
    }
    return false;
}

/* An echoed client's line is drawn, and so in the record, before its end is handled. */
static enum scan_outcome scan_echo_first(struct scan *s, const struct scan *before) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    if (s->staged)
        return SCAN_STAGED;
    s->telnet = before->telnet;
    s->at = before->at;
    return scan_commit(s, &typed) ? SCAN_MORE : SCAN_IDLE;
}

/* An editing key or a telnet event: committed with its effect. */
static enum scan_outcome scan_event(struct scan *s, const struct telnet_event *ev) {
    if (s->staged)
        return SCAN_STAGED; /* handled again once the lines before it are applied */
    if (scan_unread(s))
        return SCAN_IDLE;
    keys_edit(s->line, &s->line_len, (enum encoding)client_facts(s->c)->encoding, ev);
    if (ev->kind == TELNET_INTERRUPT || ev->kind == TELNET_ERASE_LINE)
        s->overlong = false; /* a line that was too long is dropped, too */
    return scan_commit(s, ev) ? SCAN_MORE : SCAN_IDLE;
}

/* The bytes ended within a line. */
static enum scan_outcome scan_end(struct scan *s, uint64_t start) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    if (s->staged)
        return SCAN_STAGED;
    if (s->at != start)
        scan_commit(s, &typed);
    return SCAN_IDLE;
}

enum scan_outcome scan(struct worker *w, struct client *c) {
    struct scan s;
    scan_begin(&s, w, c);
    const struct facts *f = client_facts(c);
    const struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    const uint8_t *raw = rx->raw + f->raw_off;
    uint64_t start = f->consumed;
    while (s.at < c->received) {
        struct telnet_event ev;
        struct scan before = {.telnet = s.telnet, .at = s.at};
        enum scan_outcome outcome;
        breadcrumb_set(w, BREADCRUMB_INPUT, c, s.at);
        s.at += telnet_next(&s.telnet, s.sub, &s.sub_len, raw + (s.at - start),
                            (size_t)(c->received - s.at), &ev);
        switch (ev.kind) {
        case TELNET_NONE: break;
        case TELNET_TEXT: scan_text(&s, ev.bytes, ev.len); break;
        case TELNET_END_OF_LINE:
            if ((f->flags & FACT_ECHOED) && before.at != start)
                return scan_echo_first(&s, &before);
            if (!scan_line(&s, before.at, &outcome))
                return outcome;
            break;
        default: return scan_event(&s, &ev);
        }
    }
    return scan_end(&s, start);
}

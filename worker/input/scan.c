/* scan.c - see scan.h. */
#include "worker/input/scan.h"

#include "ipc/fault.h"
#include "worker/command/announce.h"
#include "worker/command/decide.h"
#include "worker/command/operator.h"
#include "worker/input/complete.h"
#include "worker/input/flood.h"
#include "worker/input/keys.h"
#include "worker/input/newcomer.h"
#include "worker/output/flush.h"
#include "worker/protocol/by_key.h"
#include "worker/protocol/plain.h"
#include "worker/protocol/telnet.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/account.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/pause.h"
#include "worker/state/rate_limit.h"

#include <string.h>

_Static_assert((int)TX_DATA >= (int)LINE_MAX_MAX, "the longest half-typed line fits one buffer");
_Static_assert((int)RX_SUB >= (int)TELNET_SUB_MAX, "a subnegotiation fits its place");

enum {
    SCAN_KEYS = 32,    /* that edit, in one pass: they are committed, and charged, together */
    SCAN_BEHIND = 256, /* bytes behind the cursor that cost as much as a key */
};

/* How far a scan has come: what a record says of it. */
struct scan_point {
    struct telnet telnet;
    uint64_t at; /* stream position behind the last event */
    uint32_t line_len;
    uint32_t behind; /* of the line, behind the cursor */
    uint16_t sub_len;
};

/* Private to this process: nothing in it is the record's before it is committed. */
struct scan {
    struct worker *w;
    struct client *c;
    uint8_t *sub; /* in the rx buffer */
    struct scan_point now;
    struct scan_point shortest; /* where the line was, since the last commit */
    uint32_t tat;               /* the rate limit's account with the staged lines on it */
    bool staged;                /* lines before `at` are staged and not committed */
    bool overlong;
    bool echoed;
    bool rewritten; /* the line differs from the record's below its length */
    bool keyed;     /* key sequences were left out of the line that is finished */
    bool full;      /* echoed: text beyond the line's end is dropped, */
    bool over;      /* and was, since the last commit */
    bool bell;      /* a key had no effect */
    bool newcomer;  /* no line of the client's was taken yet */
    bool control;   /* an operator: no telnet, and no limit on how fast it is */
    bool dropping;
    bool marked;      /* dropping: a timing mark was answered */
    bool drop_ends;   /* the line under way is beyond what is dropped */
    bool edited;      /* `erase` is in use */
    uint32_t dropped; /* lines */
    uint32_t keys;    /* that edit */
    uint32_t kept;    /* bytes of the input that are text of the line under way */
    struct erase erase;
    uint8_t line[LINE_MAX_MAX]; /* the line under way, as received */
};

static void scan_begin(struct scan *s, struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    s->w = w;
    s->c = c;
    s->sub = rx->sub;
    s->now = (struct scan_point){
        .at = f->consumed, .line_len = f->line_len, .behind = f->behind, .sub_len = f->sub_len};
    memcpy(&s->now.telnet, f->telnet, sizeof s->now.telnet);
    s->shortest = s->now;
    s->tat = f->tat;
    s->staged = s->edited = s->drop_ends = s->marked = false;
    s->rewritten = s->over = s->bell = false;
    s->overlong = f->flags & FACT_OVERLONG;
    s->echoed = f->flags & FACT_ECHOED;
    s->full = f->flags & FACT_FULL;
    s->dropping = f->flags & FACT_DROPPING;
    s->dropped = s->keys = s->kept = 0;
    s->control = f->kind == KIND_CONTROL;
    s->newcomer = !(f->flags & FACT_HEARD);
    const uint8_t *line = rx->line;
    if (f->line_buffer != NO_BUFFER)
        line = ((struct tx_buffer *)buffer_at(&w->seg->tx_buffers, f->line_buffer))->data;
    memcpy(s->line, line, f->line_len);
}

/* After each change of the line under way. */
static void scan_line_changed(struct scan *s) {
    if (s->now.line_len <= s->shortest.line_len)
        s->shortest = s->now;
}

/* Nothing longer than RX_LINE is a login, and it would take a buffer. */
static uint32_t scan_line_max(const struct scan *s) {
    uint32_t max = s->w->config.line_max;
    if (s->control)
        return OPERATOR_LINE_MAX;
    return max > RX_LINE && !(client_facts(s->c)->flags & FACT_IN_ROOM) ? RX_LINE : max;
}

/* ---- commits ---- */

/* No buffer is free: the line counts as too long.  An echoed one stays as it was. */
static void scan_keep_none(struct scan *s, struct change *ch) {
    if (s->echoed) {
        s->bell = true;
        return;
    }
    ch->f->line_len = 0;
    ch->f->flags |= FACT_OVERLONG;
}

/* The line under way goes to where the record will say it is.  Bytes below the committed length are
 * there already and equal, as scan_commit sees to; or all of it goes to another buffer. */
static void scan_keep_line(struct scan *s, struct change *ch) {
    struct facts *f = ch->f;
    uint32_t len = s->now.line_len;
    bool fresh = s->rewritten && f->line_len > 0;
    if (len > RX_LINE || (len > 0 && (fresh || f->line_buffer != NO_BUFFER))) {
        struct tx_buffer *buffer = fresh ? change_fresh_line_buffer(ch) : change_line_buffer(ch);
        if (!buffer) {
            scan_keep_none(s, ch);
            return;
        }
        memcpy(buffer->data, s->line, len);
    } else if (len > 0) {
        struct rx_buffer *rx = change_rx(ch);
        if (!rx)
            return;
        memcpy(rx->line, s->line, len);
    } else {
        change_empty_line(ch);
    }
    f->line_len = (uint16_t)len;
    f->behind = (uint16_t)s->now.behind;
    FAULT("input.keep.after");
}

/* An echoed client learns at once that its line is full, and at each key after that. */
static void scan_tell_full(struct scan *s, struct change *ch) {
    struct words words = {.n = scan_line_max(s)};
    bool told = ch->f->flags & FACT_FULL;
    ch->f->flags = s->full ? ch->f->flags | FACT_FULL : ch->f->flags & ~(uint32_t)FACT_FULL;
    if (s->over && s->full && !told)
        change_sentence(ch, SAY_TOO_LONG, &words);
    else if (s->over || s->bell)
        change_raw(ch, "\a", 1);
    s->over = s->bell = false;
}

/* Keys that edit and bytes that are no line's cost. */
static void scan_charge(struct scan *s, const struct facts *f) {
    uint32_t bytes = (uint32_t)(s->now.at - f->consumed);
    if (!s->dropping)
        account_owe(s->w, s->c,
                    1 + s->keys + (bytes > s->kept ? bytes - s->kept : 0) / ACCOUNT_BYTES);
    s->keys = s->kept = 0;
}

/* What was dropped is counted; at its end the client is told. */
static void scan_count_dropped(struct scan *s, struct change *ch) {
    if (s->dropping)
        flood_count(ch, s->dropped, s->now.at, s->drop_ends);
    s->dropped = 0;
}

/* Commits the scan as of s->now, with what an event changes and answers. */
static bool scan_commit_now(struct scan *s, const struct telnet_event *ev) {
    struct change ch;
    if (s->dropping) /* what it has said itself comes before the notice */
        flush_client(s->w, s->c);
    change_begin(&ch, s->w, s->c);
    struct facts *f = ch.f;
    scan_charge(s, f);
    consume_bytes(&ch, s->now.at);
    f->sub_len = s->now.sub_len;
    memcpy(f->telnet, &s->now.telnet, sizeof f->telnet);
    f->flags = s->overlong ? f->flags | FACT_OVERLONG : f->flags & ~(uint32_t)FACT_OVERLONG;
    change_charge(&ch, 0, s->w->now);
    ch.free_answer = s->dropping; /* it has waited for it, and more */
    scan_keep_line(s, &ch);
    scan_tell_full(s, &ch);
    if (s->dropping)
        change_hide_line(&ch); /* until what is said below */
    keys_event(&ch, ev);
    scan_count_dropped(s, &ch); /* behind telnet's answers: GNU telnet shows nothing before one */
    bool done = change_commit(&ch);
    if (done && s->dropping && !(client_facts(s->c)->flags & FACT_DROPPING))
        flood_dropped(s->w, s->c);
    return done;
}

/* False: no buffer is free, and the client is paused.  A line that has become shorter than the
 * record's and longer again is committed at its shortest first: the bytes that replace others are
 * written only when they no longer count. */
static bool scan_commit(struct scan *s, const struct telnet_event *ev) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    struct scan_point now = s->now;
    bool overlong = s->overlong, full = s->full, over = s->over;
    uint32_t committed = client_facts(s->c)->line_len;
    if (!s->rewritten && s->shortest.line_len < committed && now.line_len > s->shortest.line_len) {
        s->now = s->shortest;
        s->overlong = s->full = s->over = false;
        if (!scan_commit_now(s, &typed))
            return false;
        FAULT("input.shortest.after");
        s->now = now;
        s->overlong = overlong;
        s->full = full;
        s->over = over;
    }
    return scan_commit_now(s, ev);
}

/* ---- events ---- */

/* The line under way, to be edited; scan_edited takes over what becomes of it. */
static struct edit scan_edit(struct scan *s) {
    if (!s->edited)
        erase_begin(&s->erase, client_read(client_facts(s->c)));
    s->edited = true;
    return (struct edit){
        .line = s->line, .erase = &s->erase, .len = s->now.line_len, .behind = s->now.behind};
}

static void scan_edited(struct scan *s, const struct edit *e) {
    s->full = s->full && e->len >= s->now.line_len;
    s->keys += (s->now.behind + e->behind) / SCAN_BEHIND;
    s->now.line_len = e->len;
    s->now.behind = e->behind;
    s->rewritten |= e->rewritten;
    scan_line_changed(s);
}

/* Text at the cursor of an echoed client: what does not fit is dropped, and the client is told; the
 * line stays to be shortened. */
static void scan_echoed_text(struct scan *s, const uint8_t *text, uint32_t len, uint32_t space) {
    bool over = len > space;
    s->over |= s->full || over;
    if (s->full)
        return;
    struct edit e = scan_edit(s);
    len = over ? space : len;
    edit_text(&e, text, len);
    if (over)
        edit_drop_half(&e);
    scan_edited(s, &e);
    s->full = over;
    s->kept += len;
}

static void scan_text(struct scan *s, const uint8_t *text, size_t len) {
    uint32_t max = scan_line_max(s); /* a reload may have made it smaller than the line */
    uint32_t space = s->now.line_len < max ? max - s->now.line_len : 0;
    if (s->overlong)
        return;
    if (s->echoed) {
        scan_echoed_text(s, text, (uint32_t)len, space);
        return;
    }
    if (len > space) {
        s->overlong = true;
        s->now.line_len = 0;
        s->edited = false;
        scan_line_changed(s);
        return;
    }
    memcpy(s->line + s->now.line_len, text, len);
    s->now.line_len += (uint32_t)len;
    s->kept += (uint32_t)len;
}

/* Text of a client's first line, before it is taken: that of another protocol ends the client. */
static bool scan_foreign(struct scan *s, const struct telnet_event *ev) {
    struct line line = {.bytes = s->line, .len = s->now.line_len, .overlong = s->overlong};
    return newcomer_text(s->w, s->c, &line, scan_line_max(s), &s->now.telnet, ev);
}

/* The client asks on without reading the answers: its input waits until it does. */
static bool scan_unread(struct scan *s) {
    if (!flush_waits(s->c))
        return false;
    pause_client(s->w, s->c, PAUSE_OUTPUT);
    return true;
}

/* The next line begins. */
static void scan_next_line(struct scan *s) {
    s->now.line_len = s->now.behind = 0;
    s->overlong = s->edited = s->full = s->over = false;
    scan_line_changed(s);
}

/* A finished line of a client that was too fast for too long.  True: the scan goes on.  A line that
 * makes the client leave ends the dropping; until the leave has begun, it is still to be read. */
static bool scan_drop(struct scan *s, const struct line *line, const struct scan_point *before,
                      enum scan_outcome *outcome) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    if (!decide_leaves(s->w, s->c, line)) {
        s->dropped++;
        scan_next_line(s);
        return true;
    }
    s->now = *before;
    s->drop_ends = true;
    if (scan_commit(s, &typed)) {
        flush_client(s->w, s->c);
        leave_begin(s->w, s->c, NULL);
    }
    *outcome = SCAN_IDLE;
    return false;
}

/* A guest has sent its first line: its coming is said before it. */
static bool scan_quiet(struct scan *s, const struct line *line) {
    bool nothing = line->len == 0 && !line->overlong;
    if (nothing || !(client_facts(s->c)->flags & FACT_QUIET))
        return false;
    announce_now(s->w, s->c);
    return true;
}

static struct line scan_finished(const struct scan *s) {
    return (struct line){.bytes = s->line,
                         .len = s->now.line_len,
                         .max = scan_line_max(s),
                         .overlong = s->overlong || s->full,
                         .keyed = s->keyed,
                         .after_cr = telnet_after_cr(&s->now.telnet),
                         .plain_only = s->staged,
                         .consumed = s->now.at};
}

/* One finished line, which began to end at `before`.  True: the scan goes on with the next line. */
static bool scan_line(struct scan *s, const struct scan_point *before, enum scan_outcome *outcome) {
    struct worker *w = s->w;
    struct line line = scan_finished(s);
    bool drop = false;
    *outcome = s->staged ? SCAN_STAGED : SCAN_IDLE;
    if (s->newcomer && newcomer_line(w, s->c, &line))
        return false;
    if (s->dropping)
        return scan_drop(s, &line, before, outcome);
    if (s->staged && flood_waits(w, s->c, s->tat, &drop)) {
        s->now = *before; /* the line's end is seen again when its time has come */
        return false;
    }
    if (!s->staged && (scan_unread(s) || scan_quiet(s, &line)))
        return false;
    FAULT("input.line");
    switch (s->control ? operator_line(w, s->c, &line) : decide_line(w, s->c, &line)) {
    case LINE_STAGED:
        s->tat = rate_limit_charge(&w->config, s->tat, w->now, 1);
        s->staged = true;
        s->newcomer = false;
        scan_next_line(s);
        *outcome = SCAN_STAGED;
        return line.plain; /* more plain lines may join the batch */
    case LINE_DONE: *outcome = SCAN_MORE; return false;
    case LINE_LATER: *outcome = s->staged ? SCAN_STAGED : SCAN_MORE; return false;
    case LINE_NO_BUFFER:
    case LINE_GONE: *outcome = SCAN_IDLE; return false;
    }
    return false;
}

/* What the scan has come to is committed: the line under way is drawn, and so in the record, before
 * its end is handled; or what is dropped ends here. */
static enum scan_outcome scan_commit_before(struct scan *s, const struct scan_point *before) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    if (s->staged)
        return SCAN_STAGED;
    s->now = *before;
    return scan_commit(s, &typed) ? SCAN_MORE : SCAN_IDLE;
}

/* While lines are dropped, a telnet command is neither, but for what changes an option, and one
 * timing mark a pass: without its answer GNU telnet shows nothing any more. */
static bool scan_unanswered(struct scan *s, const struct scan_point *before,
                            const struct telnet_event *ev) {
    const uint8_t *was = before->telnet.options, *is = s->now.telnet.options;
    if (!s->dropping)
        return false;
    if (ev->kind == TELNET_AYT || ev->kind == TELNET_REPRINT || ev->kind >= TELNET_LEFT)
        return true;
    if (before->sub_len > 0) /* its bytes count until the commit */
        return false;
    if (ev->kind != TELNET_STATE || memcmp(was, is, sizeof s->now.telnet.options) != 0)
        return false;
    bool mark = !s->marked && ev->answer_len == 3 && ev->answer[2] == TELNET_OPT_TM;
    s->marked |= mark;
    return !mark;
}

/* A BBS client that is echoed sends BackSpace, Delete, Left and Right twice where they act on a
 * character of two columns: most of its servers edit bytes.  The second of the two at `before` is
 * skipped. */
static void scan_skip_twin(struct scan *s, const struct scan_point *before, struct edit *e,
                           enum telnet_kind kind) {
    const struct facts *f = client_facts(s->c);
    if (!s->echoed || !(f->flags & FACT_BBS) || !edit_acts_on_wide(e, kind))
        return;
    const struct rx_buffer *rx = buffer_at(&s->w->seg->rx_buffers, f->rx);
    const uint8_t *raw = rx->raw + f->raw_off, *key = raw + (before->at - f->consumed);
    size_t len = (size_t)(s->now.at - before->at);
    if (!telnet_under_way(&before->telnet) && s->c->received - s->now.at >= len &&
        memcmp(key, key + len, len) == 0)
        s->now.at += len;
}

/* An editing key or a telnet event, which is committed with its effect.  True: the scan goes on. */
static bool scan_event(struct scan *s, const struct scan_point *before,
                       const struct telnet_event *ev, enum scan_outcome *outcome) {
    *outcome = SCAN_STAGED; /* handled again once the lines before it are applied */
    if (s->staged)
        return false;
    *outcome = SCAN_IDLE;
    if (scan_unread(s))
        return false;
    if (scan_unanswered(s, before, ev))
        return true;
    struct edit e = scan_edit(s);
    scan_skip_twin(s, before, &e, (enum telnet_kind)ev->kind);
    if (ev->kind == TELNET_COMPLETE)
        s->bell |= !complete(s->w, s->c, &e, scan_line_max(s));
    else
        edit_key(&e, ev);
    scan_edited(s, &e);
    if (ev->kind == TELNET_INTERRUPT || ev->kind == TELNET_ERASE_LINE ||
        ev->kind == TELNET_ERASE_HEAD)
        s->overlong = false; /* a line that was too long is dropped, too */
    s->keys++;
    if (edit_is((enum telnet_kind)ev->kind) && s->keys < SCAN_KEYS)
        return true;
    *outcome = scan_commit(s, ev) ? SCAN_MORE : SCAN_IDLE;
    return false;
}

/* The bytes ended within a line. */
static enum scan_outcome scan_end(struct scan *s, uint64_t start) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    if (s->staged)
        return SCAN_STAGED;
    if (s->now.at != start)
        scan_commit(s, &typed);
    return SCAN_IDLE;
}

/* A Tab with text right behind it is part of a paste: a key comes by itself. */
static bool scan_pasted_tab(const uint8_t *tab, size_t n) {
    enum { DEL = 0x7F, IAC = 0xFF };
    size_t i = 0;
    while (i < n && tab[i] == '\t')
        i++;
    return i < n && tab[i] >= ' ' && tab[i] != DEL && tab[i] != IAC;
}

static void scan_next(struct scan *s, const uint8_t *raw, struct telnet_event *ev) {
    const uint8_t *in = raw + (s->now.at - client_facts(s->c)->consumed);
    breadcrumb_set(s->w, BREADCRUMB_INPUT, s->c, s->now.at);
    size_t left = (size_t)(s->c->received - s->now.at);
    size_t used = s->control ? plain_next(in, left, ev)
                             : telnet_next(&s->now.telnet, s->sub, &s->now.sub_len, in, left, ev);
    s->now.at += used;
    if (ev->kind == TELNET_COMPLETE && scan_pasted_tab(in + used - 1, left - used + 1))
        *ev = (struct telnet_event){.kind = TELNET_TEXT, .bytes = in + used - 1, .len = 1};
}

/* The end of a line.  True: the scan goes on with the next one. */
static bool scan_line_end(struct scan *s, const struct scan_point *before, bool keyed,
                          enum scan_outcome *outcome) {
    bool begun = before->at != client_facts(s->c)->consumed;
    s->drop_ends =
        s->dropping && s->now.at > flood_drop_to(s->w, s->c) && !flood_drop_on(s->w, s->c);
    s->keyed = keyed;
    if (!s->drop_ends && (s->dropping || !s->echoed || !begun))
        return scan_line(s, before, outcome);
    *outcome = scan_commit_before(s, before);
    return false;
}

/* The next event.  True: the scan goes on. */
static bool scan_step(struct scan *s, const uint8_t *raw, enum scan_outcome *outcome) {
    struct telnet_event ev;
    struct scan_point before = s->now;
    *outcome = SCAN_IDLE;
    scan_next(s, raw, &ev);
    switch (ev.kind) {
    case TELNET_NONE: return true;
    case TELNET_TEXT:
        if (s->newcomer && scan_foreign(s, &ev))
            return false;
        scan_text(s, ev.bytes, ev.len);
        return true;
    case TELNET_END_OF_LINE: return scan_line_end(s, &before, ev.on, outcome);
    default:
        if (s->newcomer)
            newcomer_key(&s->now.telnet, (enum telnet_kind)ev.kind);
        return scan_event(s, &before, &ev, outcome);
    }
}

enum scan_outcome scan(struct worker *w, struct client *c, bool one_read) {
    struct scan s;
    scan_begin(&s, w, c);
    const struct facts *f = client_facts(c);
    const struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    const uint8_t *raw = rx->raw + f->raw_off;
    uint64_t start = f->consumed;
    enum scan_outcome outcome;
    bool drop;
    if (s.newcomer && start == f->header_len &&
        newcomer_opening(w, c, raw, (size_t)(c->received - start)))
        return SCAN_IDLE;
    if (!s.dropping && !s.control && flood_waits(w, c, s.tat, &drop)) {
        if (drop)
            flood_begin(w, c);
        return drop ? SCAN_MORE : SCAN_IDLE;
    }
    if (one_read && !s.control)
        by_key_count(&s.now.telnet, raw, (size_t)(c->received - start));
    while (s.now.at < c->received)
        if (!scan_step(&s, raw, &outcome))
            return outcome;
    return scan_end(&s, start);
}

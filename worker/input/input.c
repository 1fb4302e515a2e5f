/* input.c - see input.h. */
#include "worker/input/input.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/command/command.h"
#include "worker/input/keys.h"
#include "worker/ledger/apply.h"
#include "worker/output/flush.h"
#include "worker/protocol/telnet.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct telnet) == sizeof(((struct facts *)0)->telnet), "lies in the record");
_Static_assert((int)TX_DATA >= (int)LINE_MAX_MAX, "the longest half-typed line fits one box");
_Static_assert((int)RX_SUB >= (int)TELNET_SUB_MAX, "a subnegotiation fits its place");

/* A pass over the bytes that wait.  Nothing in it is the record's before it is committed. */
struct scan {
    struct worker *w;
    struct client *c;
    struct telnet telnet;
    uint8_t *sub; /* in the inbox */
    uint16_t sub_len;
    uint64_t at;  /* stream position behind the last event */
    uint32_t tat; /* the flood account with the staged lines on it */
    bool staged;  /* lines before `at` are staged and not committed */
    bool overlong;
    uint32_t line_len;
    uint8_t line[LINE_MAX_MAX]; /* the line under way, as received */
};

/* ---- recv ---- */

/* One recv, if epoll has said that there is something.  False: the connection is at its end. */
static bool input_recv(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    uint32_t fd = client_index(w, c);
    if (!w->readable[fd])
        return true;
    if (f->rx == NO_BUFFER) {
        struct change ch;
        change_begin(&ch, w, c);
        change_rx(&ch);
        if (!change_commit(&ch))
            return true; /* held */
        f = client_facts(c);
    }
    struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    size_t used = f->raw_off + (size_t)(c->received - f->consumed);
    if (used >= RX_RAW)
        return true;
    FAULT("input.recv.before");
    ssize_t n = recv((int)fd, rx->raw + used, RX_RAW - used, MSG_DONTWAIT);
    FAULT("input.recv.after");
    if (n > 0) {
        c->received += (uint64_t)n;
        struct slot_stats *stats = &w->slot->stats;
        atomic_fetch_add_explicit(&stats->bytes_in, (uint64_t)n, memory_order_relaxed);
        /* A short read took all there was: epoll, level-triggered, will tell of more. */
        w->readable[fd] = (size_t)n == RX_RAW - used;
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)) {
        w->readable[fd] = 0;
        return true;
    }
    return false;
}

/* ---- the scan ---- */

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
 * there already and equal: a line that shrank was committed when it did. */
static void scan_keep_line(struct scan *s, struct change *ch) {
    struct facts *f = ch->f;
    if (s->line_len > RX_LINE || f->line_buffer != NO_BUFFER) {
        struct tx_buffer *box = change_line_buffer(ch);
        if (!box)
            return;
        memcpy(box->data, s->line, s->line_len);
    } else if (s->line_len > 0) {
        struct rx_buffer *rx = change_rx(ch);
        if (!rx)
            return;
        memcpy(rx->line, s->line, s->line_len);
    }
    f->line_len = (uint16_t)s->line_len;
    FAULT("input.keep.after");
}

/* Puts everything up to `at` into an edit. */
static void scan_into(struct scan *s, struct change *ch) {
    struct facts *f = ch->f;
    f->raw_off = (uint16_t)(f->raw_off + (s->at - f->consumed));
    f->consumed = s->at;
    if (f->flags & FACT_IN_ROOM) /* a stranger's time runs from its coming, whatever it sends */
        f->last_input = s->w->now;
    f->sub_len = s->sub_len;
    memcpy(f->telnet, &s->telnet, sizeof f->telnet);
    f->flags = s->overlong ? f->flags | FACT_OVERLONG : f->flags & ~(uint32_t)FACT_OVERLONG;
    scan_keep_line(s, ch);
}

/* When all is handled and nothing is half done, the boxes go back; when only raw bytes are behind,
 * the raw area starts over - zeroed while nothing in it counts, before the flip that makes it
 * count. */
static void scan_tidy(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    if (f->rx == NO_BUFFER || f->consumed != c->received)
        return;
    struct change ch;
    if (f->line_len == 0 && f->sub_len == 0) {
        change_begin(&ch, w, c);
        change_give_input(&ch);
        change_commit(&ch);
    } else if (f->raw_off > RX_RAW / 2) {
        struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
        memset(rx->raw, 0, f->raw_off);
        FAULT("input.tidy.before");
        change_begin(&ch, w, c);
        ch.f->raw_off = 0;
        change_commit(&ch);
    }
}

/* Commits the scan so far, with the replies an event brings.  False: no box, try later. */
static bool scan_commit(struct scan *s, const struct telnet_event *ev) {
    struct change ch;
    change_begin(&ch, s->w, s->c);
    scan_into(s, &ch);
    if (ev)
        keys_event(&ch, ev);
    return change_commit(&ch);
}

static void scan_text(struct scan *s, const uint8_t *text, size_t len) {
    uint32_t room = s->w->config.line_max -
                    (s->line_len < s->w->config.line_max ? s->line_len : s->w->config.line_max);
    if (s->overlong)
        return;
    if (len > room) {
        s->overlong = true;
        s->line_len = 0;
        return;
    }
    memcpy(s->line + s->line_len, text, len);
    s->line_len += (uint32_t)len;
}

/* Too many lines a second: its input waits until its time. */
static bool scan_flooded(struct scan *s) {
    const struct config *config = &s->w->config;
    return flood_ahead(config, s->tat, s->w->now) > flood_slack(config);
}

/* It asks on without reading the answers: its input waits until it does. */
static bool scan_unread(struct scan *s) {
    if (!flush_waits(s->c))
        return false;
    if (s->c->mode == MODE_WRITE_FAILED)
        leave_begin(s->w, s->c, NULL); /* and will never hear an answer */
    else
        member_pause(s->w, s->c, PAUSE_OUTPUT);
    return true;
}

/* One finished line.  *done is set when the client's scan must stop here. */
static enum input_outcome scan_line(struct scan *s, uint64_t before, bool *done) {
    struct worker *w = s->w;
    *done = true;
    if (scan_flooded(s)) {
        s->at = before; /* the line waits, unhandled */
        member_pause(w, s->c, PAUSE_FLOOD);
        return s->staged ? INPUT_STAGED : INPUT_IDLE;
    }
    if (!s->staged && scan_unread(s))
        return INPUT_IDLE;
    struct line line = {.bytes = s->line,
                        .len = s->line_len,
                        .overlong = s->overlong,
                        .plain_only = s->staged,
                        .consumed = s->at,
                        .telnet = &s->telnet};
    FAULT("input.line");
    switch (command_line(w, s->c, &line)) {
    case LINE_STAGED:
        s->tat = flood_charge(&w->config, s->tat, w->now);
        s->staged = true;
        s->line_len = 0;
        s->overlong = false;
        *done = !line.plain; /* more plain lines may join the batch */
        return INPUT_STAGED;
    case LINE_DONE: return INPUT_MORE; /* committed; go on with a fresh scan */
    case LINE_LATER: return s->staged ? INPUT_STAGED : INPUT_MORE;
    case LINE_NO_BUFFER: /* held */
    case LINE_GONE: return INPUT_IDLE;
    }
    return INPUT_IDLE;
}

/* An edited client's line is on its screen, and so in the record, before its end is handled. */
static enum input_outcome scan_echo_first(struct scan *s, const struct scan *before) {
    struct telnet_event typed = {.kind = TELNET_NONE};
    if (s->staged)
        return INPUT_STAGED;
    s->telnet = before->telnet;
    s->at = before->at;
    return scan_commit(s, &typed) ? INPUT_MORE : INPUT_IDLE;
}

static enum input_outcome scan_run(struct scan *s) {
    struct client *c = s->c;
    const struct facts *f = client_facts(c);
    struct rx_buffer *rx = buffer_at(&s->w->seg->rx_buffers, f->rx);
    const uint8_t *raw = rx->raw + f->raw_off;
    uint64_t start = f->consumed;
    while (s->at < c->received) {
        struct telnet_event ev;
        struct scan before = {.telnet = s->telnet, .at = s->at, .sub_len = s->sub_len};
        worker_breadcrumb(s->w, BREADCRUMB_INPUT, c, s->at);
        s->at += telnet_next(&s->telnet, s->sub, &s->sub_len, raw + (s->at - start),
                             (size_t)(c->received - s->at), &ev);
        if (ev.kind == TELNET_TEXT)
            scan_text(s, ev.bytes, ev.len);
        if (ev.kind == TELNET_END_OF_LINE) {
            bool done;
            if ((f->flags & FACT_ECHOED) && before.at != f->consumed)
                return scan_echo_first(s, &before);
            enum input_outcome outcome = scan_line(s, before.at, &done);
            if (done)
                return outcome;
            continue;
        }
        if (ev.kind == TELNET_NONE || ev.kind == TELNET_TEXT)
            continue;
        if (s->staged)
            return INPUT_STAGED; /* handled anew once the lines before it are applied */
        if (scan_unread(s))
            return INPUT_IDLE;
        keys_edit(s->line, &s->line_len, (enum encoding)f->encoding, &ev);
        if (ev.kind == TELNET_INTERRUPT || ev.kind == TELNET_ERASE_LINE)
            s->overlong = false; /* the line that was too long is dropped, too */
        return scan_commit(s, &ev) ? INPUT_MORE : INPUT_IDLE;
    }
    if (s->staged)
        return INPUT_STAGED;
    if (s->at == f->consumed)
        return INPUT_IDLE;
    struct telnet_event typed = {.kind = TELNET_NONE};
    scan_commit(s, &typed);
    return INPUT_IDLE;
}

enum input_outcome input_read(struct worker *w, struct client *c) {
    struct scan scan;
    if (w->pause[client_index(w, c)] != 0)
        return INPUT_IDLE;
    enum input_outcome outcome = command_welcome(w, c);
    if (outcome != INPUT_MORE)
        return outcome;
    bool open = input_recv(w, c);
    const struct facts *f = client_facts(c);
    uint32_t generation = client_generation(c->state_word);
    while (f->rx != NO_BUFFER && f->consumed < c->received) {
        scan_begin(&scan, w, c);
        outcome = scan_run(&scan);
        if (outcome == INPUT_STAGED || !client_is(c, generation) || w->pause[client_index(w, c)])
            return outcome == INPUT_STAGED ? INPUT_STAGED : INPUT_IDLE;
        f = client_facts(c);
        if (outcome == INPUT_IDLE)
            break;
        if (!stage_fits(w, SENTENCE_MAX))
            return INPUT_MORE;
    }
    scan_tidy(w, c);
    if (!open) {
        leave_begin(w, c, NULL);
        return INPUT_IDLE;
    }
    return w->readable[client_index(w, c)] ? INPUT_MORE : INPUT_IDLE;
}

/* ---- held clients ---- */

/* How long its line has still to wait, in ms; 0: its time has come, or it waits for something else.
 */
static int32_t paused_for(const struct worker *w, uint32_t fd) {
    const struct config *config = &w->config;
    if (w->member_index[fd] == 0 || !(w->pause[fd] & PAUSE_FLOOD))
        return 0;
    uint32_t tat = client_facts(&w->seg->clients.at[fd])->tat;
    int32_t wait = (int32_t)(flood_ahead(config, tat, w->now) - flood_slack(config));
    return wait > 0 ? wait : 0;
}

void input_resume_due(struct worker *w) {
    if (w->paused.count == 0 || (int32_t)(w->pause_look_at - w->now) > 0)
        return;
    struct fd_list *held = &w->paused;
    uint32_t todo = held->count, next = 1000;
    held->count = 0;
    for (uint32_t i = 0; i < todo; i++) {
        uint32_t fd = held->at[i];
        int32_t wait = paused_for(w, fd);
        held->in[fd] = 0;
        if (wait > 0) {
            fd_list_add(held, fd);
            next = (uint32_t)wait < next ? (uint32_t)wait : next;
        } else if (w->member_index[fd] != 0) {
            if (w->pause[fd] & PAUSE_BUFFERS)
                fd_list_add(&w->reply_pending,
                            fd); /* a list or a notice may have been what wanted it */
            member_resume(w, worker_client(w, fd), PAUSE_FLOOD | PAUSE_BUFFERS);
        }
    }
    w->pause_look_at = w->now + (next > PAUSE_LOOK_MS ? next : PAUSE_LOOK_MS);
}

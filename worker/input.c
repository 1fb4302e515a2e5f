/* input.c - see input.h. */
#include "worker/input.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/apply.h"
#include "worker/command.h"
#include "worker/edit.h"
#include "worker/flush.h"
#include "worker/keys.h"
#include "worker/leave.h"
#include "worker/telnet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct telnet) == sizeof(((struct facts *)0)->telnet), "lies in the record");
_Static_assert((int)OUTBOX_DATA >= (int)LINE_MAX_MAX, "the longest half-typed line fits one box");
_Static_assert((int)INBOX_SUB >= (int)TELNET_SUB_MAX, "a subnegotiation fits its place");

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
    if (f->in_box == NO_BOX) {
        struct edit e;
        edit_begin(&e, w, c);
        edit_inbox(&e);
        if (!edit_commit(&e))
            return true; /* held */
        f = client_facts(c);
    }
    struct inbox *inbox = box_at(&w->seg->inboxes, f->in_box);
    size_t used = f->raw_off + (size_t)(c->taken - f->handled);
    if (used >= INBOX_RAW)
        return true;
    FAULT("input.recv.before");
    ssize_t n = recv((int)fd, inbox->raw + used, INBOX_RAW - used, MSG_DONTWAIT);
    FAULT("input.recv.after");
    if (n > 0) {
        c->taken += (uint64_t)n;
        struct slot_stats *stats = &w->slot->stats;
        atomic_fetch_add_explicit(&stats->bytes_in, (uint64_t)n, memory_order_relaxed);
        /* A short read took all there was: epoll, level-triggered, will tell of more. */
        w->readable[fd] = (size_t)n == INBOX_RAW - used;
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
    struct inbox *inbox = box_at(&w->seg->inboxes, f->in_box);
    s->w = w;
    s->c = c;
    memcpy(&s->telnet, f->telnet, sizeof s->telnet);
    s->sub = inbox->sub;
    s->sub_len = f->sub_len;
    s->at = f->handled;
    s->tat = f->tat;
    s->staged = false;
    s->overlong = f->flags & FACT_OVERLONG;
    s->line_len = f->line_len;
    const uint8_t *line = inbox->line;
    if (f->line_box != NO_BOX)
        line = ((struct outbox *)box_at(&w->seg->outboxes, f->line_box))->data;
    memcpy(s->line, line, s->line_len);
}

/* The line under way goes to where the record will say it is.  Bytes below the committed length are
 * there already and equal: a line that shrank was committed when it did. */
static void scan_keep_line(struct scan *s, struct edit *e) {
    struct facts *f = e->f;
    if (s->line_len > INBOX_LINE || f->line_box != NO_BOX) {
        struct outbox *box = edit_line_box(e);
        if (!box)
            return;
        memcpy(box->data, s->line, s->line_len);
    } else if (s->line_len > 0) {
        struct inbox *inbox = edit_inbox(e);
        if (!inbox)
            return;
        memcpy(inbox->line, s->line, s->line_len);
    }
    f->line_len = (uint16_t)s->line_len;
    FAULT("input.keep.after");
}

/* Puts everything up to `at` into an edit. */
static void scan_into(struct scan *s, struct edit *e) {
    struct facts *f = e->f;
    f->raw_off = (uint16_t)(f->raw_off + (s->at - f->handled));
    f->handled = s->at;
    if (f->flags & FACT_IN_ROOM) /* a stranger's time runs from its coming, whatever it sends */
        f->heard = s->w->now;
    f->sub_len = s->sub_len;
    memcpy(f->telnet, &s->telnet, sizeof f->telnet);
    f->flags = s->overlong ? f->flags | FACT_OVERLONG : f->flags & ~(uint32_t)FACT_OVERLONG;
    scan_keep_line(s, e);
}

/* When all is handled and nothing is half done, the boxes go back; when only raw bytes are behind,
 * the raw area starts over - zeroed while nothing in it counts, before the flip that makes it
 * count. */
static void scan_tidy(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    if (f->in_box == NO_BOX || f->handled != c->taken)
        return;
    struct edit e;
    if (f->line_len == 0 && f->sub_len == 0) {
        edit_begin(&e, w, c);
        edit_give_input(&e);
        edit_commit(&e);
    } else if (f->raw_off > INBOX_RAW / 2) {
        struct inbox *inbox = box_at(&w->seg->inboxes, f->in_box);
        memset(inbox->raw, 0, f->raw_off);
        FAULT("input.tidy.before");
        edit_begin(&e, w, c);
        e.f->raw_off = 0;
        edit_commit(&e);
    }
}

/* Commits the scan so far, with the replies an event brings.  False: no box, try later. */
static bool scan_commit(struct scan *s, const struct telnet_event *ev) {
    struct edit e;
    edit_begin(&e, s->w, s->c);
    scan_into(s, &e);
    if (ev)
        keys_event(&e, ev);
    return edit_commit(&e);
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
    if (s->c->mode == MODE_DEAF)
        leave_begin(s->w, s->c, NULL); /* and will never hear an answer */
    else
        member_hold(s->w, s->c, HOLD_OUTPUT);
    return true;
}

/* One finished line.  *done is set when the client's scan must stop here. */
static enum input_outcome scan_line(struct scan *s, uint64_t before, bool *done) {
    struct worker *w = s->w;
    *done = true;
    if (scan_flooded(s)) {
        s->at = before; /* the line waits, unhandled */
        member_hold(w, s->c, HOLD_FLOOD);
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
    case LINE_NO_BOX: /* held */
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
    struct inbox *inbox = box_at(&s->w->seg->inboxes, f->in_box);
    const uint8_t *raw = inbox->raw + f->raw_off;
    uint64_t start = f->handled;
    while (s->at < c->taken) {
        struct telnet_event ev;
        struct scan before = {.telnet = s->telnet, .at = s->at, .sub_len = s->sub_len};
        worker_note(s->w, NOTE_INPUT, c, s->at);
        s->at += telnet_next(&s->telnet, s->sub, &s->sub_len, raw + (s->at - start),
                             (size_t)(c->taken - s->at), &ev);
        if (ev.kind == TELNET_TEXT)
            scan_text(s, ev.bytes, ev.len);
        if (ev.kind == TELNET_END_OF_LINE) {
            bool done;
            if ((f->flags & FACT_EDITED) && before.at != f->handled)
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
    if (s->at == f->handled)
        return INPUT_IDLE;
    struct telnet_event typed = {.kind = TELNET_NONE};
    scan_commit(s, &typed);
    return INPUT_IDLE;
}

enum input_outcome input_turn(struct worker *w, struct client *c) {
    struct scan scan;
    if (w->hold[client_index(w, c)] != 0)
        return INPUT_IDLE;
    enum input_outcome outcome = command_welcome(w, c);
    if (outcome != INPUT_MORE)
        return outcome;
    bool open = input_recv(w, c);
    const struct facts *f = client_facts(c);
    uint32_t birth = client_birth(c->life);
    while (f->in_box != NO_BOX && f->handled < c->taken) {
        scan_begin(&scan, w, c);
        outcome = scan_run(&scan);
        if (outcome == INPUT_STAGED || !client_is(c, birth) || w->hold[client_index(w, c)])
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
static int32_t held_for(const struct worker *w, uint32_t fd) {
    const struct config *config = &w->config;
    if (w->place[fd] == 0 || !(w->hold[fd] & HOLD_FLOOD))
        return 0;
    uint32_t tat = client_facts(&w->seg->clients.at[fd])->tat;
    int32_t wait = (int32_t)(flood_ahead(config, tat, w->now) - flood_slack(config));
    return wait > 0 ? wait : 0;
}

void input_release_held(struct worker *w) {
    if (w->held.count == 0 || (int32_t)(w->hold_next - w->now) > 0)
        return;
    struct fd_list *held = &w->held;
    uint32_t todo = held->count, next = 1000;
    held->count = 0;
    for (uint32_t i = 0; i < todo; i++) {
        uint32_t fd = held->at[i];
        int32_t wait = held_for(w, fd);
        held->in[fd] = 0;
        if (wait > 0) {
            fd_list_add(held, fd);
            next = (uint32_t)wait < next ? (uint32_t)wait : next;
        } else if (w->place[fd] != 0) {
            if (w->hold[fd] & HOLD_BOXES)
                fd_list_add(&w->dirty, fd); /* a list or a notice may have been what wanted it */
            member_release(w, worker_client(w, fd), HOLD_FLOOD | HOLD_BOXES);
        }
    }
    w->hold_next = w->now + (next > HELD_LOOK_MS ? next : HELD_LOOK_MS);
}

/* order.c - see order.h. */
#include "tests/crash/order.h"

#include "ipc/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPLAINTS = 40 };

struct room_order *order_new(void) {
    struct room_order *o = calloc(1, sizeof *o);
    if (!o)
        abort();
    return o;
}

void order_free(struct room_order *o) {
    free(o->line);
    free(o->speaker);
    free(o);
}

void order_complain(struct room_order *o, const char *fmt, ...) {
    va_list args;
    if (o->told++ >= COMPLAINTS)
        return;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

uint32_t order_speaker(struct room_order *o) {
    if (o->speakers == o->speakers_size) {
        o->speakers_size = o->speakers_size ? 2 * o->speakers_size : 1024;
        o->speaker = realloc(o->speaker, o->speakers_size * sizeof *o->speaker);
        if (!o->speaker)
            abort();
    }
    o->speaker[o->speakers] = (struct speaker){0};
    return o->speakers++;
}

void order_sent(struct room_order *o, uint32_t speaker) {
    struct speaker *s = &o->speaker[speaker];
    if (s->sent++ == s->seen)
        s->waiting_ms = clock_ms();
}

uint64_t order_hash(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* A number that must be *seen + 1, or, if the lines between may be dropped, more than *seen. False:
 * it was there before. */
static bool order_number(struct room_order *o, uint32_t *seen, const struct order_line *line,
                         bool may_fail) {
    if (line->number > *seen + 1 && !may_fail) {
        order_complain(o, "LOST before, for all: %s (after %u)", line->text, *seen);
        o->lost += line->number - *seen - 1;
    } else if (line->number <= *seen) {
        order_complain(o, "DOUBLED, for all: %s", line->text);
        o->doubled++;
        return false;
    }
    *seen = line->number;
    return true;
}

static void order_speech(struct room_order *o, struct speaker *s, const struct order_line *line) {
    uint64_t now = clock_ms();
    bool may_fail =
        s->hasty || (s->seen >= s->may_fail.from && line->number <= s->may_fail.to + 1ull);
    s->heard += order_number(o, &s->seen, line, may_fail);
    bool silent = s->silent_from != 0 && o->speaker[o->announcer].seen >= s->silent_from;
    if (silent || (line->number > s->must_fail.from && line->number <= s->must_fail.to)) {
        order_complain(o, "FORBIDDEN: %s", line->text);
        o->forbidden++;
    }
    if (s->waiting_ms != 0 && s->may_fail.to == 0 && now - s->waiting_ms > o->slowest_ms)
        o->slowest_ms = now - s->waiting_ms;
    s->waiting_ms = s->seen < s->sent ? now : 0;
}

static void order_once(struct room_order *o, bool *seen, const struct order_line *line) {
    if (*seen) {
        order_complain(o, "DOUBLED, for all: %s", line->text);
        o->doubled++;
    }
    *seen = true;
}

/* No viewer has received this line before: it is the next in the order.  Its speaker's numbers are
 * checked. */
static void order_append(struct room_order *o, const struct order_line *line, uint64_t hash) {
    uint64_t now = clock_ms();
    if (o->len == o->size) {
        o->size = o->size ? 2 * o->size : 65536;
        o->line = realloc(o->line, o->size * sizeof *o->line);
        if (!o->line)
            abort();
    }
    o->line[o->len++] = hash;
    if (o->last_ms != 0 && now - o->last_ms > o->silence_ms)
        o->silence_ms = now - o->last_ms;
    o->last_ms = now;
    if (line->speaker >= o->speakers) {
        order_complain(o, "no speaker has this number: %s", line->text);
        o->reordered++;
        return;
    }
    struct speaker *s = &o->speaker[line->speaker];
    switch (line->kind) {
    case ORDER_COMES: order_once(o, &s->came, line); break;
    case ORDER_GOES: order_once(o, &s->went, line); break;
    case ORDER_NICK: order_number(o, &s->nicks, line, s->hasty); break;
    case ORDER_SPEECH: order_speech(o, s, line); break;
    }
}

/* The viewer received another line than the one at its place. */
static void order_misfit(struct room_order *o, struct viewer *v, const char *text, uint64_t hash) {
    size_t at = o->len;
    while (at > 0 && o->line[at - 1] != hash)
        at--;
    if (at == 0) {
        order_complain(o, "REORDERED: at %zu of %zu a line no other viewer received: %s", v->at,
                       o->len, text);
        o->reordered++;
    } else if (at - 1 < v->at) {
        order_complain(o, "DOUBLED: %zu lines before %zu, from: %s", v->at - at + 1, v->at, text);
        o->doubled += v->at - at + 1;
        v->at = at;
    } else {
        order_complain(o, "LOST: %zu lines before: %s", at - 1 - v->at, text);
        o->lost += at - 1 - v->at;
        v->at = at;
    }
}

/* Whether some viewer has received the line: then it cannot be the next in the order. */
static bool order_knows(const struct room_order *o, const struct order_line *line) {
    if (line->speaker >= o->speakers)
        return false;
    const struct speaker *s = &o->speaker[line->speaker];
    switch (line->kind) {
    case ORDER_COMES: return s->came;
    case ORDER_GOES: return s->went;
    case ORDER_NICK: return line->number <= s->nicks;
    case ORDER_SPEECH: return line->number <= s->seen;
    }
    return false;
}

void order_entering(struct room_order *o, struct viewer *v) {
    *v = (struct viewer){.where = VIEWER_ENTERING, .scanned = o->len};
}

void order_outside(struct room_order *o, struct viewer *v) {
    o->inside -= v->where == VIEWER_INSIDE;
    v->where = VIEWER_OUTSIDE;
}

static enum order_answer order_enter(struct room_order *o, struct viewer *v,
                                     const struct order_line *line, uint64_t hash) {
    while (v->scanned < o->len && o->line[v->scanned] != hash)
        v->scanned++;
    if (v->scanned == o->len) {
        if (o->inside > 0)
            return ORDER_WAIT;
        order_append(o, line, hash);
    }
    v->at = v->scanned + 1;
    v->where = VIEWER_INSIDE;
    o->inside++;
    return ORDER_SEEN;
}

/* Finds the line within what the viewer was told at most.  False: no client has received it yet. */
static bool order_slack(const struct room_order *o, struct viewer *v, uint64_t hash) {
    for (size_t at = v->at; at + v->slack >= v->at; at--) {
        if (at < o->len && o->line[at] == hash) {
            v->at = at;
            v->slack = 0;
            return true;
        }
        if (at == 0)
            break;
    }
    return false;
}

enum order_answer order_see(struct room_order *o, struct viewer *v, const struct order_line *line) {
    uint64_t hash = order_hash(line->text);
    if (v->where == VIEWER_ENTERING)
        return order_enter(o, v, line, hash);
    if (v->slack > 0 && !order_slack(o, v, hash))
        return ORDER_WAIT;
    if (v->doubt) {
        if (v->at >= o->len)
            return ORDER_WAIT;
        v->doubt = false;
        if (o->line[v->at] != hash && o->line[v->at - 1] == hash)
            return ORDER_SEEN; /* only the end of the line before the notice was cut */
    }
    if (v->at > o->len)
        return ORDER_WAIT;
    if (v->at == o->len && !order_knows(o, line))
        order_append(o, line, hash);
    else if (v->at == o->len || o->line[v->at] != hash) {
        order_misfit(o, v, line->text, hash);
        return ORDER_SEEN;
    }
    v->at++;
    return ORDER_SEEN;
}

void order_skip(struct room_order *o, struct viewer *v, uint32_t lines) {
    (void)o;
    v->at += lines;
    v->doubt = true;
}

void order_skip_most(struct room_order *o, struct viewer *v, uint32_t lines) {
    order_skip(o, v, lines);
    v->doubt = false;
    v->slack = lines;
}

bool order_speaker_complete(const struct speaker *s) {
    return s->excused || s->hasty || s->heard + s->refused >= s->sent;
}

bool order_complete(const struct room_order *o) {
    for (uint32_t i = 0; i < o->speakers; i++) {
        if (!order_speaker_complete(&o->speaker[i]))
            return false;
    }
    return true;
}

void order_finish(struct room_order *o) {
    for (uint32_t i = 0; i < o->speakers; i++) {
        const struct speaker *s = &o->speaker[i];
        if (!order_speaker_complete(s)) {
            order_complain(o, "LOST, for all: speaker %u sent %u, heard %u, refused %u", i, s->sent,
                           s->heard, s->refused);
            o->lost += s->sent - s->heard - s->refused;
        } else if (!s->hasty && s->heard + s->refused > s->sent) {
            order_complain(o, "DOUBLED: speaker %u sent %u, heard %u, refused %u", i, s->sent,
                           s->heard, s->refused);
            o->doubled += s->heard + s->refused - s->sent;
        }
    }
}

void order_finish_viewer(struct room_order *o, const struct viewer *v) {
    if (v->where == VIEWER_INSIDE && v->at < o->len) {
        order_complain(o, "LOST: a viewer's last %zu lines", o->len - v->at);
        o->lost += o->len - v->at;
    } else if (v->where == VIEWER_INSIDE && v->at > o->len + v->doubt + v->slack) {
        order_complain(o, "REORDERED: a notice counts lines that no viewer received");
        o->reordered++;
    }
}

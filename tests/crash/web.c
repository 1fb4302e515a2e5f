/* web.c - see web.h. */
#include "tests/crash/web.h"

#include "tests/lib/frame.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_MAX = 2048, LINE_MAX = 4096, PLAIN = 8, PIECES = 6, ESCAPES = 10 };

static uint32_t web_random(struct web *w, uint32_t below) { /* xorshift32 */
    w->random ^= w->random << 13;
    w->random ^= w->random >> 17;
    w->random ^= w->random << 5;
    return w->random % below;
}

void web_begin(struct web *w, uint32_t random, bool returns) {
    struct text in = w->in, pending = w->pending;
    in.len = pending.len = 0;
    *w = (struct web){.random = random, .returns = returns, .in = in, .pending = pending};
}

void web_again(struct web *w) {
    w->again = true;
    w->inside = w->open = w->left = w->listing = false;
    w->code = 0;
    w->earlier = 0;
    w->in.len = 0;
    memcpy(w->old, w->seen, sizeof w->old);
}

void web_free(struct web *w) {
    free(w->in.at);
    free(w->pending.at);
}

/* ---- what is sent ---- */

void web_request(struct text *out) {
    static const char request[] =
        "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
        "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    text_add(out, request, sizeof request - 1);
}

/* One frame; last: of its message. */
static void web_frame(struct web *w, uint8_t opcode, bool last, const char *payload, size_t len,
                      struct text *out) {
    char bytes[FRAME_HEAD_MAX + MESSAGE_MAX], *at = bytes + FRAME_HEAD_MAX, mask[FRAME_MASK];
    for (int i = 0; i < FRAME_MASK; i++)
        mask[i] = (char)web_random(w, 256);
    memcpy(at, payload, len);
    frame_mask(at, len, mask);
    memcpy(at - FRAME_MASK, mask, FRAME_MASK);
    char *head = frame_before(at, len, opcode, true);
    head[0] = (char)(last ? head[0] : head[0] & 0x7f);
    text_add(out, head, (size_t)(at + len - head));
}

/* A message, now and then in pieces with a ping between them. */
static void web_message(struct web *w, const char *text, size_t len, struct text *out) {
    uint8_t opcode = FRAME_TEXT;
    while (len > 1 && web_random(w, PIECES) == 0) {
        size_t n = 1 + web_random(w, (uint32_t)len - 1);
        web_frame(w, opcode, false, text, n, out);
        if (web_random(w, 2))
            web_frame(w, FRAME_PING, true, "ping", 4, out);
        opcode = FRAME_MORE;
        text += n;
        len -= n;
    }
    web_frame(w, opcode, true, text, len, out);
}

/* The line's first `len` bytes are a word; out is what follows, without the line's end. */
static bool web_word(const char *line, const char *word, char out[LINE_MAX]) {
    size_t len = strlen(word);
    if (strncmp(line, word, len) != 0)
        return false;
    snprintf(out, LINE_MAX, "%.*s", (int)strcspn(line + len, "\r\n"), line + len);
    return true;
}

/* The request that means the line, without its number and its end. */
static void web_translate(struct web *w, const char *line, char out[MESSAGE_MAX]) {
    static const struct {
        const char *word, *form;
    } forms[] = {{"login ", "{\"do\":\"login\",\"name\":\"%s\""},
                 {"/nick ", "{\"do\":\"nick\",\"name\":\"%s\""},
                 {"/ignore ", "{\"do\":\"ignore\",\"name\":\"%s\""},
                 {"/unignore ", "{\"do\":\"unignore\",\"name\":\"%s\""},
                 {"/history ", "{\"do\":\"history\",\"n\":%s"},
                 {"/me ", "{\"do\":\"me\",\"text\":\"%s\""},
                 {"who", "{\"do\":\"who\"%s"},
                 {"logout", "{\"do\":\"quit\"%s"}};
    char rest[LINE_MAX], *text;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (web_word(line, forms[i].word, rest)) {
            snprintf(out, MESSAGE_MAX, forms[i].form, rest);
            return;
        }
    }
    if (web_word(line, "/msg ", rest) && (text = strchr(rest, ' ')) != NULL) {
        *text++ = '\0';
        snprintf(out, MESSAGE_MAX, "{\"do\":\"msg\",\"to\":\"%.64s\",\"text\":\"%.1200s\"", rest,
                 text);
    } else {
        web_word(line, "", rest);
        const char *first = web_random(w, ESCAPES) ? NULL : "\\u%04x"; /* spelled otherwise */
        int n = snprintf(out, MESSAGE_MAX, "{\"do\":\"say\",\"text\":\"");
        n += first ? snprintf(out + n, 8, first, (unsigned)rest[0]) : 0;
        snprintf(out + n, MESSAGE_MAX - (size_t)n, "%.1200s\"", rest + (first != NULL));
    }
}

static void web_named(struct web *w, const char *line) {
    char name[LINE_MAX];
    if (web_word(line, "login ", name) || web_word(line, "/nick ", name))
        snprintf(w->name, sizeof w->name, "%.31s", name);
}

static void web_numbered(struct web *w, uint32_t re, const char *line, struct text *out) {
    char message[MESSAGE_MAX];
    web_translate(w, line, message);
    size_t len = strlen(message);
    len += (size_t)snprintf(message + len, sizeof message - len, ",\"re\":%u}", re);
    web_message(w, message, len, out);
}

static void web_keep(struct web *w, uint32_t re, const char *line) {
    char kept[LINE_MAX];
    int n = snprintf(kept, sizeof kept, "%u %.*s\n", re, (int)strcspn(line, "\r\n"), line);
    text_add(&w->pending, kept, (size_t)n);
}

/* The number of the oldest request that was not answered; 0: there is none. */
static uint32_t web_oldest(const struct web *w) {
    return w->pending.len > 0 ? (uint32_t)strtoul(w->pending.at, NULL, 10) : 0;
}

static void web_forget_oldest(struct web *w) {
    const char *end = memchr(w->pending.at, '\n', w->pending.len);
    text_drop(&w->pending, (size_t)(end + 1 - w->pending.at));
}

void web_type(struct web *w, const char *line, struct text *out) {
    bool login = strncmp(line, "login ", 6) == 0;
    web_named(w, line);
    if (w->inside && !w->returns && web_random(w, PLAIN) == 0) {
        web_message(w, line, strcspn(line, "\r\n"), out);
        return;
    }
    uint32_t re = ++w->re;
    web_keep(w, re, line);
    if (login || w->inside)
        web_numbered(w, re, line, out);
}

/* The login was answered: what waited for that is sent, and what was lost with a connection. */
static void web_inside(struct web *w, uint32_t last, struct text *out) {
    w->inside = true;
    w->resumes = w->again;
    if (w->again && last > w->answered) /* those were taken, and their answers are lost */
        w->answered = last;
    while (web_oldest(w) != 0 && web_oldest(w) <= w->answered)
        web_forget_oldest(w);
    for (size_t at = 0; at < w->pending.len;) {
        char line[LINE_MAX], *rest;
        const char *end = memchr(w->pending.at + at, '\n', w->pending.len - at);
        size_t len = (size_t)(end - (w->pending.at + at));
        snprintf(line, sizeof line, "%.*s", (int)len, w->pending.at + at);
        uint32_t re = (uint32_t)strtoul(line, &rest, 10);
        web_numbered(w, re, rest + 1, out);
        at += len + 1;
    }
}

/* Not numbered, or the server would take its number for the last one that it took. */
static void web_login_again(struct web *w, struct text *out) {
    char message[MESSAGE_MAX];
    int n = snprintf(message, sizeof message,
                     "{\"do\":\"login\",\"name\":\"%s\",\"token\":\"%s\",\"since\":\"%s-%012llx\"}",
                     w->name, w->token, w->epoch, (unsigned long long)w->id);
    web_message(w, message, (size_t)n, out);
}

void web_leave(struct web *w, struct text *out) {
    web_frame(w, FRAME_CLOSE, true, "\x03\xe8", 2, out); /* 1000 */
    w->left = true;
}

/* ---- what comes ---- */

static void web_wrong(struct web *w, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->wrong, sizeof w->wrong, fmt, args);
    va_end(args);
}

static void web_line(struct text *lines, const char *fmt, ...) {
    char line[LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    text_add(lines, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    text_add(lines, "\n", 1);
}

/* The value of a key, as text; *event moves behind it.  False: the event has no such key. */
static bool web_value(const char **event, const char *key, char out[LINE_MAX]) {
    char quoted[32];
    size_t n = 0;
    int len = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(*event, quoted);
    if (!at)
        return false;
    at += len;
    bool text = *at == '"';
    for (at += text; *at && n < LINE_MAX - 1 && (text ? *at != '"' : !strchr(",}]", *at)); at++) {
        bool escaped = *at == '\\' && at[1] != '\0';
        at += escaped;
        out[n++] = escaped && *at == 'n' ? '\n' : *at;
    }
    out[n] = '\0';
    *event = at;
    return true;
}

/* The same, wherever it stands; "" if there is none. */
static const char *web_key(const char *event, const char *key, char out[LINE_MAX]) {
    out[0] = '\0';
    web_value(&event, key, out);
    return out;
}

/* The number of the event's id in its epoch; 0: it has none. */
static uint64_t web_id(struct web *w, const char *event) {
    char id[LINE_MAX];
    if (web_key(event, "id", id)[0] == '\0')
        return 0;
    if (strlen(id) != WEB_EPOCH + 1 + 12 || id[WEB_EPOCH] != '-' ||
        (w->epoch[0] && strncmp(id, w->epoch, WEB_EPOCH) != 0))
        web_wrong(w, "an id of another form or epoch (%s)", w->epoch);
    return strtoull(id + WEB_EPOCH + 1, NULL, 16);
}

/* An answer: to the request behind the last one that was answered. */
static void web_answered(struct web *w, const char *event) {
    char re[LINE_MAX], more[LINE_MAX];
    const char *at = event;
    if (!web_value(&at, "re", re) || web_key(event, "more", more)[0])
        return;
    if (strtoul(re, NULL, 10) != ++w->answered)
        web_wrong(w, "answer %s where %u was due", re, w->answered);
    if (web_oldest(w) == w->answered)
        web_forget_oldest(w);
}

/* An event of the room that is not a private line.  True: an earlier line. */
static bool web_in_order(struct web *w, const char *event) {
    uint64_t id = web_id(w, event);
    if (id > w->id) {
        w->id = id;
        return false;
    }
    if (w->earlier == 0)
        web_wrong(w, "id %llx after %llx", (unsigned long long)id, (unsigned long long)w->id);
    w->earlier -= w->earlier > 0;
    return true;
}

static void web_people(struct web *w, const char *event, struct text *lines) {
    char name[LINE_MAX], more[LINE_MAX];
    const char *at = event;
    if (!w->listing)
        web_line(lines, "The following are logged in:");
    while (web_value(&at, "name", name))
        web_line(lines, "%s", name);
    w->listing = web_key(event, "more", more)[0] != '\0';
}

/* What a telnet is sent instead of a line of the room. */
static bool web_room_line(struct web *w, const char *kind, const char *event, struct text *lines) {
    static const struct {
        const char *kind, *form;
    } forms[] = {{"say", "%s: %s"},
                 {"me", "* %s %s"},
                 {"join", "%s has entered the room."},
                 {"leave", "%s has left the room."},
                 {"kick", "%s was asked to leave."},
                 {"nick", "%s is now known as %s."},
                 {"sys", "%s*** %s"}};
    char who[LINE_MAX], text[LINE_MAX], line[2 * LINE_MAX];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(kind, forms[i].kind) != 0)
            continue;
        web_key(event, "who", who);
        web_key(event, strcmp(kind, "nick") == 0 ? "new" : "text", text);
        snprintf(line, sizeof line, forms[i].form, who, text);
        w->resumes = false;
        web_line(lines, "%s%s", web_in_order(w, event) ? "[00:00] " : "", line);
        return true;
    }
    return false;
}

/* A private line that a former connection has brought. */
static bool web_seen(struct web *w, const char *event) {
    uint64_t id = web_id(w, event);
    for (uint32_t i = 0; w->again && i < WEB_SEEN; i++) {
        if (w->old[i] == id)
            return true;
    }
    w->seen[w->seens++ % WEB_SEEN] = id;
    return false;
}

static void web_private(struct web *w, const char *event, struct text *lines) {
    char text[LINE_MAX], who[LINE_MAX], to[LINE_MAX];
    bool copy = strcmp(web_key(event, "who", who), w->name) == 0;
    web_key(event, "text", text);
    if (!web_seen(w, event))
        web_line(lines, copy ? "[to %s] %s" : "[%s] %s", copy ? web_key(event, "to", to) : who,
                 text);
}

/* ... instead of what concerns it alone. */
static bool web_own_line(struct web *w, const char *kind, const char *event, struct text *lines) {
    char text[LINE_MAX], number[LINE_MAX];
    const char *n = web_key(event, "n", number);
    web_key(event, "text", text);
    if (strcmp(kind, "msg") == 0) {
        web_private(w, event, lines);
    } else if (strcmp(kind, "history") == 0) {
        w->earlier = (uint32_t)strtoul(n, NULL, 10);
        web_line(lines, "*** %s earlier lines", n);
    } else if (strcmp(kind, "skipped") == 0) {
        web_line(lines, w->resumes ? "*** at most %s lines skipped" : "*** %s lines skipped", n);
    } else if (strcmp(kind, "dropped") == 0) {
        web_line(lines, "*** %s of your lines were dropped: too fast.", n);
    } else if (strcmp(kind, "people") == 0) {
        web_people(w, event, lines);
    } else if (strcmp(kind, "note") == 0 || strcmp(kind, "error") == 0) {
        web_line(lines, "%s", text);
    } else {
        return false;
    }
    return true;
}

/* The first event: of a browser that comes back, in the epoch that it knows. */
static void web_hello(struct web *w, const char *event, struct text *out) {
    char epoch[LINE_MAX];
    if (w->again) {
        if (strcmp(web_key(event, "epoch", epoch), w->epoch) != 0)
            web_wrong(w, "another epoch: %.20s", epoch);
        w->missed = web_id(w, event) - w->id;
        web_login_again(w, out);
        return;
    }
    snprintf(w->epoch, sizeof w->epoch, "%.16s", web_key(event, "epoch", epoch));
    w->id = web_id(w, event);
}

static void web_ok(struct web *w, const char *event, struct text *out) {
    char token[LINE_MAX], last[LINE_MAX];
    if (w->inside)
        return;
    snprintf(w->token, sizeof w->token, "%.32s", web_key(event, "token", token));
    uint32_t taken = (uint32_t)strtoul(web_key(event, "last", last), NULL, 10);
    if (w->again && (taken < w->answered || taken > w->re))
        web_wrong(w, "%u was taken last, %u were answered, %u sent", taken, w->answered, w->re);
    web_inside(w, taken, out);
}

static void web_event(struct web *w, const char *event, struct text *lines, struct text *out) {
    char kind[LINE_MAX];
    if (strncmp(event, "{\"ev\":\"", 7) != 0 || event[strlen(event) - 1] != '}') {
        web_wrong(w, "no event: %.100s", event);
        return;
    }
    web_key(event, "ev", kind);
    web_answered(w, event);
    if (strcmp(kind, "hello") == 0)
        web_hello(w, event, out);
    else if (strcmp(kind, "ok") == 0)
        web_ok(w, event, out);
    else if (strcmp(kind, "motd") != 0 && !web_room_line(w, kind, event, lines) &&
             !web_own_line(w, kind, event, lines))
        web_wrong(w, "an unknown event: %.100s", event);
}

/* The server's close frame, which is answered unless it is an answer. */
static void web_closed(struct web *w, const struct frame *f, const char *payload,
                       struct text *out) {
    w->code = f->len < 2 ? 1005 : (uint16_t)((uint8_t)payload[0] << 8 | (uint8_t)payload[1]);
    if (!w->left)
        web_frame(w, FRAME_CLOSE, true, payload, f->len, out);
    w->left = true;
}

static void web_take(struct web *w, const struct frame *f, char *payload, struct text *lines,
                     struct text *out) {
    char event[65536];
    if (f->masked)
        web_wrong(w, "a masked frame");
    else if (f->opcode == FRAME_PING)
        web_frame(w, FRAME_PONG, true, payload, f->len, out);
    else if (f->opcode == FRAME_CLOSE)
        web_closed(w, f, payload, out);
    else if (f->opcode == FRAME_TEXT) {
        snprintf(event, sizeof event, "%.*s", (int)f->len, payload);
        web_event(w, event, lines, out);
    } else if (f->opcode != FRAME_PONG) {
        web_wrong(w, "opcode %u", f->opcode);
    }
}

/* Returns the length of the answer's head; 0: it has not come whole. */
static size_t web_head(struct web *w) {
    static const char granted[] = "HTTP/1.1 101 ", accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    const char *end = memmem(w->in.at, w->in.len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t len = (size_t)(end + 4 - w->in.at);
    if (strncmp(w->in.at, granted, sizeof granted - 1) != 0 ||
        !memmem(w->in.at, len, accept, sizeof accept - 1))
        web_wrong(w, "not let in: %.60s", w->in.at);
    w->open = true;
    return len;
}

bool web_hear(struct web *w, const char *bytes, size_t len, struct text *lines, struct text *out) {
    struct frame f;
    text_add(&w->in, bytes, len);
    size_t at = w->open ? 0 : web_head(w);
    while (w->open && !w->wrong[0] && w->code == 0 &&
           frame_read(&f, w->in.at + at, w->in.len - at) && f.whole) {
        web_take(w, &f, w->in.at + at + f.head, lines, out);
        at += f.head + f.len;
    }
    text_drop(&w->in, at);
    return !w->wrong[0];
}

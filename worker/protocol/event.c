/* event.c - see event.h. */
#include "worker/protocol/event.h"

#include "ipc/unicode.h"

#include <stdio.h>
#include <string.h>

/* A frame's head: FIN and the opcode, then the length, or 126 and the length in two bytes. */
enum { FRAME_TEXT = 0x81, FRAME_PING = 0x89, FRAME_SHORT_MAX = 125, FRAME_LONG = 126 };

const uint8_t event_ping[EVENT_PING_LEN] = {FRAME_PING, 0};

static const char *const event_name[EVENT_KINDS] = {
    [EVENT_SAY] = "say",         [EVENT_ME] = "me",           [EVENT_JOIN] = "join",
    [EVENT_LEAVE] = "leave",     [EVENT_KICK] = "kick",       [EVENT_NICK] = "nick",
    [EVENT_SYS] = "sys",         [EVENT_MSG] = "msg",         [EVENT_HELLO] = "hello",
    [EVENT_OK] = "ok",           [EVENT_ERROR] = "error",     [EVENT_NOTE] = "note",
    [EVENT_MOTD] = "motd",       [EVENT_PEOPLE] = "people",   [EVENT_HISTORY] = "history",
    [EVENT_SKIPPED] = "skipped", [EVENT_DROPPED] = "dropped",
};

static const char event_digits[] = "0123456789abcdef";

/* ---- bytes ---- */

static void event_put(struct event *e, const void *bytes, size_t n) {
    if (e->full || n > e->size - e->len) {
        e->full = true;
        return;
    }
    memcpy(e->out + e->len, bytes, n);
    e->len += n;
}

static void event_literal(struct event *e, const char *text) {
    event_put(e, text, strlen(text));
}

/* How many bytes at the start of s[0, n) stand for themselves in a string. */
static size_t event_plain(const char *s, size_t n) {
    size_t i = 0, len;
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        len = 1;
        if (c < 0x20 || c == '"' || c == '\\' ||
            (c >= 0x80 && unicode_decode(s + i, n - i, &len) == UNICODE_BAD))
            break;
        i += len;
    }
    return i;
}

/* One byte that does not. */
static void event_escape(struct event *e, unsigned char c) {
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char escape[EVENT_ESCAPED + 1] = "\xEF\xBF\xBD"; /* U+FFFD */
    if (c == '"' || c == '\\' || (c < 0x20 && letters[c])) {
        escape[0] = '\\';
        escape[1] = c < 0x20 ? letters[c] : (char)c;
        escape[2] = '\0';
    } else if (c < 0x20) {
        snprintf(escape, sizeof escape, "\\u%04x", c);
    }
    event_literal(e, escape);
}

static void event_quoted(struct event *e, const char *text, size_t n) {
    event_put(e, "\"", 1);
    while (n > 0) {
        size_t plain = event_plain(text, n);
        event_put(e, text, plain);
        if (plain < n)
            event_escape(e, (unsigned char)text[plain++]);
        text += plain;
        n -= plain;
    }
    event_put(e, "\"", 1);
}

/* ---- keys and values ---- */

static void event_key(struct event *e, const char *key) {
    event_literal(e, ",\"");
    event_literal(e, key);
    event_literal(e, "\":");
}

static void event_string(struct event *e, const char *key, const char *text) {
    event_key(e, key);
    event_quoted(e, text, strlen(text));
}

static void event_integer(struct event *e, const char *key, uint64_t n) {
    char digits[24];
    event_key(e, key);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    event_literal(e, digits);
}

static void event_bool(struct event *e, const char *key, bool value) {
    event_key(e, key);
    event_literal(e, value ? "true" : "false");
}

static void event_hex(struct event *e, uint64_t n, int digits) {
    while (digits-- > 0)
        event_put(e, &event_digits[n >> 4 * digits & 15], 1);
}

/* Returns where in the frame the index is, as long as its head is the longest. */
static size_t event_id(struct event *e, uint64_t epoch, uint64_t index) {
    event_key(e, "id");
    event_put(e, "\"", 1);
    event_hex(e, epoch, EVENT_EPOCH_DIGITS);
    event_put(e, "-", 1);
    size_t at = e->len;
    event_hex(e, index, EVENT_INDEX_DIGITS);
    event_put(e, "\"", 1);
    return at;
}

static void event_re(struct event *e, int64_t re) {
    if (re != EVENT_NO_RE)
        event_integer(e, "re", (uint64_t)re);
}

/* ---- a frame ---- */

static void event_begin(struct event *e, enum event_kind kind, uint8_t *out, size_t size) {
    *e = (struct event){.out = out, .size = size, .len = EVENT_HEAD_MAX};
    e->full = size < EVENT_HEAD_MAX;
    event_literal(e, "{\"ev\":\"");
    event_literal(e, event_name[kind]);
    event_literal(e, "\"");
}

static size_t event_end(struct event *e) {
    event_put(e, "}", 1);
    size_t payload = e->len - EVENT_HEAD_MAX, head = payload > FRAME_SHORT_MAX ? 4 : 2;
    if (e->full || payload > UINT16_MAX)
        return 0;
    e->out[0] = FRAME_TEXT;
    e->out[1] = head == 2 ? (uint8_t)payload : FRAME_LONG;
    e->out[2] = (uint8_t)(payload >> 8); /* the short head's frame overwrites these two */
    e->out[3] = (uint8_t)payload;
    if (head == 2)
        memmove(e->out + head, e->out + EVENT_HEAD_MAX, payload);
    return head + payload;
}

/* ---- lines ---- */

/* "2026-11-25T17:04:05.12Z" */
static void event_time(struct event *e, struct event_clock *clock, int64_t ms) {
    char hundredths[] = {'.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10), 'Z'};
    if (clock->second != ms / 1000 || !clock->text[0]) {
        timestamp_write(clock->text, ms, TIMESTAMP_SECONDS);
        clock->second = ms / 1000;
    }
    event_key(e, "t");
    event_put(e, "\"", 1);
    event_put(e, clock->text, TIMESTAMP_SECONDS - 1);
    event_put(e, hundredths, sizeof hundredths);
    event_put(e, "\"", 1);
}

size_t event_line(struct event_clock *clock, const struct event_line *line, uint8_t *out,
                  size_t size, uint32_t *id_at) {
    struct event e;
    event_begin(&e, line->kind, out, size);
    size_t at = event_id(&e, line->epoch, line->index);
    event_time(&e, clock, line->ms);
    if (line->who)
        event_string(&e, "who", line->who);
    if (line->to)
        event_string(&e, "to", line->to);
    if (line->text) {
        event_key(&e, line->kind == EVENT_NICK ? "new" : "text");
        event_quoted(&e, line->text, line->text_len);
    }
    size_t n = event_end(&e);
    *id_at = n > 0 ? (uint32_t)(at - (e.len - n)) : 0;
    return n;
}

static bool event_hex_read(const char *text, int digits, uint64_t *out) {
    *out = 0;
    for (int i = 0; i < digits; i++) {
        const char *digit = text[i] ? strchr(event_digits, text[i]) : NULL;
        if (!digit)
            return false;
        *out = *out << 4 | (uint64_t)(digit - event_digits);
    }
    return true;
}

bool event_id_read(const char *text, size_t len, uint64_t *epoch, uint64_t *index) {
    return len == EVENT_ID_LEN && text[EVENT_EPOCH_DIGITS] == '-' &&
           event_hex_read(text, EVENT_EPOCH_DIGITS, epoch) &&
           event_hex_read(text + EVENT_EPOCH_DIGITS + 1, EVENT_INDEX_DIGITS, index);
}

/* ---- for one client ---- */

size_t event_hello(const struct event_hello *hello, uint8_t *out, size_t size) {
    struct event e;
    event_begin(&e, EVENT_HELLO, out, size);
    event_integer(&e, "v", 1);
    event_string(&e, "room", hello->room);
    event_key(&e, "epoch");
    event_put(&e, "\"", 1);
    event_hex(&e, hello->epoch, EVENT_EPOCH_DIGITS);
    event_put(&e, "\"", 1);
    event_id(&e, hello->epoch, hello->index);
    event_bool(&e, "login", hello->login);
    event_integer(&e, "line_max", hello->line_max);
    event_string(&e, "language", hello->language);
    return event_end(&e);
}

size_t event_ok(int64_t re, uint8_t *out, size_t size) {
    struct event e;
    event_begin(&e, EVENT_OK, out, size);
    event_re(&e, re);
    return event_end(&e);
}

size_t event_logged_in(int64_t re, const char *name, const uint8_t token[EVENT_TOKEN_BYTES],
                       uint32_t last, uint8_t *out, size_t size) {
    struct event e;
    event_begin(&e, EVENT_OK, out, size);
    event_re(&e, re);
    event_string(&e, "name", name);
    event_key(&e, "token");
    event_put(&e, "\"", 1);
    for (int i = 0; i < EVENT_TOKEN_BYTES; i++)
        event_hex(&e, token[i], 2);
    event_put(&e, "\"", 1);
    event_integer(&e, "last", last);
    return event_end(&e);
}

size_t event_error(int64_t re, const char *code, const char *text, size_t len, uint8_t *out,
                   size_t size) {
    struct event e;
    event_begin(&e, EVENT_ERROR, out, size);
    event_re(&e, re);
    event_string(&e, "code", code);
    event_key(&e, "text");
    event_quoted(&e, text, len);
    return event_end(&e);
}

size_t event_text(enum event_kind kind, const char *text, size_t len, uint8_t *out, size_t size) {
    struct event e;
    event_begin(&e, kind, out, size);
    event_key(&e, "text");
    event_quoted(&e, text, len);
    return event_end(&e);
}

size_t event_number(enum event_kind kind, uint64_t n, uint8_t *out, size_t size) {
    struct event e;
    event_begin(&e, kind, out, size);
    event_integer(&e, "n", n);
    return event_end(&e);
}

/* ---- people ---- */

static const char people_more[] = "],\"more\":true}";

void event_people(struct event *e, int64_t re, uint8_t *out, size_t size) {
    event_begin(e, EVENT_PEOPLE, out, size);
    event_re(e, re);
    event_literal(e, ",\"names\":[");
}

bool event_person(struct event *e, const char *name, int64_t idle_s, bool bot) {
    size_t before = e->len;
    if (e->full)
        return false;
    if (e->out[before - 1] != '[')
        event_literal(e, ",");
    event_literal(e, "{\"name\":");
    event_quoted(e, name, strlen(name));
    if (idle_s != EVENT_NO_IDLE)
        event_integer(e, "idle", (uint64_t)idle_s);
    if (bot)
        event_bool(e, "bot", true);
    event_literal(e, "}");
    if (!e->full && e->size - e->len >= strlen(people_more))
        return true;
    e->len = before;
    e->full = false;
    return false;
}

size_t event_people_end(struct event *e, bool more) {
    event_literal(e, more ? "],\"more\":true" : "]");
    return event_end(e);
}

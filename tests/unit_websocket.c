/* unit_websocket.c - the codec of WebSocket frames: limits, the byte at which input fails, replay
 * after a death, and what the server sends.  The protocol's cases: unit_websocket_cases.c. */
#include "ipc/unicode.h"
#include "worker/protocol/websocket.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 300, SENT_MAX = 70000 };

static struct websocket ws;
static uint8_t control[WEBSOCKET_CONTROL_MAX];
static uint8_t text[SENT_MAX];

/* What became of all the input: the last event but WEBSOCKET_MORE, and bytes of text in all. */
struct outcome {
    struct websocket_event last;
    size_t used; /* up to the end of that event */
    size_t text_len;
};

static struct outcome read_from(struct websocket *w, uint32_t frame_max, const uint8_t *in,
                                size_t n) {
    struct outcome o = {.used = 0};
    struct websocket_event ev;
    for (size_t at = 0; at < n;) {
        at += websocket_read(w, frame_max, control, in + at, n - at, text + o.text_len, &ev);
        if (ev.what == WEBSOCKET_MORE)
            break;
        o.last = ev;
        o.used = at;
        o.text_len += ev.what == WEBSOCKET_TEXT ? ev.len : 0;
    }
    return o;
}

static struct outcome read_all(uint32_t frame_max, const uint8_t *in, size_t n) {
    ws = (struct websocket){0};
    return read_from(&ws, frame_max, in, n);
}
#define READ(...)                                                                                  \
    read_all(SMALL, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* A frame whose mask is zeros, so that its payload reads as itself. */
static size_t frame(uint8_t *out, uint8_t first, size_t n, const void *payload) {
    size_t len = n <= 125 ? 0 : n <= 65535 ? 2 : 8;
    out[0] = first;
    out[1] = (uint8_t)(0x80 | (len == 0 ? n : len == 2 ? 126 : 127));
    for (size_t i = 0; i < len; i++)
        out[2 + i] = (uint8_t)((uint64_t)n >> 8 * (len - 1 - i));
    memset(out + 2 + len, 0, 4);
    if (n > 0)
        memcpy(out + 6 + len, payload, n);
    return 6 + len + n;
}

/* Its input fails with this code at the byte before `used`. */
static void fails(struct outcome o, uint16_t code, size_t used, int line) {
    cr_expect_eq(o.last.what, WEBSOCKET_FAILED, "line %d: %d", line, o.last.what);
    cr_expect_eq(o.last.code, code, "line %d: %d", line, o.last.code);
    cr_expect_eq(o.used, used, "line %d: %zu", line, o.used);
}
#define FAILS(outcome, code, used) fails(outcome, code, used, __LINE__)

static void is_text(struct outcome o, const char *expected) {
    cr_expect_eq(o.last.what, WEBSOCKET_TEXT, "%s: %d", expected, o.last.what);
    cr_expect(o.last.end, "%s", expected);
    cr_expect(o.text_len == strlen(expected) && memcmp(text, expected, o.text_len) == 0, "%s: %.*s",
              expected, (int)o.text_len, text);
}

/* ---- RFC 6455 5.7, masked as a client's are ---- */

Test(websocket, examples_of_the_rfc) {
    is_text(READ(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), "Hello");
    is_text(READ(0x01, 0x83, 0, 0, 0, 0, 'H', 'e', 'l', 0x80, 0x82, 0, 0, 0, 0, 'l', 'o'), "Hello");
    struct outcome o = READ(0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
    cr_expect_eq(o.last.what, WEBSOCKET_PING);
    cr_expect_eq(o.last.len, 5);
    cr_expect_arr_eq(control, "Hello", 5);
}

Test(websocket, a_pong_is_not_kept) {
    memset(control, '-', sizeof control);
    struct outcome o = READ(0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
    cr_expect_eq(o.last.what, WEBSOCKET_PONG);
    cr_expect_eq(o.used, 11);
    cr_expect_arr_eq(control, "-----", 5);
}

/* ---- the byte at which input fails ---- */

Test(websocket, a_head_fails_at_its_first_wrong_byte) {
    for (unsigned c = 0; c < 256; c++) {
        unsigned opcode = c & 15;
        bool good = !(c & 0x70) && (opcode == 1 || (opcode >= 8 && opcode <= 10 && c & 0x80));
        struct outcome o = READ((uint8_t)c, 0x80);
        if (good)
            cr_expect_eq(o.used, 0, "%02x", c);
        else
            FAILS(o, opcode == 2 && !(c & 0x70) ? WEBSOCKET_UNSUPPORTED : WEBSOCKET_PROTOCOL_ERROR,
                  1);
    }
}

Test(websocket, no_mask) {
    FAILS(READ(0x81, 0x05, 'H', 'e', 'l', 'l', 'o'), WEBSOCKET_PROTOCOL_ERROR, 2);
    FAILS(READ(0x81, 0x00), WEBSOCKET_PROTOCOL_ERROR, 2);
    FAILS(READ(0x81, 126, 0, 200), WEBSOCKET_PROTOCOL_ERROR, 2);
    FAILS(READ(0x89, 0x00), WEBSOCKET_PROTOCOL_ERROR, 2);
    FAILS(READ(0x88, 0x02, 3, 0xE8), WEBSOCKET_PROTOCOL_ERROR, 2);
}

Test(websocket, a_length_has_its_shortest_form) {
    FAILS(READ(0x81, 0xFE, 0, 0), WEBSOCKET_PROTOCOL_ERROR, 4);
    FAILS(READ(0x81, 0xFE, 0, 5), WEBSOCKET_PROTOCOL_ERROR, 4);
    FAILS(READ(0x81, 0xFE, 0, 125), WEBSOCKET_PROTOCOL_ERROR, 4);
    cr_expect_eq(READ(0x81, 0xFE, 0, 126).used, 0);
    FAILS(READ(0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5), WEBSOCKET_PROTOCOL_ERROR, 8);
    FAILS(READ(0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF), WEBSOCKET_PROTOCOL_ERROR, 8);
    FAILS(READ(0x81, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0), WEBSOCKET_PROTOCOL_ERROR, 3);
}

Test(websocket, control_frames_are_short) {
    FAILS(READ(0x88, 0xFE, 0, 126), WEBSOCKET_PROTOCOL_ERROR, 2);
    FAILS(READ(0x89, 0xFE, 0, 5), WEBSOCKET_PROTOCOL_ERROR, 2);
    FAILS(READ(0x8A, 0xFF), WEBSOCKET_PROTOCOL_ERROR, 2);
}

Test(websocket, frames_beyond_the_limit_fail_before_their_payload) {
    FAILS(READ(0x81, 0xFE, SMALL >> 8, (SMALL & 255) + 1), WEBSOCKET_TOO_BIG, 4);
    FAILS(READ(0x81, 0xFE, 0xFF, 0xFF), WEBSOCKET_TOO_BIG, 4);
    FAILS(READ(0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0), WEBSOCKET_TOO_BIG, 10);
    FAILS(READ(0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1), WEBSOCKET_TOO_BIG, 10);
    FAILS(READ(0x81, 0xFF, 0, 0, 0, 0, 1, 1, 0), WEBSOCKET_TOO_BIG, 9);
    FAILS(READ(0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF), WEBSOCKET_TOO_BIG, 5);
}

Test(websocket, a_message_of_the_limit_and_of_one_byte_more) {
    static uint8_t in[2 * SENT_MAX], payload[SENT_MAX];
    memset(payload, 'x', sizeof payload);
    static const uint32_t limits[] = {1, 125, 126, 640, 6 * 4096 + 256, 65535, 65536};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint32_t max = limits[i];
        size_t n = frame(in, 0x81, max, payload);
        struct outcome o = read_all(max, in, n);
        cr_expect(o.last.end && o.used == n && o.text_len == max, "%u", max);
        o = read_from(&ws, max, in, n); /* the next message begins at zero */
        cr_expect(o.last.end && o.text_len == max, "%u", max);
        n = frame(in, 0x81, max + 1, payload);
        cr_expect_eq(read_all(max, in, n).last.code, WEBSOCKET_TOO_BIG, "%u", max);
        /* in fragments, with a ping between them */
        n = frame(in, 0x01, max - max / 3, payload);
        n += frame(in + n, 0x89, 125, payload);
        size_t whole = n + frame(in + n, 0x80, max / 3, payload);
        o = read_all(max, in, whole);
        cr_expect(o.last.end && o.used == whole && o.text_len == max, "%u", max);
        n += frame(in + n, 0x00, max / 3, payload);
        n += frame(in + n, 0x80, 1, payload);
        FAILS(read_all(max, in, n), WEBSOCKET_TOO_BIG, n - 5);
    }
}

Test(websocket, text_fails_at_the_byte_that_no_other_can_mend) {
    FAILS(READ(0x01, 0x85, 0, 0, 0, 0, 'a', 0xE2, 0x82, 'b', 'c'), WEBSOCKET_BAD_UTF8, 10);
    FAILS(READ(0x01, 0x82, 0, 0, 0, 0, 0xE0, 0x9F), WEBSOCKET_BAD_UTF8, 8);
    FAILS(READ(0x01, 0x84, 0, 0, 0, 0, 0xF4, 0x90), WEBSOCKET_BAD_UTF8, 8);
    FAILS(READ(0x01, 0x84, 0, 0, 0, 0, 0xC0), WEBSOCKET_BAD_UTF8, 7);
    /* a character that the message's end cuts, in its last frame, before an empty one, and where
     * more of the frame is yet to come */
    FAILS(READ(0x81, 0x83, 0, 0, 0, 0, 'a', 0xE2, 0x82), WEBSOCKET_BAD_UTF8, 9);
    FAILS(READ(0x01, 0x81, 0, 0, 0, 0, 0xE2, 0x80, 0x81, 0, 0, 0, 0, 0x82), WEBSOCKET_BAD_UTF8, 14);
    FAILS(READ(0x01, 0x81, 0, 0, 0, 0, 0xE2, 0x80, 0x80, 0, 0, 0, 0), WEBSOCKET_BAD_UTF8, 13);
    cr_expect_eq(READ(0x81, 0x83, 0, 0, 0, 0, 'a', 0xE2).used, 8);
    /* a message does not continue the one before */
    is_text(READ(0x81, 0x82, 0, 0, 0, 0, 0xC3, 0xA4), "\303\244");
    FAILS(READ(0x81, 0x82, 0, 0, 0, 0, 0xC3, 0xA4, 0x81, 0x81, 0, 0, 0, 0, 0xA4),
          WEBSOCKET_BAD_UTF8, 15);
}

Test(websocket, text_before_the_byte_that_fails_is_given) {
    struct outcome o = READ(0x81, 0x85, 0, 0, 0, 0, 'a', 'b', 0xC3, 0xFF, 'c');
    FAILS(o, WEBSOCKET_BAD_UTF8, 10);
    cr_expect_eq(o.text_len, 3);
    o = READ(0x81, 0x84, 0, 0, 0, 0, 'a', 'b', 0xE2, 0x82); /* cut by the message's end */
    FAILS(o, WEBSOCKET_BAD_UTF8, 10);
    cr_expect_eq(o.text_len, 3);
}

/* Against the other decoder of the program, with every pair of first bytes and the bounds of the
 * others. */
Test(websocket, utf8_is_what_it_is_elsewhere) {
    static const uint8_t bounds[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    enum { BOUNDS = sizeof bounds };
    uint8_t in[16], bytes[4];
    for (size_t i = 0; i < 65536u * BOUNDS * BOUNDS; i++) {
        size_t rest = i / 65536;
        bytes[0] = (uint8_t)i;
        bytes[1] = (uint8_t)(i >> 8);
        bytes[2] = bounds[rest % BOUNDS];
        bytes[3] = bounds[rest / BOUNDS];
        size_t n = rest == 0 ? 1 + i % 2 : rest < BOUNDS ? 3 : 4;
        bool valid = unicode_valid((const char *)bytes, n);
        struct outcome o = read_all(SMALL, in, frame(in, 0x81, n, bytes));
        cr_assert_eq(o.last.what == WEBSOCKET_TEXT && o.last.end, valid, "%02x%02x%02x%02x %zu",
                     bytes[0], bytes[1], bytes[2], bytes[3], n);
    }
}

/* ---- closing ---- */

Test(websocket, every_close_code) {
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool valid = (code >= 1000 && code < 1015 && (code < 1004 || code > 1006)) ||
                     (code >= 3000 && code < 5000);
        struct outcome o = READ(0x88, 0x82, 0, 0, 0, 0, (uint8_t)(code >> 8), (uint8_t)code);
        cr_assert_eq(o.last.what, valid ? WEBSOCKET_CLOSE : WEBSOCKET_FAILED, "%u", code);
        cr_assert_eq(o.last.code, valid ? code : WEBSOCKET_PROTOCOL_ERROR, "%u", code);
    }
}

Test(websocket, nothing_behind_a_close_or_a_failure_is_read) {
    static const uint8_t more[] = {0x81, 0x81, 0, 0, 0, 0, 'a', 0xFF, 0xFF};
    READ(0x88, 0x80, 0, 0, 0, 0);
    struct outcome o = read_from(&ws, SMALL, more, sizeof more);
    cr_expect(o.used == 0 && o.text_len == 0);
    READ(0xFF);
    o = read_from(&ws, SMALL, more, sizeof more);
    cr_expect(o.used == 0 && o.text_len == 0);
    struct websocket_event ev;
    cr_expect_eq(websocket_read(&ws, SMALL, control, more, sizeof more, text, &ev), sizeof more);
    cr_expect_eq(ev.what, WEBSOCKET_MORE);
}

/* ---- replay ---- */

static const uint8_t session[] = {
    0x01, 0x86, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x39, /* "Hello", C3 */
    0x89, 0x84, 0x11, 0x22, 0x33, 0x44, 0x61, 0x4b, 0x5d, 0x23,             /* ping "ping" */
    0x80, 0x83, 0xa1, 0xb2, 0xc3, 0xd4, 0x05, 0x93, 0xe2,                   /* A4, "!!" */
    0x88, 0x84, 0x55, 0x66, 0x77, 0x88, 0x56, 0x8e, 0x15, 0xf1,             /* 1000, "by" */
};

/* Reads on, up to an event that is to be committed, and dies: what it wrote stays. */
static void read_and_die(struct websocket dying, const uint8_t *in, size_t n) {
    struct websocket_event ev = {.what = WEBSOCKET_MORE};
    uint8_t lost[sizeof session];
    for (size_t at = 0; at < n && ev.what != WEBSOCKET_PING;)
        at += websocket_read(&dying, SMALL, control, in + at, n - at, lost, &ev);
}

/* Before each byte of a session that is read and committed, a reader went `ahead` bytes further and
 * died: the bytes that it unmasked are unmasked again, to the same text. */
Test(websocket, a_death_before_the_commit_unmasks_nothing_twice) {
    uint8_t in[sizeof session], out[sizeof session];
    memcpy(in, session, sizeof in);
    for (size_t ahead = 0; ahead <= sizeof session; ahead++) {
        struct websocket_event ev = {.what = WEBSOCKET_MORE};
        size_t text_len = 0, pings = 0;
        ws = (struct websocket){0};
        for (size_t at = 0; at < sizeof session; at++) {
            read_and_die(ws, in + at, ahead < sizeof in - at ? ahead : sizeof in - at);
            websocket_read(&ws, SMALL, control, in + at, 1, out + text_len, &ev);
            cr_assert_arr_eq(in, session, sizeof in);
            text_len += ev.what == WEBSOCKET_TEXT ? ev.len : 0;
            pings += ev.what == WEBSOCKET_PING && ev.len == 4 && memcmp(control, "ping", 4) == 0;
        }
        cr_expect(ev.what == WEBSOCKET_CLOSE && ev.code == 1000, "%zu ahead", ahead);
        cr_expect_arr_eq(control + 2, "by", 2, "%zu ahead", ahead);
        cr_expect_eq(pings, 1, "%zu ahead", ahead);
        cr_expect_eq(text_len, 9, "%zu ahead", ahead);
        cr_expect_arr_eq(out, "Hello\303\244!!", 9, "%zu ahead", ahead);
    }
}

Test(websocket, what_is_the_callers_stays) {
    ws = (struct websocket){.state = 7, .kept = 1};
    read_from(&ws, SMALL, session, sizeof session);
    cr_expect(ws.state == 7 && ws.kept == 1);
}

/* A client that says nothing keeps nothing. */
Test(websocket, between_messages_the_state_is_that_of_the_start) {
    const struct websocket start = {.state = 7, .kept = 1};
    uint8_t in[256], payload[125];
    memset(payload, 'x', sizeof payload);
    for (size_t i = 0; i < 4; i++) {
        static const uint8_t heads[] = {0x81, 0x89, 0x8A, 0x01};
        size_t n = frame(in, heads[i], sizeof payload, payload);
        in[3] = 0x20; /* of the mask */
        ws = start;
        read_from(&ws, SMALL, in, n - 1);
        cr_expect_neq(memcmp(&ws, &start, sizeof ws), 0);
        read_from(&ws, SMALL, in + n - 1, 1);
        if (heads[i] == 0x01)
            read_from(&ws, SMALL, in, frame(in, 0x80, 0, NULL));
        cr_expect_eq(memcmp(&ws, &start, sizeof ws), 0, "%02x", heads[i]);
    }
}

/* ---- what a client is sent ---- */

Test(websocket, the_head_of_a_frame) {
    uint8_t out[WEBSOCKET_HEAD_MAX];
    cr_expect_eq(websocket_head(0, WEBSOCKET_PING_FRAME, out), 2);
    cr_expect_arr_eq(out, "\x89\x00", 2);
    cr_expect_eq(websocket_head(125, WEBSOCKET_TEXT_FRAME, out), 2);
    cr_expect_arr_eq(out, "\x81\x7D", 2);
    cr_expect_eq(websocket_head(126, WEBSOCKET_TEXT_FRAME, out), 4);
    cr_expect_arr_eq(out, "\x81\x7E\x00\x7E", 4);
    cr_expect_eq(websocket_head(65535, WEBSOCKET_TEXT_FRAME, out), 4);
    cr_expect_arr_eq(out, "\x81\x7E\xFF\xFF", 4);
    cr_expect_eq(websocket_close(WEBSOCKET_GOING_AWAY, out), 4);
    cr_expect_arr_eq(out, "\x88\x02\x03\xE9", 4);
}

static bool accepts(const char *key, char accept[WEBSOCKET_ACCEPT_BYTES + 1]) {
    size_t n = strlen(key);
    char *exact = malloc(n + !n); /* of exactly its size, for sanitizers */
    memcpy(exact, key, n);
    memset(accept, 0, WEBSOCKET_ACCEPT_BYTES + 1);
    bool ok = websocket_accept(exact, n, accept);
    free(exact);
    return ok;
}

Test(websocket, the_answer_to_a_key) {
    char accept[WEBSOCKET_ACCEPT_BYTES + 1];
    cr_expect(accepts("dGhlIHNhbXBsZSBub25jZQ==", accept)); /* RFC 6455 1.3 */
    cr_expect_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    cr_expect(accepts("x3JJHMbDL1EzLkh9GBhXDw==", accept)); /* the example of Wikipedia */
    cr_expect_str_eq(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    static const char *const wrong[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZWU=",
        "dGhlIHNhbXBsZSBub25jZR==",
        "dGhlIHNhbXBsZSBub25jZQ== ",
        "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZSBvZiBpdCwgYW5kIG1vcmU=",
        "dGhlIHNhbXBsZSBub25j_Q==",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_not(accepts(wrong[i], accept), "%s", wrong[i]);
}

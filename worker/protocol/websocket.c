/* websocket.c - see websocket.h. */
#include "worker/protocol/websocket.h"

#include "ipc/unicode.h"
#include "worker/protocol/base64.h"
#include "worker/protocol/sha1.h"

#include <assert.h>
#include <string.h>

_Static_assert(offsetof(struct websocket, state) == 0, "struct http has its state there");

/* What the next byte belongs to. */
enum websocket_step {
    STEP_OPCODE,
    STEP_LENGTH,
    STEP_LENGTH_64, /* eight bytes, of which the last two are */
    STEP_LENGTH_16 = STEP_LENGTH_64 + 6,
    STEP_MASK = STEP_LENGTH_16 + 2, /* four bytes */
    STEP_PAYLOAD = STEP_MASK + 4,
    STEP_OVER, /* the connection is closed, or failed: what follows is not read */
};
_Static_assert(STEP_OVER < 1 << 4, "it fits struct websocket");

enum websocket_kind { FRAME_TEXT, FRAME_CLOSE, FRAME_PING, FRAME_PONG };

static void websocket_fail(struct websocket *ws, struct websocket_event *ev, uint16_t code) {
    ws->step = STEP_OVER;
    ev->what = WEBSOCKET_FAILED;
    ev->code = code;
}

/* ---- heads ---- */

static void websocket_in_opcode(struct websocket *ws, struct websocket_event *ev, uint8_t c) {
    uint8_t opcode = c & 0x0F;
    bool final = c & 0x80, reserved = c & 0x70, control = opcode >= WEBSOCKET_CLOSE_FRAME;
    if (reserved || opcode > WEBSOCKET_PONG_FRAME ||
        (opcode > WEBSOCKET_BINARY_FRAME && !control) || (control && !final) ||
        (!control && ws->started != (opcode == WEBSOCKET_CONTINUATION_FRAME))) {
        websocket_fail(ws, ev, WEBSOCKET_PROTOCOL_ERROR);
        return;
    }
    if (opcode == WEBSOCKET_BINARY_FRAME) {
        websocket_fail(ws, ev, WEBSOCKET_UNSUPPORTED);
        return;
    }
    ws->kind = control ? opcode - WEBSOCKET_CLOSE_FRAME + FRAME_CLOSE : FRAME_TEXT;
    ws->final = final;
    ws->started |= !control;
    ws->step = STEP_LENGTH;
}

/* The length is read: ws->left. */
static void websocket_length(struct websocket *ws, struct websocket_event *ev, uint32_t frame_max) {
    ws->got = 0;
    ws->step = STEP_MASK;
    if (ws->kind != FRAME_TEXT)
        return;
    if ((uint32_t)ws->left + ws->message > frame_max)
        websocket_fail(ws, ev, WEBSOCKET_TOO_BIG);
    else
        ws->message += ws->left;
}

static void websocket_in_length(struct websocket *ws, struct websocket_event *ev,
                                uint32_t frame_max, uint8_t c) {
    uint8_t len = c & 0x7F;
    bool masked = c & 0x80;
    if (!masked || (ws->kind != FRAME_TEXT && len > WEBSOCKET_CONTROL_MAX)) {
        websocket_fail(ws, ev, WEBSOCKET_PROTOCOL_ERROR);
        return;
    }
    if (len > 125) { /* ws->left is 0 between frames */
        ws->step = len == 126 ? STEP_LENGTH_16 : STEP_LENGTH_64;
        return;
    }
    ws->left = len;
    websocket_length(ws, ev, frame_max);
}

/* A byte of a longer form.  One that has its first bit set is no length (RFC 6455 5.2); one that is
 * beyond any frame_max is not read to its end; one that a shorter form has is wrong. */
static void websocket_in_long(struct websocket *ws, struct websocket_event *ev, uint32_t frame_max,
                              uint8_t c) {
    uint32_t length = (uint32_t)ws->left << 8 | c;
    if (ws->step == STEP_LENGTH_64 && c & 0x80) {
        websocket_fail(ws, ev, WEBSOCKET_PROTOCOL_ERROR);
        return;
    }
    if (length > WEBSOCKET_FRAME_MAX) {
        websocket_fail(ws, ev, WEBSOCKET_TOO_BIG);
        return;
    }
    ws->left = length;
    ws->step++;
    bool shorter = ws->step == STEP_LENGTH_16 ? length == 0 : ws->step == STEP_MASK && length < 126;
    if (shorter)
        websocket_fail(ws, ev, WEBSOCKET_PROTOCOL_ERROR);
    else if (ws->step == STEP_MASK)
        websocket_length(ws, ev, frame_max);
}

/* ---- text ---- */

/* What the next byte of UTF-8 must be, and what comes after it (RFC 3629 4; Unicode, table 3-7).
 * The narrow ranges keep out overlong forms, surrogates and numbers above U+10FFFF. */
enum websocket_utf8 {
    UTF8_LEAD,
    UTF8_LAST,
    UTF8_TWO,
    UTF8_E0,
    UTF8_ED,
    UTF8_THREE,
    UTF8_F0,
    UTF8_F4
};

static const struct {
    uint8_t low, high, next;
} websocket_following[] = {
    [UTF8_LAST] = {0x80, 0xBF, UTF8_LEAD}, [UTF8_TWO] = {0x80, 0xBF, UTF8_LAST},
    [UTF8_E0] = {0xA0, 0xBF, UTF8_LAST},   [UTF8_ED] = {0x80, 0x9F, UTF8_LAST},
    [UTF8_THREE] = {0x80, 0xBF, UTF8_TWO}, [UTF8_F0] = {0x90, 0xBF, UTF8_TWO},
    [UTF8_F4] = {0x80, 0x8F, UTF8_TWO},
};

/* Returns what is next after byte c, or -1: c may not be here. */
static int websocket_utf8(unsigned utf8, uint8_t c) {
    if (utf8 != UTF8_LEAD)
        return c < websocket_following[utf8].low || c > websocket_following[utf8].high
                   ? -1
                   : websocket_following[utf8].next;
    if (c < 0x80)
        return UTF8_LEAD;
    if (c < 0xC2 || c > 0xF4)
        return -1;
    if (c < 0xE0)
        return UTF8_LAST;
    if (c < 0xF0)
        return c == 0xE0 ? UTF8_E0 : c == 0xED ? UTF8_ED : UTF8_TWO;
    return c == 0xF0 ? UTF8_F0 : c == 0xF4 ? UTF8_F4 : UTF8_THREE;
}

/* Copies out what is there of the frame's text, up to a byte that is wrong; that one fails when it
 * is the first. */
static size_t websocket_text(struct websocket *ws, struct websocket_event *ev, const uint8_t *in,
                             size_t n, uint8_t *out) {
    size_t len = 0;
    for (; len < n && ws->left > 0; len++) {
        uint8_t c = in[len] ^ ws->mask[ws->got & 3];
        int next = websocket_utf8(ws->utf8, c);
        bool last = ws->final && ws->left == 1;
        if (next < 0 || (last && next != UTF8_LEAD))
            break;
        out[len] = c;
        ws->utf8 = (unsigned)next & 7;
        ws->got++;
        ws->left--;
    }
    if (len == 0) {
        websocket_fail(ws, ev, WEBSOCKET_BAD_UTF8);
        return 1;
    }
    ev->what = WEBSOCKET_TEXT;
    ev->len = len;
    return len;
}

static void websocket_text_ends(struct websocket *ws, struct websocket_event *ev) {
    if (!ws->final)
        return;
    if (ws->utf8 != UTF8_LEAD) { /* the last frame is empty */
        websocket_fail(ws, ev, WEBSOCKET_BAD_UTF8);
        return;
    }
    ev->what = WEBSOCKET_TEXT;
    ev->end = true;
    ws->started = false;
    ws->message = 0;
}

/* ---- control frames ---- */

static size_t websocket_control(struct websocket *ws, uint8_t *control, const uint8_t *in,
                                size_t n) {
    size_t len = n < ws->left ? n : ws->left;
    for (size_t i = 0; i < len; i++) {
        if (ws->kind != FRAME_PONG)
            control[ws->got] = in[i] ^ ws->mask[ws->got & 3];
        ws->got++;
        ws->left--;
    }
    return len;
}

/* Whether a peer may send it: 1004 to 1006 and 1015 are reserved, and codes up to 2999 that IANA
 * has not registered. */
static bool websocket_code_is_valid(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void websocket_closed(struct websocket *ws, struct websocket_event *ev,
                             const uint8_t *control) {
    uint16_t code = WEBSOCKET_NO_CODE;
    if (ws->got >= 2)
        code = (uint16_t)(control[0] << 8 | control[1]);
    if (ws->got > 0 && !websocket_code_is_valid(code)) { /* or half of one */
        websocket_fail(ws, ev, WEBSOCKET_PROTOCOL_ERROR);
    } else if (ws->got > 2 && !unicode_valid((const char *)control + 2, ws->got - 2u)) {
        websocket_fail(ws, ev, WEBSOCKET_BAD_UTF8);
    } else {
        ws->step = STEP_OVER;
        ev->what = WEBSOCKET_CLOSE;
        ev->code = code;
    }
}

/* ---- the whole ---- */

/* Of a frame only what concerns its message stays. */
static void websocket_frame_ends(struct websocket *ws, struct websocket_event *ev,
                                 const uint8_t *control) {
    ws->step = STEP_OPCODE;
    switch ((enum websocket_kind)ws->kind) {
    case FRAME_TEXT: websocket_text_ends(ws, ev); break;
    case FRAME_CLOSE: websocket_closed(ws, ev, control); break;
    case FRAME_PING:
        ev->what = WEBSOCKET_PING;
        ev->len = ws->got;
        break;
    case FRAME_PONG: ev->what = WEBSOCKET_PONG; break;
    }
    if (ws->step == STEP_OPCODE)
        *ws = (struct websocket){.state = ws->state,
                                 .kept = ws->kept,
                                 .started = ws->started,
                                 .message = ws->message,
                                 .utf8 = ws->utf8};
}

static void websocket_in_head(struct websocket *ws, struct websocket_event *ev, uint32_t frame_max,
                              uint8_t c) {
    if (ws->step == STEP_OPCODE)
        websocket_in_opcode(ws, ev, c);
    else if (ws->step == STEP_LENGTH)
        websocket_in_length(ws, ev, frame_max, c);
    else if (ws->step < STEP_MASK)
        websocket_in_long(ws, ev, frame_max, c);
    else
        ws->mask[ws->step++ - STEP_MASK] = c;
}

size_t websocket_read(struct websocket *ws, uint32_t frame_max,
                      uint8_t control[WEBSOCKET_CONTROL_MAX], const uint8_t *in, size_t n,
                      uint8_t *out, struct websocket_event *ev) {
    size_t at = 0;
    *ev = (struct websocket_event){.what = WEBSOCKET_MORE};
    while (at < n && ev->what == WEBSOCKET_MORE) {
        if (ws->step == STEP_OVER)
            return n;
        if (ws->step < STEP_PAYLOAD)
            websocket_in_head(ws, ev, frame_max, in[at++]);
        else if (ws->kind == FRAME_TEXT)
            at += websocket_text(ws, ev, in + at, n - at, out);
        else
            at += websocket_control(ws, control, in + at, n - at);
        if (ws->step == STEP_PAYLOAD && ws->left == 0)
            websocket_frame_ends(ws, ev, control);
    }
    return at;
}

/* ---- what a client is sent ---- */

size_t websocket_head(size_t len, enum websocket_opcode opcode, uint8_t out[WEBSOCKET_HEAD_MAX]) {
    assert(len <= UINT16_MAX);
    out[0] = (uint8_t)(0x80 | opcode);
    if (len <= 125) {
        out[1] = (uint8_t)len;
        return 2;
    }
    out[1] = 126;
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    return 4;
}

size_t websocket_close(uint16_t code, uint8_t out[WEBSOCKET_CLOSE_BYTES]) {
    out[0] = 0x80 | WEBSOCKET_CLOSE_FRAME;
    out[1] = 2;
    out[2] = (uint8_t)(code >> 8);
    out[3] = (uint8_t)code;
    return WEBSOCKET_CLOSE_BYTES;
}

bool websocket_accept(const char *key, size_t key_len, char out[WEBSOCKET_ACCEPT_BYTES]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    enum { KEY_BYTES = 16, KEY_LEN = BASE64_LEN(KEY_BYTES) };
    uint8_t bytes[KEY_BYTES], hash[SHA1_BYTES];
    char text[KEY_LEN + sizeof guid - 1];
    size_t n;
    if (!base64_decode(key, key_len, bytes, sizeof bytes, &n) || n != KEY_BYTES)
        return false;
    memcpy(text, key, KEY_LEN);
    memcpy(text + KEY_LEN, guid, sizeof guid - 1);
    sha1(text, sizeof text, hash);
    base64_encode(hash, sizeof hash, out);
    return true;
}

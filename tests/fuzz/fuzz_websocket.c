/* fuzz_websocket.c - reads any bytes as a client's frames, and asserts:
 *
 *   - the text, the events and the state do not depend on how the bytes are split;
 *   - nor on what a reader had read, and not committed, when it died;
 *   - what is read is not written to: it can be read again;
 *   - text is UTF-8, no message is beyond the limit, and a control frame's payload beyond 125
 * bytes;
 *   - input fails with a code that this codec fails with, and is not read further.
 *
 * The first two bytes say how the others are split, the third the limit. */
#include "ipc/unicode.h"
#include "worker/protocol/websocket.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

enum { INPUT_MAX = 8192, SAID_MAX = 4 * INPUT_MAX };

/* All that a reader gave: text as it is, and each event's number, length and payload. */
struct reader {
    struct websocket ws;
    uint8_t control[WEBSOCKET_CONTROL_MAX];
    uint8_t said[SAID_MAX];
    size_t said_len;
    uint8_t message[INPUT_MAX];
    size_t message_len;
    uint16_t failed;
};

static void say(struct reader *r, const void *bytes, size_t n) {
    MUST(r->said_len + n <= SAID_MAX);
    memcpy(r->said + r->said_len, bytes, n);
    r->said_len += n;
}

static void take_text(struct reader *r, const struct websocket_event *ev, const uint8_t *out,
                      uint32_t frame_max) {
    memcpy(r->message + r->message_len, out, ev->len);
    r->message_len += ev->len;
    MUST(r->message_len <= frame_max);
    say(r, out, ev->len);
    if (!ev->end)
        return;
    MUST(unicode_valid((const char *)r->message, r->message_len));
    say(r,
        "\xFF"
        "end",
        4);
    r->message_len = 0;
}

static void take(struct reader *r, const struct websocket_event *ev, const uint8_t *out,
                 uint32_t frame_max) {
    uint8_t what[4] = {0xFF, (uint8_t)ev->what, (uint8_t)(ev->code >> 8), (uint8_t)ev->code};
    MUST(!r->failed || ev->what == WEBSOCKET_MORE);
    if (ev->what == WEBSOCKET_TEXT) {
        take_text(r, ev, out, frame_max);
    } else if (ev->what != WEBSOCKET_MORE) {
        MUST(ev->len <= WEBSOCKET_CONTROL_MAX);
        say(r, what, sizeof what);
        say(r, r->control, ev->len);
    }
    if (ev->what == WEBSOCKET_FAILED || ev->what == WEBSOCKET_CLOSE)
        r->failed = ev->code;
    if (ev->what == WEBSOCKET_FAILED)
        MUST(ev->code == 1002 || ev->code == 1003 || ev->code == 1007 || ev->code == 1009);
}

/* One event, out of and into memory of exactly its size. */
static size_t read_one(struct websocket *ws, struct reader *r, uint32_t frame_max,
                       const uint8_t *in, size_t n, struct websocket_event *ev, uint8_t *out) {
    uint8_t *exact = malloc(n), *text = malloc(n);
    MUST(exact && text);
    memcpy(exact, in, n);
    size_t used = websocket_read(ws, frame_max, r->control, exact, n, text, ev);
    MUST(used > 0 && used <= n && (used == n || ev->what != WEBSOCKET_MORE));
    MUST(ev->what != WEBSOCKET_TEXT || ev->len <= n);
    MUST(memcmp(exact, in, n) == 0);
    if (ev->what == WEBSOCKET_TEXT)
        memcpy(out, text, ev->len);
    free(exact);
    free(text);
    return used;
}

/* Goes on up to an event that is to be committed, and dies. */
static void read_and_die(struct reader *r, uint32_t frame_max, const uint8_t *in, size_t n) {
    static uint8_t out[INPUT_MAX];
    struct websocket dying = r->ws;
    struct websocket_event ev = {.what = WEBSOCKET_MORE};
    for (size_t at = 0; at < n && ev.what != WEBSOCKET_PING;)
        at += read_one(&dying, r, frame_max, in + at, n - at, &ev, out);
}

static void read_all(struct reader *r, uint32_t frame_max, const uint8_t *in, size_t n,
                     uint8_t part, uint8_t ahead) {
    static uint8_t out[INPUT_MAX];
    memset(r, 0, sizeof *r);
    for (size_t at = 0; at < n;) {
        size_t now = part == 0 || part > n - at ? n - at : part;
        struct websocket_event ev;
        read_and_die(r, frame_max, in + at, ahead > n - at ? n - at : ahead);
        at += read_one(&r->ws, r, frame_max, in + at, now, &ev, out);
        take(r, &ev, out, frame_max);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reader whole, split;
    if (size < 3 || size > INPUT_MAX)
        return 0;
    uint32_t frame_max = data[2] == 255 ? WEBSOCKET_FRAME_MAX : data[2] * 8u;
    read_all(&whole, frame_max, data + 3, size - 3, 0, 0);
    read_all(&split, frame_max, data + 3, size - 3, data[0], data[1]);
    MUST(memcmp(&whole.ws, &split.ws, sizeof whole.ws) == 0 && whole.failed == split.failed);
    MUST(whole.said_len == split.said_len && memcmp(whole.said, split.said, whole.said_len) == 0);
    return 0;
}

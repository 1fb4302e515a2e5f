/* web.c - frames: only their heads are parsed, so that receiving stays as cheap as looking for `^`.
 *
 * A line is the text of an event and stands at its end (gen.h), so one look at one place tells an
 * event with a line from any other. */
#include "tests/bench/gen/child.h"
#include "tests/lib/frame.h"

#include <sys/socket.h>

size_t frame_close(char *room, size_t len, uint32_t mask) {
    char *payload = room + FRAME_HEAD_MAX, key[FRAME_MASK];
    memcpy(key, &mask, sizeof key);
    frame_mask(payload, len, key);
    char *at = frame_before(payload, len, FRAME_TEXT, true);
    memcpy(payload - FRAME_MASK, key, sizeof key);
    size_t whole = (size_t)(payload + len - at);
    memmove(room, at, whole);
    return whole;
}

/* Without what the ping said, which is nothing (ours) or nothing that anybody compares. */
static void frame_pong(struct child *c, struct client *cl) {
    static const char pong[] = {(char)0x8a, (char)0x80, 1, 2, 3, 4};
    if (send(cl->fd, pong, sizeof pong, MSG_NOSIGNAL) != sizeof pong)
        client_lost(c, cl);
}

static void frame_take(struct child *c, struct client *cl, const struct frame *f, char *payload,
                       uint64_t now) {
    uint32_t bytes = c->sh->run.bytes;
    if (f->opcode == FRAME_PING)
        frame_pong(c, cl);
    else if (f->opcode == FRAME_CLOSE)
        client_lost(c, cl);
    else if (f->opcode != FRAME_TEXT || f->masked)
        c->result->torn++;
    else if (cl->step != STEP_DONE)
        handshake_feed(c, cl, payload, f->len);
    else if (f->len >= bytes && payload[f->len - bytes] == '^')
        line_check(c, cl, payload + f->len - bytes, now);
}

void frames_feed(struct child *c, struct client *cl, char *at, char *end) {
    struct frame f;
    uint64_t now = now_ns();
    if (!cl->framed) {
        char *head = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
        cl->framed = head != NULL;
        at = head ? head + 4 : at;
    }
    while (cl->framed && cl->fd >= 0 && frame_read(&f, at, (size_t)(end - at)) && f.whole) {
        frame_take(c, cl, &f, at + f.head, now);
        at += f.head + f.len;
    }
    size_t rest = (size_t)(end - at);
    if (cl->fd >= 0 && rest > FRAME_MAX)
        client_lost(c, cl);
    else if (cl->fd >= 0 && rest > 0)
        client_keep(cl, at, rest);
}

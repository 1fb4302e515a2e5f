/* browser.c - see browser.h. */
#include "tests/lib/browser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <iconv.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BROWSER_HEAD = 14 };

static struct browser *browsers;

/* RFC 6455 1.3: its example. */
static const char browser_key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char browser_accept[] = "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

uint16_t browser_port_at(struct where where, struct server *s) {
    const char *line = server_logged_at(where, s, "browsers"), *at = strstr(line, "browsers");
    int port = 0;
    while ((at = strchr(at, ':')) != NULL && sscanf(at, ":%d", &port) != 1)
        at++;
    if (port <= 0)
        fail_at(where, "no port: %s", line);
    return (uint16_t)port;
}

/* ---- bytes ---- */

static bool browser_receive(struct browser *b) {
    if (b->ended)
        return false;
    if (b->at > b->size / 2) {
        memmove(b->data, b->data + b->at, b->len - b->at);
        b->len -= b->at;
        b->at = 0;
    }
    if (b->size - b->len < 65536)
        b->data = realloc(b->data, b->size = b->size * 2 + 65536);
    ssize_t n = recv(b->fd, b->data + b->len, b->size - b->len, MSG_DONTWAIT);
    if (n > 0)
        b->len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        b->ended = true;
    return !b->ended;
}

size_t browser_pending(struct browser *b) {
    size_t before;
    do {
        before = b->len - b->at;
        browser_receive(b);
    } while (b->len - b->at > before);
    return b->len - b->at;
}

void browser_send_at(struct where where, struct browser *b, const void *bytes, size_t len) {
    int64_t deadline = wait_deadline();
    for (size_t sent = 0; sent < len;) {
        ssize_t n =
            send(b->fd, (const char *)bytes + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            fail_at(where, "%s: send: %s", b->endpoint, strerror(errno));
        else if (!wait_fd(b->fd, POLLOUT, deadline))
            fail_at(where, "%s: the server takes no more input", b->endpoint);
    }
}

size_t browser_mask(uint8_t *out, int what, const void *bytes, size_t len) {
    static uint32_t seed = 0x9E3779B9u;
    size_t at = 2;
    out[0] = (uint8_t)((what & BROWSER_MORE ? 0 : 0x80) | (what & 0x0F));
    out[1] = (uint8_t)(0x80 | (len < 126 ? len : len < 65536 ? 126 : 127));
    int digits = len < 126 ? 0 : len < 65536 ? 2 : 8;
    while (digits-- > 0)
        out[at++] = (uint8_t)((uint64_t)len >> 8 * digits);
    seed = seed * 1664525u + 1013904223u;
    memcpy(out + at, &seed, 4);
    for (size_t i = 0; i < len; i++)
        out[at + 4 + i] = ((const uint8_t *)bytes)[i] ^ out[at + i % 4];
    return at + 4 + len;
}

void browser_frame_at(struct where where, struct browser *b, int what, const void *bytes,
                      size_t len) {
    uint8_t *frame = malloc(len + BROWSER_HEAD);
    size_t n = browser_mask(frame, what, bytes, len);
    browser_send_at(where, b, frame, n);
    free(frame);
}

/* ---- connecting ---- */

static void browser_name(struct browser *b) {
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    char text[INET_ADDRSTRLEN];
    getsockname(b->fd, (struct sockaddr *)&own, &len);
    inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
    snprintf(b->endpoint, sizeof b->endpoint, "%s:%u", text, ntohs(own.sin_port));
}

static void browser_open(struct where where, struct browser *b, uint16_t port,
                         const struct browser_how *how) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)}, from = to;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(b->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (how->receive_buffer)
        setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &how->receive_buffer, sizeof how->receive_buffer);
    from.sin_port = 0;
    if (how->from && (inet_pton(AF_INET, how->from, &from.sin_addr) != 1 ||
                      bind(b->fd, (struct sockaddr *)&from, sizeof from) < 0))
        fail_at(where, "bind %s: %s", how->from, strerror(errno));
    if (connect(b->fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail_at(where, "connect to port %u: %s", port, strerror(errno));
    browser_name(b);
}

/* The answer to the request; what follows it stays. */
static void browser_upgraded(struct where where, struct browser *b) {
    int64_t deadline = wait_deadline();
    uint8_t *end = NULL;
    while (!end) {
        end = b->len > 0 ? memmem(b->data, b->len, "\r\n\r\n", 4) : NULL;
        if (end || b->ended)
            break;
        if (!wait_fd(b->fd, POLLIN, deadline))
            fail_at(where, "%s: no answer to the request", b->endpoint);
        browser_receive(b);
    }
    if (!end || memcmp(b->data, "HTTP/1.1 101 ", 13) != 0 ||
        !memmem(b->data, (size_t)(end + 2 - b->data), browser_accept, strlen(browser_accept)))
        fail_at(where, "%s: no WebSocket: %.*s", b->endpoint, (int)b->len, (char *)b->data);
    b->at = (size_t)(end + 4 - b->data);
}

struct browser *browser_connect_at(struct where where, struct server *s, struct browser_how how) {
    struct browser *b = calloc(1, sizeof *b);
    char request[512];
    uint16_t port = browser_port_at(where, s);
    b->next = browsers;
    browsers = b;
    browser_open(where, b, port, &how);
    snprintf(request, sizeof request,
             "%sGET /chat HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n"
             "%s%s%s%s\r\n",
             how.before ? how.before : "", port, browser_key, how.origin ? "Origin: " : "",
             how.origin ? how.origin : "", how.origin ? "\r\n" : "", how.fields ? how.fields : "");
    browser_send_at(where, b, request, strlen(request));
    browser_upgraded(where, b);
    return b;
}

struct browser *browser_enter_at(struct where where, struct server *s, const char *name,
                                 struct browser_how how) {
    struct browser *b = browser_connect_at(where, s, how);
    browser_say_at(where, b, "{'do':'login','name':'%s'}", name);
    browser_until_at(where, b, "{'ev':'join','who':'%s'}", name);
    return b;
}

void browser_close(struct browser *b) {
    close(b->fd);
    b->fd = -1;
}

/* ---- saying ---- */

void browser_type_at(struct where where, struct browser *b, const char *fmt, ...) {
    char text[BROWSER_EVENT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    browser_frame_at(where, b, BROWSER_TEXT, text, strlen(text));
}

void browser_say_at(struct where where, struct browser *b, const char *fmt, ...) {
    char text[BROWSER_EVENT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p == '`' ? '\'' : *p;
    browser_frame_at(where, b, BROWSER_TEXT, text, strlen(text));
}

/* ---- reading ---- */

struct browser_got {
    int opcode;
    const uint8_t *payload;
    size_t len;
};

/* The length of a frame's head, with what it says of the payload; 0: more is wanted. */
static size_t browser_head(struct where where, const struct browser *b, size_t *len) {
    const uint8_t *head = b->data + b->at;
    size_t have = b->len - b->at;
    if (have < 2)
        return 0;
    if ((head[0] & 0xF0) != 0x80 || head[1] & 0x80 || head[1] == 127)
        fail_at(where, "%s: a frame begins with %02x %02x", b->endpoint, head[0], head[1]);
    *len = head[1];
    if (*len < 126)
        return 2;
    if (have < 4)
        return 0;
    *len = (size_t)head[2] << 8 | head[3];
    if (*len < 126)
        fail_at(where, "%s: a long head for %zu bytes", b->endpoint, *len);
    return 4;
}

/* False: the connection has ended. */
static bool browser_got(struct where where, struct browser *b, struct browser_got *got) {
    int64_t deadline = wait_deadline();
    for (;;) {
        size_t len = 0, head = browser_head(where, b, &len);
        if (head > 0 && b->len - b->at >= head + len) {
            *got = (struct browser_got){b->data[b->at] & 0x0F, b->data + b->at + head, len};
            b->at += head + len;
            return true;
        }
        if (b->ended && b->len > b->at)
            fail_at(where, "%s: the last frame is cut", b->endpoint);
        if (b->ended)
            return false;
        if (!wait_fd(b->fd, POLLIN, deadline))
            fail_at(where, "%s: no frame came", b->endpoint);
        browser_receive(b);
    }
}

static void browser_check(struct where where, const struct browser *b,
                          const struct browser_got *got) {
    for (size_t i = 0; i < got->len; i++)
        if (got->payload[i] < 0x20)
            fail_at(where, "%s: byte %02x in an event: %.*s", b->endpoint, got->payload[i],
                    (int)got->len, (const char *)got->payload);
    char *in = (char *)got->payload, *copy = malloc(got->len + 4), *out = copy;
    size_t left = got->len, room = got->len + 4;
    iconv_t codec = iconv_open("UTF-8", "UTF-8");
    bool valid = iconv(codec, &in, &left, &out, &room) != (size_t)-1;
    iconv_close(codec);
    free(copy);
    if (!valid || got->len >= BROWSER_EVENT_MAX)
        fail_at(where, "%s: not an event: %.*s", b->endpoint, (int)got->len,
                (const char *)got->payload);
}

/* Takes `,"key":"value"` out of the event. */
static void browser_take(struct browser *b, const char *key, char *value, size_t size) {
    char mark[32];
    snprintf(mark, sizeof mark, ",'%s':'", key);
    char *from = strstr(b->event, mark);
    *value = '\0';
    if (!from)
        return;
    char *text = from + strlen(mark), *end = strchr(text, '\'');
    snprintf(value, size, "%.*s", (int)(end - text), text);
    memmove(from, end + 1, strlen(end + 1) + 1);
}

static void browser_event(struct browser *b, const struct browser_got *got) {
    memcpy(b->event, got->payload, got->len);
    b->event[got->len] = '\0';
    for (char *p = b->event; *p; p++)
        *p = *p == '"' ? '\'' : *p == '\'' ? '`' : *p;
    browser_take(b, "id", b->id, sizeof b->id);
    browser_take(b, "t", b->t, sizeof b->t);
    browser_take(b, "epoch", b->epoch, sizeof b->epoch);
    browser_take(b, "token", b->token, sizeof b->token);
}

/* A frame that is no event. */
static void browser_control(struct where where, struct browser *b, const struct browser_got *got) {
    switch (got->opcode) {
    case BROWSER_PING:
        b->pings++;
        if (!b->deaf)
            browser_frame_at(where, b, BROWSER_PONG, got->payload, got->len);
        break;
    case BROWSER_PONG: b->pongs++; break;
    case BROWSER_CLOSE:
        if (got->len < 2)
            fail_at(where, "%s: a close frame without a code", b->endpoint);
        b->code = got->payload[0] << 8 | got->payload[1];
        break;
    default: fail_at(where, "%s: a frame with opcode %d", b->endpoint, got->opcode);
    }
}

/* One frame; *event: whether it was one. */
static bool browser_step(struct where where, struct browser *b, bool *event) {
    struct browser_got got;
    if (!browser_got(where, b, &got))
        return false;
    if (b->code != 0)
        fail_at(where, "%s: a frame behind the close frame", b->endpoint);
    *event = got.opcode == BROWSER_TEXT;
    if (*event) {
        browser_check(where, b, &got);
        browser_event(b, &got);
    } else {
        browser_control(where, b, &got);
    }
    return true;
}

const char *browser_read_at(struct where where, struct browser *b) {
    bool event = false;
    while (browser_step(where, b, &event))
        if (event)
            return b->event;
    return NULL;
}

void browser_expect_at(struct where where, struct browser *b, const char *fmt, ...) {
    char want[BROWSER_EVENT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    const char *event = browser_read_at(where, b);
    if (!event)
        fail_at(where, "%s: the connection ended (%d) instead of \"%s\"", b->endpoint, b->code,
                want);
    if (strcmp(event, want) != 0)
        fail_at(where, "%s: \"%s\" instead of \"%s\"", b->endpoint, event, want);
}

void browser_until_at(struct where where, struct browser *b, const char *fmt, ...) {
    char want[BROWSER_EVENT_MAX], skipped[2048] = "";
    const char *event;
    va_list args;
    va_start(args, fmt);
    vsnprintf(want, sizeof want, fmt, args);
    va_end(args);
    while ((event = browser_read_at(where, b)) != NULL && strcmp(event, want) != 0) {
        size_t len = strlen(skipped);
        snprintf(skipped + len, sizeof skipped - len, "\n    %.500s", event);
    }
    if (!event)
        fail_at(where, "%s: the connection ended (%d) before \"%s\"; there were:%s", b->endpoint,
                b->code, want, skipped);
}

void browser_expect_end_at(struct where where, struct browser *b, int code) {
    const char *event = browser_read_at(where, b);
    if (event)
        fail_at(where, "%s: \"%s\" instead of the end", b->endpoint, event);
    if (b->code != code)
        fail_at(where, "%s: closed with %d instead of %d", b->endpoint, b->code, code);
}

static void browser_until_count(struct where where, struct browser *b, const int *count, int n) {
    bool event;
    while (*count < n)
        if (!browser_step(where, b, &event))
            fail_at(where, "%s: the connection ended (%d)", b->endpoint, b->code);
}

void browser_until_pings_at(struct where where, struct browser *b, int n) {
    browser_until_count(where, b, &b->pings, n);
}

void browser_until_pongs_at(struct where where, struct browser *b, int n) {
    browser_until_count(where, b, &b->pongs, n);
}

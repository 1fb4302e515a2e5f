/* websocket_echo.c - see websocket_echo.h. */
#include "tests/lib/websocket_echo.h"

#include "tests/lib/run.h"
#include "worker/protocol/http.h"
#include "worker/protocol/websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ECHO_PART = 4096 /* bytes that are received at once, at most */ };

struct echo {
    int fd;
    size_t part;
    struct websocket ws;
    uint8_t control[WEBSOCKET_CONTROL_MAX];
    uint8_t text[WEBSOCKET_ECHO_MAX + ECHO_PART];
    size_t text_len;
};

/* Each time another number of bytes, from 1 on. */
static size_t echo_receive(struct echo *e, uint8_t in[ECHO_PART]) {
    e->part = e->part * 3 % ECHO_PART + 1;
    ssize_t n = recv(e->fd, in, e->part, 0);
    return n > 0 ? (size_t)n : 0;
}

static void echo_send(struct echo *e, const void *bytes, size_t n) {
    const char *from = bytes;
    for (ssize_t sent; n > 0; from += sent, n -= (size_t)sent) {
        sent = send(e->fd, from, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
    }
}

static void echo_frame(struct echo *e, enum websocket_opcode opcode, const void *bytes, size_t n) {
    uint8_t head[WEBSOCKET_HEAD_MAX];
    echo_send(e, head, websocket_head(n, opcode, head));
    echo_send(e, bytes, n);
}

static void echo_close(struct echo *e, uint16_t code) {
    uint8_t frame[WEBSOCKET_CLOSE_BYTES];
    if (code == WEBSOCKET_NO_CODE)
        echo_frame(e, WEBSOCKET_CLOSE_FRAME, NULL, 0);
    else
        echo_send(e, frame, websocket_close(code, frame));
    shutdown(e->fd, SHUT_WR);
}

static void echo_answer(struct echo *e, const struct websocket_event *ev) {
    switch (ev->what) {
    case WEBSOCKET_TEXT:
        e->text_len += ev->len;
        if (ev->end) {
            echo_frame(e, WEBSOCKET_TEXT_FRAME, e->text, e->text_len);
            e->text_len = 0;
        }
        break;
    case WEBSOCKET_PING: echo_frame(e, WEBSOCKET_PONG_FRAME, e->control, ev->len); break;
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_FAILED: echo_close(e, ev->code); break;
    case WEBSOCKET_PONG:
    case WEBSOCKET_MORE: break;
    }
}

/* The opening handshake.  False: it is none. */
static bool echo_begin(struct echo *e) {
    struct http http = {0};
    uint8_t kept[HTTP_KEPT_MAX], in[ECHO_PART];
    uint16_t kept_len = 0;
    while (http.state == HTTP_READING) {
        e->part = 0; /* no byte behind the head is received with it */
        size_t n = echo_receive(e, in);
        if (n == 0)
            return false;
        http_read(&http, kept, &kept_len, in, n);
    }
    struct http_request request = http_request(&http, kept, kept_len);
    char accept[WEBSOCKET_ACCEPT_BYTES], head[HTTP_HEAD_MAX];
    if (http.state != HTTP_COMPLETE || !request.upgrades || !request.version13 || !request.key ||
        !websocket_accept(request.key, request.key_len, accept))
        return false;
    echo_send(e, head, http_head_upgraded(accept, head));
    return true;
}

static void echo_serve(struct echo *e) {
    uint8_t in[ECHO_PART];
    struct websocket_event ev;
    if (!echo_begin(e))
        return;
    for (size_t n; (n = echo_receive(e, in)) > 0;)
        for (size_t at = 0; at < n;) {
            at += websocket_read(&e->ws, WEBSOCKET_ECHO_MAX, e->control, in + at, n - at,
                                 e->text + e->text_len, &ev);
            echo_answer(e, &ev);
        }
}

/* A process for each connection. */
static void __attribute__((noreturn)) echo_main(int listener) {
    static struct echo echo;
    setpgid(0, 0);
    signal(SIGCHLD, SIG_IGN);
    while ((echo.fd = accept(listener, NULL, NULL)) >= 0) {
        if (fork() == 0) {
            echo_serve(&echo);
            _exit(0);
        }
        close(echo.fd);
    }
    _exit(1);
}

uint16_t websocket_echo_start_at(struct where where) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&at, len) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) < 0)
        fail_at(where, "listen: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        fail_at(where, "fork: %s", strerror(errno));
    if (pid == 0)
        echo_main(listener);
    setpgid(pid, pid);
    run_cleaner(where, pid, NULL);
    close(listener);
    return ntohs(at.sin_port);
}

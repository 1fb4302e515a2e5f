/* swarm.c - see swarm.h. */
#include "tests/lib/swarm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SWARM_RECEIVE = 65536 }; /* bytes of one recv, at most */

static struct swarm *swarms;

static void member_connect(struct where where, const struct server *s, struct swarm *w, int i) {
    struct swarm_member *m = &w->member[i];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port)};
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* Another address at each try: the log names 20 connections a second of one. */
    own.sin_addr.s_addr = htonl(0x7f010001 + (m->tries++ % 200 << 16) + (uint32_t)i);
    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(m->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(m->fd, (struct sockaddr *)&own, sizeof own) < 0)
        fail_at(where, "client %d: bind: %s", i, strerror(errno));
    if (connect(m->fd, (struct sockaddr *)&a, sizeof a) < 0)
        fail_at(where, "client %d: connect: %s", i, strerror(errno));
    getsockname(m->fd, (struct sockaddr *)&a, &len);
    char address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &a.sin_addr, address, sizeof address);
    snprintf(m->endpoint, sizeof m->endpoint, "%s:%u", address, ntohs(a.sin_port));
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(w->epoll, EPOLL_CTL_ADD, m->fd, &e);
}

struct swarm *swarm_connect_at(struct where where, const struct server *s, int count,
                               swarm_heard *heard, void *state) {
    struct swarm *w = calloc(1, sizeof *w);
    w->next = swarms;
    swarms = w;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->heard = heard;
    w->state = state;
    swarm_add_at(where, w, s, count);
    return w;
}

void swarm_add_at(struct where where, struct swarm *w, const struct server *s, int count) {
    w->member = realloc(w->member, (size_t)(w->count + count) * sizeof *w->member);
    memset(w->member + w->count, 0, (size_t)count * sizeof *w->member);
    for (int end = w->count + count; w->count < end; w->count++)
        member_connect(where, s, w, w->count);
}

void swarm_reconnect_at(struct where where, struct swarm *w, const struct server *s, int member) {
    swarm_close(w, member);
    w->member[member].in_len = w->member[member].out_len = 0;
    w->ended -= w->member[member].ended;
    w->member[member].wants_out = w->member[member].ended = false;
    member_connect(where, s, w, member);
}

static void swarm_watch(struct swarm *w, int i, bool out) {
    struct swarm_member *m = &w->member[i];
    struct epoll_event e = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.u32 = (uint32_t)i};
    epoll_ctl(w->epoll, EPOLL_CTL_MOD, m->fd, &e);
    m->wants_out = out;
}

void swarm_send(struct swarm *w, int member, const void *bytes, size_t len) {
    struct swarm_member *m = &w->member[member];
    if (m->out_len + len > m->out_size)
        m->out = realloc(m->out, m->out_size = (m->out_len + len) * 2);
    memcpy(m->out + m->out_len, bytes, len);
    m->out_len += len;
    if (!m->wants_out && m->fd >= 0)
        swarm_watch(w, member, true);
}

void swarm_say(struct swarm *w, int member, const char *fmt, ...) {
    char line[8192];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 2, fmt, args);
    va_end(args);
    memcpy(line + len, "\r\n", 2);
    swarm_send(w, member, line, (size_t)len + 2);
}

void swarm_close(struct swarm *w, int member) {
    close(w->member[member].fd);
    w->member[member].fd = -1;
}

size_t swarm_unsent(const struct swarm *w, int member) {
    return w->member[member].out_len;
}

static void swarm_end(struct swarm *w, int i) {
    w->ended++;
    w->member[i].ended = true;
    w->member[i].out_len = 0;
    swarm_close(w, i);
}

static void member_send(struct swarm *w, int i) {
    struct swarm_member *m = &w->member[i];
    ssize_t n = m->out_len > 0 ? send(m->fd, m->out, m->out_len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        swarm_end(w, i);
        return;
    }
    if (n > 0) {
        m->out_len -= (size_t)n;
        memmove(m->out, m->out + n, m->out_len);
    }
    if (m->out_len == 0)
        swarm_watch(w, i, false);
}

/* Passes each complete line among the `len` bytes of w->buffer to `heard`; keeps the rest in the
 * member. */
static void member_hear(struct where where, struct swarm *w, int i, size_t len) {
    struct swarm_member *m = &w->member[i];
    char *line = w->buffer, *stop = w->buffer + len, *lf;
    while (m->fd >= 0 && (lf = memchr(line, '\n', (size_t)(stop - line)))) {
        bool whole = lf > line && lf[-1] == '\r';
        if (!whole && !m->noise)
            fail_at(where, "client %d: a line ends without CR", i);
        lf[whole ? -1 : 0] = '\0';
        w->heard(w->state, i, line);
        line = lf + 1;
    }
    m->in_len = (size_t)(stop - line);
    if (m->in_len > m->in_size)
        m->in = realloc(m->in, m->in_size = m->in_len);
    if (m->in_len > 0)
        memcpy(m->in, line, m->in_len);
}

static void member_receive(struct where where, struct swarm *w, int i) {
    struct swarm_member *m = &w->member[i];
    if (w->buffer_size < m->in_len + SWARM_RECEIVE)
        w->buffer = realloc(w->buffer, w->buffer_size = m->in_len + SWARM_RECEIVE);
    if (m->in_len > 0)
        memcpy(w->buffer, m->in, m->in_len);
    ssize_t n = recv(m->fd, w->buffer + m->in_len, SWARM_RECEIVE, MSG_DONTWAIT);
    if (n > 0)
        member_hear(where, w, i, m->in_len + (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        swarm_end(w, i);
}

void swarm_pump_at(struct where where, struct swarm *w, bool (*done)(void *state), void *state,
                   const char *what_for) {
    struct epoll_event events[256];
    int64_t deadline = wait_deadline();
    while (!done(state)) {
        int n = epoll_wait(w->epoll, events, 256, wait_left_ms(deadline));
        if (n == 0)
            fail_at(where, "nothing moves any more while waiting for %s", what_for);
        for (int k = 0; k < n; k++) {
            int i = (int)events[k].data.u32;
            if ((events[k].events & EPOLLOUT) && w->member[i].fd >= 0)
                member_send(w, i);
            if ((events[k].events & ~(uint32_t)EPOLLOUT) && w->member[i].fd >= 0)
                member_receive(where, w, i);
        }
        if (n > 0)
            deadline = wait_deadline();
    }
}

/* storm.c - see storm.h. */
#include "tests/crash/storm.h"

#include "ipc/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct gust {
    int fd; /* -1: free */
    bool greeted;
    uint32_t len;
    uint64_t since;
    char text[256];
};

void storm_make(struct storm *s, uint16_t port) {
    *s = (struct storm){.port = port, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    s->gust = calloc(STORM_OPEN_MAX, sizeof *s->gust);
    for (int i = 0; i < STORM_OPEN_MAX; i++)
        s->gust[i].fd = -1;
}

static void gust_end(struct storm *s, struct gust *g) {
    struct linger now = {1, 0}; /* avoids TIME_WAIT: there are too few ports for it */
    setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(g->fd);
    g->fd = -1;
    s->open--;
}

static void gust_failed(struct storm *s, struct gust *g, int error) {
    if (!g->greeted) {
        uint64_t *count = error == ECONNREFUSED ? &s->refused : &s->reset;
        if ((*count)++ < 5)
            fprintf(stderr, "STORM: %s after %u bytes, %llu ms\n", strerror(error), g->len,
                    (unsigned long long)(clock_ms() - g->since));
    }
    gust_end(s, g);
}

/* Source addresses are taken from 127.16.0.0/16 in turn, because one address has too few ports. */
enum { STORM_NET = 0x7f100000 };
static void gust_begin(struct storm *s, struct gust *g) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int one = 1;
    from.sin_addr.s_addr = htonl(STORM_NET + 1 + s->source++ % 60000);
    *g = (struct gust){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                       .since = clock_ms()};
    setsockopt(g->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(g->fd, (struct sockaddr *)&from, sizeof from);
    s->made++;
    s->open++;
    if (connect(g->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        gust_failed(s, g, errno);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(g - s->gust)};
    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, g->fd, &event);
}

static void gust_read(struct storm *s, struct gust *g) {
    char rest[4096];
    ssize_t n = g->greeted ? recv(g->fd, rest, sizeof rest, 0)
                           : recv(g->fd, g->text + g->len, sizeof g->text - 1 - g->len, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        gust_failed(s, g, n == 0 ? ECONNRESET : errno);
        return;
    }
    if (g->greeted)
        return;
    g->len += (uint32_t)n;
    if (!strstr(g->text, "Use \"login <nick>\"\r\n"))
        return;
    g->greeted = true;
    s->greeted++;
    if (clock_ms() - g->since > s->slowest_ms)
        s->slowest_ms = clock_ms() - g->since;
    if (s->greeted % 2 == 0 || send(g->fd, "/quit\r\n", 7, MSG_NOSIGNAL) != 7)
        gust_end(s, g);
}

static void storm_patience(struct storm *s) {
    uint64_t now = clock_ms();
    for (int i = 0; i < STORM_OPEN_MAX; i++) {
        struct gust *g = &s->gust[i];
        if (g->fd < 0 || now - g->since < STORM_PATIENCE_MS)
            continue;
        s->unserved++;
        gust_end(s, g);
    }
}

void storm_turn(struct storm *s, uint32_t begin) {
    struct epoll_event event[512];
    for (int i = 0; i < STORM_OPEN_MAX && begin > 0; i++) {
        if (s->gust[i].fd < 0) {
            gust_begin(s, &s->gust[i]);
            begin--;
        }
    }
    s->held_back += begin;
    int n = epoll_wait(s->epoll_fd, event, 512, 0);
    for (int i = 0; i < n; i++) {
        struct gust *g = &s->gust[event[i].data.u32];
        if (g->fd >= 0)
            gust_read(s, g);
    }
    storm_patience(s);
}

void storm_settle(struct storm *s) {
    while (s->open > 0) {
        storm_turn(s, 0);
        usleep(1000);
    }
    close(s->epoll_fd);
    free(s->gust);
}

/* accept.c - see accept.h. */
#include "worker/ledger/accept.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/record/change.h"
#include "worker/state/event.h"
#include "worker/text/charset.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

union peer {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static void peer_address(const union peer *peer, struct in6_addr *addr, uint16_t *port) {
    memset(addr, 0, sizeof *addr);
    if (peer->any.sa_family == AF_INET) {
        addr->s6_addr[10] = addr->s6_addr[11] = 0xff;
        memcpy(&addr->s6_addr[12], &peer->in.sin_addr, 4);
        *port = ntohs(peer->in.sin_port);
    } else {
        *addr = peer->in6.sin6_addr;
        *port = ntohs(peer->in6.sin6_port);
    }
}

/* An IPv6 address counts by its /64. */
static bool same_address(const struct in6_addr *a, const struct in6_addr *b) {
    return memcmp(a, b, IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8) == 0 &&
           IN6_IS_ADDR_V4MAPPED(a) == IN6_IS_ADDR_V4MAPPED(b);
}

static bool address_full(const struct worker *w, const struct in6_addr *addr) {
    uint32_t limit = w->config.max_clients_per_address, found = 0;
    uint32_t high = atomic_load(&w->seg->header->fd_high);
    if (limit == 0)
        return false;
    for (uint32_t fd = 0; fd <= high && fd < w->seg->clients.len && found < limit; fd++) {
        const struct client *c = &w->seg->clients.at[fd];
        found += client_state(atomic_load_explicit(&c->state_word, memory_order_acquire)) ==
                     CLIENT_LIVE &&
                 same_address(&c->addr, addr);
    }
    return found >= limit;
}

static void accept_refuse(struct worker *w, int fd, enum sentence why, const char *who) {
    char text[256], out[512];
    struct words words = {0};
    size_t len = sentence_render(w->config.language, why, &words, text, sizeof text);
    len = charset_encode(w->config.encoding, text, len, out, sizeof out);
    (void)!send(fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    char unread[4096];
    (void)!recv(fd, unread, sizeof unread, MSG_DONTWAIT);
    close(fd);
    log_info("client %s refused: %s", who,
             why == SAY_ROOM_FULL ? "max_clients" : "max_clients_per_address");
}

static void fd_high_raise(struct worker *w, uint32_t fd) {
    _Atomic uint32_t *high = &w->seg->header->fd_high;
    uint32_t seen = atomic_load_explicit(high, memory_order_relaxed);
    while (seen < fd && !atomic_compare_exchange_weak(high, &seen, fd))
        ;
}

uint64_t accept_cookie(int fd) {
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

/* The connection is ours alone to greet or to refuse; false: it is closed. */
static bool accept_claimed(struct worker *w, int fd, struct client *c, uint64_t cookie) {
    struct in6_addr addr;
    uint16_t port;
    union peer peer = {0};
    socklen_t len = sizeof peer;
    char who[80];
    if (getpeername(fd, &peer.any, &len) != 0) {
        if (!accept_is_listener(w->seg, fd))
            close(fd); /* gone before it was greeted */
        return false;
    }
    peer_address(&peer, &addr, &port);
    struct client shown = {.addr = addr, .port = port};
    client_endpoint(&shown, who);
    bool full = segment_connections(w->seg) >= w->seg->header->geometry.max_clients;
    if (full || address_full(w, &addr)) {
        accept_refuse(w, fd, full ? SAY_ROOM_FULL : SAY_ADDRESS_FULL, who);
        return false;
    }
    struct facts facts = {.encoding = w->config.encoding,
                          .last_input = w->now,
                          .tat = w->now,
                          .seen = room_count(&w->seg->room)};
    client_open(c, w->index, cookie, &facts, &addr, port);
    log_info("client %s connected", who);
    return true;
}

void accept_socket(struct worker *w, int fd, uint64_t cookie) {
    if (cookie == 0)
        return; /* no socket at all: an orphan that is served and gone already */
    if ((uint32_t)fd >= w->seg->clients.len) {
        close(fd); /* somebody has raised our limit from outside */
        return;
    }
    struct client *c = worker_client(w, (uint32_t)fd);
    fd_high_raise(w, (uint32_t)fd);
    FAULT("accept.claim.before");
    uint32_t generation = client_claim(c, w->index, cookie);
    if (generation == 0)
        return; /* another worker took it for an orphan, or has it: it serves it */
    /* One who was slow to get here may find another socket under the number. */
    if (accept_cookie(fd) != cookie || !accept_claimed(w, fd, c, cookie)) {
        client_unclaim(c, generation, w->index, cookie);
        return;
    }
    atomic_fetch_add_explicit(&w->slot->stats.accepted, 1, memory_order_relaxed);
    member_add(w, c);
    member_arm(w, c);
    fd_list_add(&w->ready, (uint32_t)fd); /* to be greeted */
}

/* Nothing can be taken from the queue now: instead of being woken for it again and again, look
 * again in a while. */
static void accept_pause(struct worker *w, int listener) {
    log_warn_errno("accept: connections wait in the queue");
    epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, listener, NULL);
    w->accept_paused = true;
    w->accept_next = w->now + ACCEPT_PAUSE_MS;
}

void accept_resume(struct worker *w) {
    if (!w->accept_paused || (int32_t)(w->accept_next - w->now) > 0)
        return;
    w->accept_paused = false;
    accept_listen(w);
}

void accept_batch(struct worker *w, int listener) {
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        FAULT("accept.after");
        if (fd >= 0) {
            accept_socket(w, fd, accept_cookie(fd));
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            accept_pause(w, listener);
        return;
    }
}

bool accept_is_listener(const struct segment *seg, int fd) {
    const struct segment_header *h = seg->header;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        for (int k = 0; k < WORKERS_MAX; k++) {
            if (h->listeners[i].fd[k] == fd)
                return true;
        }
    }
    return false;
}

void accept_listen(struct worker *w) {
    struct segment_header *h = w->seg->header;
    for (int i = 0; i < LISTENERS_MAX; i++) {
        if (atomic_load(&h->listeners[i].state) == LISTENER_UNUSED)
            continue;
        for (int k = 0; k < WORKERS_MAX; k++) {
            if (!atomic_load(&h->listeners[i].listening[k]))
                continue;
            int fd = h->listeners[i].fd[k];
            struct epoll_event event = {.events = EPOLLIN,
                                        .data.u64 = event_tag(EVENT_LISTENER, (uint32_t)fd)};
            if (atomic_load(&h->polled_by[k]) == w->index)
                epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_ADD, fd, &event);
            else
                epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        }
    }
}

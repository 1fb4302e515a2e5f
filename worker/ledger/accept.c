/* accept.c - see accept.h. */
#include "worker/ledger/accept.h"

#include "ipc/address.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/network.h"
#include "ipc/origin.h"
#include "worker/command/greeting.h"
#include "worker/command/page.h"
#include "worker/ledger/control.h"
#include "worker/ledger/last_words.h"
#include "worker/ledger/moderation.h"
#include "worker/state/client_log.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/limits.h"
#include "worker/state/lock.h"
#include "worker/state/members.h"
#include "worker/state/tools.h"
#include "worker/text/charset.h"
#include "worker/text/sentence.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whether connections from there begin with a PROXY header. */
static bool accept_by_proxy(const struct worker *w, const struct in6_addr *addr) {
    return network_any_holds(w->config.proxy_from, w->config.proxy_from_count, addr);
}

/* By which listener the connection came; also of a listener itself. */
static enum client_kind accept_kind(int fd) {
    int between = 0;
    socklen_t len = sizeof between;
    if (getsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, &len) != 0)
        return KIND_TELNET;
    return between == KIND_TAG - KIND_METRICS ? KIND_METRICS
           : between == KIND_TAG - KIND_WEB   ? KIND_WEB
                                              : KIND_TELNET;
}

static bool accept_full(const struct worker *w, enum client_kind kind) {
    uint32_t most = w->seg->header->geometry.max_clients;
    return segment_connections(w->seg) >= most + (kind == KIND_WEB ? WEB_BEYOND : 0);
}

/* A browser, or a collector of metrics, is told, and closed. */
static void accept_turn_away_http(int fd, enum client_kind kind, enum http_status status) {
    char text[PAGE_REFUSED_MAX];
    last_words(fd, text, page_refused(kind, status, text));
}

/* The client is told, and closed. */
static void accept_turn_away(const struct worker *w, int fd, enum client_kind kind,
                             enum sentence why) {
    char text[256], out[512];
    if (kind != KIND_TELNET) {
        accept_turn_away_http(fd, kind, why == SAY_BANNED ? HTTP_FORBIDDEN : HTTP_UNAVAILABLE);
        return;
    }
    struct words words = {0};
    enum encoding sent = (enum encoding)w->config.encoding;
    size_t len = sentence_render(sentence_language(w->config.language, sent), why, &words, text,
                                 sizeof text);
    len = charset_encode(sent, text, len, out, sizeof out);
    last_words(fd, out, len);
}

bool accept_peer(int fd, union address_any *peer) {
    socklen_t len = sizeof *peer;
    memset(peer, 0, sizeof *peer);
    return getpeername(fd, &peer->any, &len) == 0;
}

static void accept_count_refused(struct worker *w, enum refused why) {
    atomic_fetch_add_explicit(&w->slot->refused[why], 1, memory_order_relaxed);
}

static void accept_raise_high(struct worker *w, uint32_t fd) {
    _Atomic uint32_t *high = &w->seg->header->fd_high;
    uint32_t seen = atomic_load_explicit(high, memory_order_relaxed);
    while (seen < fd && !atomic_compare_exchange_weak(high, &seen, fd))
        ;
}

/* A collector of metrics.  False: it is turned away, and closed. */
static bool accept_metrics(struct worker *w, int fd, struct client *c, uint64_t cookie,
                           const struct in6_addr *addr, uint16_t port) {
    if (!tool_open(w, c, KIND_METRICS, cookie, addr, port)) {
        accept_turn_away_http(fd, KIND_METRICS, HTTP_UNAVAILABLE);
        accept_count_refused(w, REFUSED_HTTP);
        client_log(w, TALLY_REFUSED, addr, port, "refused: %d others ask for metrics",
                   METRICS_CLIENTS);
        return false;
    }
    return true;
}

const char *accept_refuses(struct worker *w, enum client_kind kind, const struct in6_addr *addr,
                           enum sentence *sentence) {
    if (moderation_bans(w, addr)) {
        accept_count_refused(w, REFUSED_BANNED);
        *sentence = SAY_BANNED;
        return "banned";
    }
    if (kind != KIND_WEB && per_address_full(w, addr, NULL)) {
        accept_count_refused(w, REFUSED_ADDRESS);
        *sentence = SAY_ADDRESS_FULL;
        return "max_clients_per_address";
    }
    return NULL;
}

/* By a reset, which leaves nothing of it in the kernel: neither bytes that wait for an
 * acknowledgement nor TIME_WAIT.  The reset is the disconnect's, not close()'s: see drain.h. */
static void accept_close_unheard(int fd) {
    static const struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)connect(fd, &none, sizeof none);
    close(fd);
    FAULT("accept.unheard.after");
}

static bool accept_same_peer(const union address_any *a, const union address_any *b) {
    struct in6_addr addr[2];
    uint16_t port[2];
    address_split(a, &addr[0], &port[0]);
    address_split(b, &addr[1], &port[1]);
    return port[0] == port[1] && memcmp(&addr[0], &addr[1], sizeof addr[0]) == 0;
}

/* The record is this worker's to fill.  False: the connection is closed, or is none. */
static bool accept_claimed(struct worker *w, int fd, struct client *c, uint64_t cookie,
                           const union address_any *unheard) {
    union address_any peer;
    struct in6_addr addr;
    uint16_t port;
    if (!accept_peer(fd, &peer)) {
        if (!accept_is_listener(w->seg, fd))
            close(fd); /* its peer has gone already */
        return false;
    }
    if (unheard && accept_same_peer(&peer, unheard)) {
        accept_close_unheard(fd);
        return false;
    }
    if (peer.any.sa_family == AF_UNIX)
        return control_open(w, fd, c, cookie);
    address_split(&peer, &addr, &port);
    enum client_kind kind = accept_kind(fd);
    if (kind == KIND_METRICS)
        return accept_metrics(w, fd, c, cookie, &addr, port);
    enum sentence sentence = SAY_ROOM_FULL;
    bool proxy = accept_by_proxy(w, &addr); /* its header decides the rest (input/header.h) */
    const char *why = accept_full(w, kind) ? "max_clients" : NULL;
    if (why)
        accept_count_refused(w, REFUSED_FULL);
    if (!proxy && !why)
        why = accept_refuses(w, kind, &addr, &sentence);
    if (why) {
        accept_turn_away(w, fd, kind, sentence);
        client_log(w, TALLY_REFUSED, &addr, port, "refused: %s", why);
        return false;
    }
    struct facts facts = {.flags = proxy ? FACT_PROXY : 0,
                          .kind = (uint8_t)kind,
                          .ring = kind == KIND_WEB ? RING_JSON : w->config.encoding,
                          .last_input = w->tenths,
                          .tat = w->now,
                          .seen = room_count(&w->seg->room)};
    client_open(c, w->index, cookie, &facts, &addr, port);
    if (!proxy && kind == KIND_TELNET) /* of a web client its request is logged */
        client_log(w, TALLY_CONNECTED, &addr, port, "connected");
    return true;
}

/* The record of `fd` has memory.  False: there is none, and the connection is closed.  Without its
 * record it cannot be claimed; so it is under the gate that it is closed, as it is under the gate
 * that another worker, which may have found it as an orphan, would find memory for it. */
static bool accept_grown(struct worker *w, int fd, uint64_t cookie) {
    union address_any peer;
    struct in6_addr addr;
    uint16_t port;
    if (segment_has_client(w->seg, (uint32_t)fd))
        return true;
    worker_lock(w);
    int error = segment_grow(w->seg, (uint32_t)fd);
    bool refused = error != 0 && socket_cookie(fd) == cookie && !accept_is_listener(w->seg, fd);
    bool there = refused && accept_peer(fd, &peer);
    bool control = there && peer.any.sa_family == AF_UNIX;
    if (control)
        control_refuse(fd, "no shared memory is left for a connection");
    else if (refused)
        accept_turn_away(w, fd, accept_kind(fd), SAY_ROOM_FULL);
    worker_unlock(w);
    if (refused)
        accept_count_refused(w, REFUSED_MEMORY);
    if (!there || control)
        return error == 0;
    address_split(&peer, &addr, &port);
    client_log(w, TALLY_REFUSED, &addr, port, "refused: no shared memory for more clients: %s",
               strerror(error));
    return false;
}

/* Once the client is a member. */
static void accept_begin(struct worker *w, struct client *c) {
    switch (client_kind(c)) {
    case KIND_CONTROL: control_greet(w, c); break;
    case KIND_METRICS:
    case KIND_WEB: interest_arm(w, c); break; /* it speaks first */
    case KIND_TELNET:
        if (client_header_due(client_facts(c)))
            interest_arm(w, c);
        else
            greeting_begin(w, c);
    }
}

/* Again if the record changed meanwhile, perhaps because its former client's was given back. */
static uint32_t accept_claim(const struct worker *w, int fd, struct client *c, uint64_t cookie) {
    uint64_t word = client_word(c), before;
    uint32_t generation;
    FAULT("accept.claim.before");
    do {
        before = word;
        if (socket_cookie(fd) != cookie)
            return 0; /* an orphan that was served and closed meanwhile */
        generation = client_claim(c, word, w->index, cookie);
        word = client_word(c);
    } while (generation == 0 && word != before);
    return generation;
}

void accept_socket(struct worker *w, int fd, uint64_t cookie, const union address_any *unheard) {
    if (cookie == 0)
        return; /* no socket: an orphan that was served and closed meanwhile */
    if ((uint32_t)fd >= w->seg->clients.len) {
        close(fd); /* the descriptor limit was raised from outside (prlimit) */
        return;
    }
    if (!accept_grown(w, fd, cookie))
        return;
    struct client *c = worker_client(w, (uint32_t)fd);
    accept_raise_high(w, (uint32_t)fd);
    uint32_t generation = accept_claim(w, fd, c, cookie);
    if (generation == 0)
        return;
    /* Just before the claim another worker may have served and closed it as an orphan; then the
     * number names another socket. */
    if (socket_cookie(fd) != cookie || !accept_claimed(w, fd, c, cookie, unheard)) {
        client_unclaim(c, generation, w->index, cookie);
        return;
    }
    atomic_fetch_add_explicit(&w->slot->stats.accepted, 1, memory_order_relaxed);
    member_add(w, c);
    accept_begin(w, c);
}

/* connect_rate.  False: the connection is to be closed unheard.  A successor that finds it first,
 * as an orphan, serves it: it does not charge what may have been charged. */
static bool accept_within_rate(struct worker *w, const union address_any *peer) {
    struct in6_addr addr;
    uint16_t port;
    address_split(peer, &addr, &port);
    if (accept_by_proxy(w, &addr) ||
        origin_try(&w->seg->origins, &addr, &w->config, ORIGIN_CONNECTIONS, segment_us(w->seg)))
        return true;
    accept_count_refused(w, REFUSED_RATE);
    client_log_count(w, TALLY_UNHEARD, &addr);
    return false;
}

/* `listener`: is not polled meanwhile; -1: none is to be removed.  epoll would report its queue at
 * once, again and again. */
static void accept_pause(struct worker *w, struct acceptor *a, int listener, uint32_t ms) {
    if (listener >= 0)
        epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, listener, NULL);
    a->paused = true;
    a->resume_at = w->now + ms;
}

static bool accept_is_control(const struct segment *seg, int fd) {
    const struct control_socket *control = seg->header->control;
    return atomic_load(&control[0].fd) == fd || atomic_load(&control[1].fd) == fd;
}

/* True: the room is full, and connections wait in the queue.  After the wait they are refused for
 * ACCEPT_FULL_MS; then there is a wait again. */
static bool accept_full_waits(struct worker *w, struct acceptor *a, int listener) {
    uint32_t since = w->now - a->full_at;
    if (!accept_full(w, KIND_TELNET) || accept_is_control(w->seg, listener))
        return false;
    enum client_kind kind = accept_kind(listener);
    if (kind == KIND_METRICS || !accept_full(w, kind) ||
        (since >= ACCEPT_FULL_MS && since < 2 * ACCEPT_FULL_MS))
        return false;
    if (since >= ACCEPT_FULL_MS) {
        a->full_at = w->now;
        since = 0;
    }
    accept_pause(w, a, listener, ACCEPT_FULL_MS - since);
    return true;
}

void accept_resume(struct worker *w, struct acceptor *a) {
    if (!a->paused || (int32_t)(a->resume_at - w->now) > 0)
        return;
    a->paused = false;
    accept_listen(w, a);
}

void accept_batch(struct worker *w, struct acceptor *a, int listener) {
    for (int i = 0; i < ACCEPT_BATCH && !accept_full_waits(w, a, listener); i++) {
        union address_any peer = {0};
        socklen_t len = sizeof peer;
        int fd = accept4(listener, &peer.any, &len, SOCK_NONBLOCK);
        FAULT("accept.after");
        if (fd >= 0) {
            bool heard = peer.any.sa_family == AF_UNIX || accept_within_rate(w, &peer);
            accept_socket(w, fd, socket_cookie(fd), heard ? NULL : &peer);
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn_errno("accept: connections wait in the queue");
            accept_pause(w, a, listener, ACCEPT_PAUSE_MS);
        }
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
    return accept_is_control(seg, fd);
}

static void accept_register(struct worker *w, struct acceptor *a, int fd, bool mine) {
    if (!mine) {
        epoll_ctl(w->slot->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    } else if (!interest_add(w, fd, EPOLLIN, EVENT_LISTENER)) {
        log_error_errno("a listener cannot be polled; trying again");
        accept_pause(w, a, -1, ACCEPT_PAUSE_MS);
    }
}

/* The control socket: every worker that serves polls it. */
static void accept_listen_control(struct worker *w, struct acceptor *a) {
    struct segment_header *h = w->seg->header;
    int fd = atomic_load(&h->control[atomic_load(&h->control_serving) & 1].fd);
    if (fd >= 0)
        accept_register(w, a, fd, w->index < atomic_load(&h->workers));
}

void accept_listen(struct worker *w, struct acceptor *a) {
    struct segment_header *h = w->seg->header;
    accept_listen_control(w, a);
    for (int i = 0; i < LISTENERS_MAX; i++) {
        if (atomic_load(&h->listeners[i].state) == LISTENER_UNUSED)
            continue;
        for (int k = 0; k < WORKERS_MAX; k++) {
            if (atomic_load(&h->listeners[i].listening[k]))
                accept_register(w, a, h->listeners[i].fd[k],
                                atomic_load(&h->polled_by[k]) == w->index);
        }
    }
}

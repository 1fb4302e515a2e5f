/* crowd.c - connections, fragments, and the actions of guests; see crowd.h. */
#include "tests/crash/crowd.h"

#include "ipc/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    RETURN_MS = 1000,
    OUT_ENOUGH = 4096,
    READ_SIZE = 65536,
    SLOW_WINDOW = 4096,
    PAST_LINE = 70,
    PAST_SIZE = 2000
};

uint32_t crowd_random(struct crowd *c, uint32_t below) { /* xorshift32 */
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    c->random ^= c->random << 5;
    return c->random % below;
}

static void guest_type(struct guest *g, const char *fmt, ...) {
    char line[CROWD_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (g->browses)
        web_type(&g->web, line, &g->out);
    else
        text_add(&g->out, line, (size_t)n);
}

static void guest_forget_lost(struct guest *g) {
    if (g->lost_fd >= 0)
        close(g->lost_fd);
    g->lost_fd = -1;
}

void crowd_hang_up(struct crowd *c, struct guest *g) {
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
    guest_forget_lost(g);
    order_outside(c->order, &g->viewer);
    g->state = GUEST_AWAY;
    g->in.len = g->out.len = 0;
    g->waits = g->torn = g->listing = false;
    g->deaf_until = g->back_at = 0;
    g->past.len = 0;
}

static void name_of(const struct guest *g, char out[CROWD_NAME_MAX]) {
    int n = g->nicks ? snprintf(out, CROWD_NAME_MAX, "n%uk%u-", g->speaker, g->nicks)
                     : snprintf(out, CROWD_NAME_MAX, "n%u-", g->speaker);
    snprintf(out + n, CROWD_NAME_MAX - (size_t)n, "%.*s", 24 - n, "abcdefghijklmnopqrstuvwxyz");
}

/* ---- addresses ---- */

uint32_t crowd_outcast(uint32_t i) {
    static const uint32_t address[CROWD_OUTCASTS] = {0x7f000201, 0x7f000202, 0xc6336401};
    return address[i];
}

void crowd_spread(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[i];
        uint32_t which = i / 10 % (CROWD_OUTCASTS + 1);
        if (g->role == ROLE_COMES_AND_GOES && which > 0)
            g->from = crowd_outcast(which - 1);
        else if (i % 10 == 8 && which > 0)
            g->from = 0xc6336400 + 100 + which;
        g->proxied = g->from >> 24 == 0xc6; /* 198.51.100.0/24 */
    }
}

void crowd_browsers(struct crowd *c, uint16_t port) {
    c->web_port = port;
    for (uint32_t i = 1; i < c->count; i += 3)
        c->guest[i].browses = true;
}

int crowd_connect(uint16_t port, uint32_t from, bool proxied, int window) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                       own = {.sin_family = AF_INET};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* A small SO_RCVBUF would not do: small segments that do not fit are dropped, and the sender's
     * retransmission timer grows beyond the time limits of the tests. */
    if (window > 0)
        setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof window);
    own.sin_addr.s_addr = htonl(proxied ? CROWD_PROXY : from);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if ((from == 0 || bind(fd, (struct sockaddr *)&own, sizeof own) == 0) &&
        (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Version 1 or 2. */
static void guest_header(struct crowd *c, struct guest *g) {
    char v2[28] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    uint32_t from = htonl(g->from);
    uint16_t port = htons(g->port);
    if (crowd_random(c, 2) == 0) {
        char v1[80];
        int n =
            snprintf(v1, sizeof v1, "PROXY TCP4 %u.%u.%u.%u 127.0.0.1 %u 6666\r\n", g->from >> 24,
                     g->from >> 16 & 255, g->from >> 8 & 255, g->from & 255, g->port);
        text_add(&g->out, v1, (size_t)n);
        return;
    }
    memcpy(v2 + 16, &from, sizeof from);
    memcpy(v2 + 24, &port, sizeof port);
    text_add(&g->out, v2, sizeof v2);
}

/* Once the server may be told; a browser's request has been granted then. */
static void guest_login(struct crowd *c, struct guest *g) {
    static const char *const encoding[] = {"", "/encoding gbk\r\n", "/encoding big5\r\n"};
    guest_type(g, "%slogin %s\r\n", c->encodings && !g->browses ? encoding[(g - c->guest) % 3] : "",
               g->name);
}

/* Browsers that come back when their connection is gone: every second of those that stay, and all
 * slow ones. */
static bool guest_returns(const struct crowd *c, const struct guest *g) {
    return g->browses && (g->role == ROLE_SLOW || (g->role == ROLE_STAYS && (g - c->guest) % 2));
}

/* False: the kernel refuses it. */
static bool guest_socket(struct crowd *c, struct guest *g) {
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    g->fd = crowd_connect(g->browses ? c->web_port : c->port, g->from, g->proxied,
                          g->role == ROLE_SLOW ? SLOW_WINDOW : 0);
    if (g->fd < 0) {
        order_complain(c->order, "REFUSED: %s", strerror(errno));
        c->refused++;
        return false;
    }
    getsockname(g->fd, (struct sockaddr *)&own, &len);
    g->port = ntohs(own.sin_port);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(g - c->guest)};
    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, g->fd, &event);
    return true;
}

/* Its connection is gone, its place is not: what was received stays to be judged.  The server may
 * see no end of it, as where a network vanishes. */
static void guest_drop(struct crowd *c, struct guest *g) {
    guest_forget_lost(g);
    epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, g->fd, NULL);
    g->lost_fd = g->fd;
    if (crowd_random(c, 2))
        guest_forget_lost(g);
    g->fd = -1;
    g->out.len = 0;
    g->deaf_until = 0;
    web_again(&g->web);
    g->back_at = clock_ms() + 1 + crowd_random(c, RETURN_MS);
}

static void guest_return(struct crowd *c, struct guest *g) {
    if (!guest_socket(c, g)) {
        g->back_at += RETURN_MS;
        return;
    }
    g->back_at = 0;
    c->returns++;
    if (g->proxied)
        guest_header(c, g);
    web_request(&g->out);
}

/* Whether it can be cut off without a doubt what it must hear. */
static bool guest_droppable(const struct crowd *c, const struct guest *g) {
    return guest_returns(c, g) && g->web.token[0] && g->web.inside && g->state == GUEST_INSIDE &&
           !g->gagged && !g->hushed && g->asked == g->answered && g->fd >= 0;
}

static void guest_connect(struct crowd *c, struct guest *g) {
    if (!guest_socket(c, g)) {
        g->away_until = clock_ms() + 1000;
        return;
    }
    g->since = clock_ms();
    g->speaker = order_speaker(c->order);
    g->earlier = 0;
    g->nicks = g->asked = g->answered = g->whispered = g->copied = g->heard = 0;
    g->copied_gap = g->heard_gap = (struct private_gap){0};
    name_of(g, g->name);
    g->state = GUEST_LOGGING_IN;
    order_entering(c->order, &g->viewer);
    g->doomed = g->gagged = g->hushed = false;
    for (uint32_t i = 0; i < CROWD_OUTCASTS; i++)
        g->doomed |= c->outcast[i] && g->from == crowd_outcast(i);
    c->order->speaker[g->speaker].excused = g->doomed;
    if (g->proxied)
        guest_header(c, g);
    web_begin(&g->web, 1 + crowd_random(c, INT32_MAX), guest_returns(c, g));
    if (g->browses)
        web_request(&g->out);
    else
        guest_login(c, g);
    c->comings++;
    c->browsed += g->browses;
}

static enum crowd_role role_of(uint32_t i, bool plain) {
    static const enum crowd_role roles[10] = {
        [3] = ROLE_SLOW, [5] = ROLE_FILTERS, [6] = ROLE_COMES_AND_GOES, [9] = ROLE_RENAMES};
    return plain ? ROLE_STAYS : roles[i % 10];
}

void crowd_make(struct crowd *c, uint32_t count, uint16_t port, uint32_t seed, bool plain) {
    *c = (struct crowd){
        .order = order_new(), .count = count, .port = port, .bystander = -1, .random = seed | 1};
    c->guest = calloc(count, sizeof *c->guest);
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    uint32_t alone = count;
    for (uint32_t i = 0; i < count; i++) {
        struct guest *g = &c->guest[i];
        g->fd = g->lost_fd = -1;
        g->role = role_of(i, plain);
        g->partner = i;
        g->named = calloc(count, 1);
        if (g->role != ROLE_STAYS)
            continue;
        if (alone < count) { /* guests with ROLE_STAYS form pairs */
            g->partner = alone;
            c->guest[alone].partner = i;
        }
        alone = alone < count ? count : i;
    }
}

void crowd_free(struct crowd *c) {
    crowd_without_bystander(c);
    for (uint32_t i = 0; i < c->count; i++) {
        crowd_hang_up(c, &c->guest[i]);
        free(c->guest[i].in.at);
        free(c->guest[i].out.at);
        free(c->guest[i].named);
        free(c->guest[i].past.at);
        web_free(&c->guest[i].web);
    }
    free(c->guest);
    close(c->epoll_fd);
    order_free(c->order);
}

/* ---- actions ---- */

void crowd_say(struct crowd *c, struct guest *g) {
    struct speaker *s = &c->order->speaker[g->speaker];
    uint32_t pad = crowd_random(c, 20) == 0 ? crowd_random(c, 900) : crowd_random(c, 40);
    char dots[1000];
    memset(dots, '.', pad);
    dots[pad] = '\0';
    guest_type(g, "m%u.%u %s;\r\n", g->speaker, s->sent + 1, dots);
    order_sent(c->order, g->speaker);
    c->said++;
}

void crowd_ask(struct crowd *c, struct guest *g) {
    guest_type(g, "who\r\n");
    g->asked++;
    c->asks++;
}

/* Leaves in one of three ways: `logout`, the end of the stream, or by closing the socket at once. A
 * browser says so, because it is waited for otherwise. */
static void leave(struct crowd *c, struct guest *g) {
    uint32_t how = crowd_random(c, 4);
    g->away_until = clock_ms() + crowd_random(c, 1500);
    if (how == 0 && !g->browses) {
        c->order->speaker[g->speaker].excused = true;
        crowd_hang_up(c, g);
        return;
    }
    if (how == 1)
        guest_type(g, "logout\r\n");
    else if (g->browses)
        web_leave(&g->web, &g->out);
    g->state = GUEST_LEAVING;
}

static void rename_itself(struct guest *g) {
    char name[CROWD_NAME_MAX];
    g->nicks++;
    name_of(g, name);
    guest_type(g, "/nick %s\r\n", name);
}

/* A guest that others ignore keeps its name: they are not sent the line that says another. */
static void filter(struct crowd *c, struct guest *g) {
    static const char *const commands[] = {"/timestamps on\r\n", "/timestamps off\r\n"};
    const struct guest *other = &c->guest[5 + crowd_random(c, (c->count + 4) / 10) * 10];
    uint32_t what = crowd_random(c, 4);
    if (other == g || other->state != GUEST_INSIDE)
        what %= 2;
    if (what < 2 && g->browses) /* it has the times anyway */
        return;
    if (what < 2)
        guest_type(g, "%s", commands[what]);
    else
        guest_type(g, "/%s %s\r\n", what == 2 ? "ignore" : "unignore", other->name);
    g->asked++;
}

static void ignore_all(struct crowd *c, struct guest *g, const char *command) {
    for (uint32_t i = 0; i < c->count; i++) {
        const struct guest *other = &c->guest[i];
        if (other == g || other->role != ROLE_FILTERS || other->state != GUEST_INSIDE)
            continue;
        guest_type(g, "/%s %s\r\n", command, other->name);
        g->asked++;
    }
}

void crowd_ignore(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[i];
        if (g->role != ROLE_FILTERS || g->state != GUEST_INSIDE)
            continue;
        ignore_all(c, g, "ignore");
        ignore_all(c, g, "unignore");
    }
}

void crowd_history(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[i];
        if (g->role != ROLE_FILTERS || g->state != GUEST_INSIDE)
            continue;
        guest_type(g, "/history 1000\r\n");
        g->asked++;
    }
}

static void guest_deafen(struct crowd *c, struct guest *g, uint32_t ms) {
    g->deaf_until = clock_ms() + ms;
    epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, g->fd, NULL);
}

void crowd_deafen(struct crowd *c, uint32_t ms) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[i];
        if (g->role == ROLE_SLOW && g->state == GUEST_INSIDE && g->fd >= 0)
            guest_deafen(c, g, ms);
    }
}

void crowd_cut(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        if (guest_droppable(c, &c->guest[i]))
            guest_drop(c, &c->guest[i]);
    }
}

void crowd_send_away(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[i];
        if (g->role == ROLE_COMES_AND_GOES && g->state == GUEST_INSIDE && g->out.len == 0)
            leave(c, g);
    }
}

/* One line of an operator.  Whether it is obeyed or not: no answer may come, from a process that
 * dies. */
static void operate(const char *control, const char *line) {
    enum { ANSWER_MS = 300 };
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct pollfd wait = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                          .events = POLLIN};
    char byte;
    snprintf(to.sun_path, sizeof to.sun_path, "%.107s", control);
    if (connect(wait.fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(wait.fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line)) {
        uint64_t until = clock_ms() + ANSWER_MS;
        for (int lines = 0; lines < 2 && clock_ms() < until && poll(&wait, 1, 20) >= 0;) {
            ssize_t got = recv(wait.fd, &byte, 1, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                break;
            lines += got == 1 && byte == '\n';
        }
    }
    close(wait.fd);
}

static void ask_to_leave(const char *control, const char *name) {
    char line[128];
    snprintf(line, sizeof line, "kick %s\n", name);
    operate(control, line);
}

void crowd_kick(struct crowd *c, const char *control) {
    uint32_t first = crowd_random(c, c->count);
    for (uint32_t i = 0; i < c->count; i++) {
        struct guest *g = &c->guest[(first + i) % c->count];
        if (g->role != ROLE_COMES_AND_GOES || g->state != GUEST_INSIDE || g->out.len > 0)
            continue;
        c->order->speaker[g->speaker].excused = true;
        ask_to_leave(control, g->name);
        if (g->browses) /* whether it was obeyed or not, as a telnet does (guest_write) */
            web_leave(&g->web, &g->out);
        g->away_until = clock_ms() + crowd_random(c, 500);
        g->state = GUEST_LEAVING;
        return;
    }
}

/* False: the bystander is not there, and comes. */
static bool bystander_is_there(struct crowd *c) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(c->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char line[64];
    ssize_t n = 0;
    while (c->bystander >= 0 && (n = recv(c->bystander, line, sizeof line, MSG_DONTWAIT)) > 0)
        ;
    if (c->bystander >= 0 && n < 0 && errno == EAGAIN)
        return true;
    crowd_without_bystander(c);
    snprintf(line, sizeof line, "login zz-%u\r\n", ++c->bystanders);
    c->bystander = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->bystander, (struct sockaddr *)&to, sizeof to) != 0 ||
        send(c->bystander, line, strlen(line), MSG_NOSIGNAL) < 0)
        crowd_without_bystander(c);
    return false;
}

void crowd_without_bystander(struct crowd *c) {
    if (c->bystander >= 0)
        close(c->bystander);
    c->bystander = -1;
}

void crowd_moderate(struct crowd *c, const char *control) {
    static const char *const verbs[] = {"ban", "mute", "unban", "unmute"};
    char name[32], line[128];
    uint32_t turn = c->moderated++ % 4;
    snprintf(name, sizeof name, "zz-%u", c->bystanders);
    if (!bystander_is_there(c))
        return;
    snprintf(line, sizeof line, "request %016llx %s %s\n",
             (unsigned long long)clock_ms() << 20 | c->moderated, verbs[turn],
             turn % 2 ? name : "192.0.2.7");
    operate(control, line);
}

static void act(struct crowd *c, struct guest *g) {
    uint32_t dice = crowd_random(c, 100);
    if (g->state != GUEST_INSIDE || g->out.len > OUT_ENOUGH || g->hushed ||
        (g->fd < 0 && g->web.pending.len > OUT_ENOUGH))
        return;
    if (g->gagged) {
        crowd_say(c, g);
    } else if (g->role == ROLE_COMES_AND_GOES && dice < 8) {
        leave(c, g);
    } else if (g->role == ROLE_FILTERS) {
        filter(c, g);
    } else if (g->role == ROLE_RENAMES && dice < 10) {
        rename_itself(g);
    } else if (g->role == ROLE_SLOW && dice < 10 && g->fd >= 0) {
        guest_deafen(c, g, 200 + crowd_random(c, 9000));
    } else if (dice > 92 && guest_droppable(c, g)) {
        guest_drop(c, g);
    } else if (g->role == ROLE_STAYS && dice < 10 && &c->guest[g->partner] != g &&
               c->guest[g->partner].state == GUEST_INSIDE) {
        guest_type(g, "/msg %s p%u.%u ;\r\n", c->guest[g->partner].name, g->speaker,
                   ++g->whispered);
        c->whispers++;
    } else if (g->role == ROLE_STAYS && dice < 12) {
        crowd_ask(c, g);
    } else {
        crowd_say(c, g);
    }
}

/* ---- sockets ---- */

static void lost(struct crowd *c, struct guest *g, const char *how) {
    if (g->doomed && g->away_until != UINT64_MAX)
        g->away_until = clock_ms() + crowd_random(c, 500);
    if (g->state == GUEST_LEAVING || g->doomed) {
        crowd_hang_up(c, g);
        return;
    }
    if (g->browses && g->role == ROLE_SLOW) {
        c->cut++;
        if (guest_droppable(c, g)) {
            guest_drop(c, g);
            return;
        }
    } else {
        order_complain(c->order, "DISCONNECTED: %s (port %u, code %u): %s", g->name, g->port,
                       g->web.code, how);
        c->disconnects++;
    }
    c->order->speaker[g->speaker].excused = true;
    crowd_hang_up(c, g);
    g->away_until = clock_ms() + 1000;
}

static void guest_write(struct crowd *c, struct guest *g) {
    if (g->fd >= 0 && g->out.len == 0 && g->state == GUEST_LEAVING && !g->browses)
        shutdown(g->fd, SHUT_WR);
    if (g->fd < 0 || g->out.len == 0)
        return;
    size_t n = g->out.len;
    /* A fragment; the rest is sent in a later round.  Not of one byte: three such reads within a
     * line would be keys (by_key.h), and the server would offer its echo. */
    if (n > 2 && crowd_random(c, 3) == 0)
        n = 2 + crowd_random(c, (uint32_t)n - 2);
    ssize_t sent = send(g->fd, g->out.at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        text_drop(&g->out, (size_t)sent);
    else if (sent < 0 && errno != EAGAIN)
        lost(c, g, strerror(errno));
}

/* Keeps the beginning of the line, so that a complaint can print what came before it. */
static void guest_remember(struct guest *g, const char *line) {
    size_t n = strlen(line);
    n = n < PAST_LINE ? n : PAST_LINE;
    if (g->past.len + n + 1 > PAST_SIZE)
        text_drop(&g->past, n + 1 > g->past.len ? g->past.len : n + 1);
    text_add(&g->past, line, n);
    text_add(&g->past, "\n", 1);
}
void crowd_tell(struct crowd *c, struct guest *g) {
    order_complain(c->order, "... received by %s (port %u, role %d) after:\n%.*s", g->name, g->port,
                   g->role, (int)g->past.len, g->past.at);
}

/* Checks all complete lines, up to one that cannot be checked yet. */
static void guest_lines(struct crowd *c, struct guest *g) {
    char *at = g->in.at, *end = g->in.at + g->in.len, *stop;
    g->waits = false;
    while (at < end && (stop = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        char *tail = stop;
        while (tail > at && tail[-1] == '\r')
            tail--;
        char saved = *tail;
        *tail = '\0';
        int told = c->order->told;
        bool wait = crowd_hear(c, g, at) == ORDER_WAIT;
        if (!wait)
            guest_remember(g, at);
        if (c->order->told != told)
            crowd_tell(c, g);
        *tail = saved;
        if (wait) {
            g->waits = true;
            break;
        }
        at = stop + 1;
    }
    if (at != g->in.at)
        text_drop(&g->in, (size_t)(at - g->in.at));
}

static void gap_open(struct private_gap *gap) {
    if (gap->state == GAP_NONE)
        gap->state = GAP_DOUBT;
}

static void guest_hear(struct crowd *c, struct guest *g, const char *bytes, size_t n) {
    bool open = g->web.open;
    if (!g->browses) {
        text_add(&g->in, bytes, n);
        return;
    }
    bool well = !g->web.wrong[0], inside = g->web.inside;
    if (!web_hear(&g->web, bytes, n, &g->in, &g->out) && well && !g->doomed) {
        order_complain(c->order, "%s (port %u), as a browser: %s", g->name, g->port, g->web.wrong);
        crowd_tell(c, g);
        c->unexpected++;
    }
    if (g->web.inside && !inside) {
        char line[64];
        guest_forget_lost(g);
        if (g->web.again) {
            gap_open(&g->copied_gap);
            gap_open(&g->heard_gap);
        }
        snprintf(line, sizeof line, "(came back, %llu entries missed)",
                 (unsigned long long)g->web.missed);
        guest_remember(g, line);
    }
    if (!open && g->web.open && !g->web.wrong[0] && !g->web.again)
        guest_login(c, g);
}

static void guest_read(struct crowd *c, struct guest *g) {
    char bytes[READ_SIZE];
    ssize_t n = recv(g->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
        guest_hear(c, g, bytes, (size_t)n);
        if (!g->waits)
            guest_lines(c, g);
    } else if (n == 0) {
        lost(c, g, "end of stream");
    } else if (errno != EAGAIN && errno != EINTR) {
        lost(c, g, strerror(errno));
    }
}

static void guest_tick(struct crowd *c, struct guest *g, uint64_t now) {
    /* The first guest joins before the others connect: otherwise no guest could check the first
     * joins. */
    bool first = g == c->guest || c->order->len > 0;
    if (g->state == GUEST_AWAY && now >= g->away_until && g->away_until != UINT64_MAX && first)
        guest_connect(c, g);
    if (g->back_at != 0 && now >= g->back_at)
        guest_return(c, g);
    if (g->deaf_until != 0 && now >= g->deaf_until) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(g - c->guest)};
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, g->fd, &event);
        g->deaf_until = 0;
    }
    if (g->waits)
        guest_lines(c, g);
    guest_write(c, g);
}

void crowd_turn(struct crowd *c, uint32_t lines, int ms) {
    struct epoll_event event[256];
    uint64_t now = clock_ms();
    for (uint32_t i = 0; i < lines; i++)
        act(c, &c->guest[crowd_random(c, c->count)]);
    for (uint32_t i = 0; i < c->count; i++)
        guest_tick(c, &c->guest[i], now);
    int n = epoll_wait(c->epoll_fd, event, 256, ms);
    for (int i = 0; i < n; i++) {
        struct guest *g = &c->guest[event[i].data.u32];
        if (g->fd >= 0)
            guest_read(c, g);
    }
}

/* connect.c - connecting the clients and leading them through the protocol's handshake.
 *
 * At most `burst` clients connect at a time (`crowd` log in), so that a server's backlog never
 * overflows: a dropped SYN costs a second and would measure the kernel's patience, not the server.
 * A source address serves PER_ADDRESS clients, for each has about 28,000 ports towards one server.
 */
#include "tests/bench/gen/child.h"
#include "tests/lib/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PER_ADDRESS = 5000, WORDS_MAX = 64, WORDS_OUT_MAX = TYPED_MAX + 256 };

static const struct step *step_of(const struct child *c, const struct client *cl) {
    const struct proto *proto = c->o->proto;
    if (cl->step == STEP_HABIT)
        return &proto->habit;
    return cl->step == 0 ? &proto->accept : &proto->login[cl->step - 1];
}

static bool speaks(const struct child *c, const struct client *cl) {
    return c->first + (uint32_t)(cl - c->client) < c->o->speakers;
}

static bool only_publishes(const struct child *c, const struct client *cl) {
    return c->o->proto->audience == HEARD_BY_SUBSCRIBERS && speaks(c, cl);
}

/* What the step sends; returns the length. */
static size_t step_words(const struct step *step, uint32_t number, char *out) {
    size_t len = (size_t)snprintf(out, WORDS_OUT_MAX, step->send, number);
    for (size_t i = 0; i < len; i++)
        out[i] = out[i] == '~' ? '\0' : out[i];
    if (step->typed > 0) {
        memset(out + len, 'h', step->typed);
        out[len + step->typed - 1] = '.';
    }
    return len + step->typed;
}

/* Sends what the step says and sets the client waiting; steps with nothing to wait for pass. */
static void step_enter(struct child *c, struct client *cl) {
    const struct step *step = step_of(c, cl);
    if (step->send) {
        char words[FRAME_HEAD_MAX + WORDS_OUT_MAX], *at = words + FRAME_HEAD_MAX;
        size_t len = step_words(step, c->first + (uint32_t)(cl - c->client), at);
        if (cl->framed) {
            len = frame_close(words, len, 0x5eed1e55);
            at = words;
        }
        if (send(cl->fd, at, len, MSG_NOSIGNAL) != (ssize_t)len) {
            client_lost(c, cl);
            return;
        }
    }
    cl->waiting = step->wait != NULL;
    c->pending += cl->waiting;
}

/* After the greeting the client rests until `login`; after the last step it is ready for lines. */
static void step_leave(struct child *c, struct client *cl) {
    c->pending -= cl->waiting;
    cl->waiting = false;
    if (cl->step == 0)
        return;
    cl->step++;
    const struct step *next = cl->step <= STEPS_MAX ? step_of(c, cl) : NULL;
    if (cl->step > STEPS_MAX || !next || (!next->send && !next->wait)) {
        cl->step = STEP_DONE;
        free(cl->kept);
        cl->kept = NULL;
        return;
    }
    step_enter(c, cl);
}

void handshake_feed(struct child *c, struct client *cl, char *at, size_t len) {
    const char *wait = step_of(c, cl)->wait;
    if (!cl->waiting)
        return; /* others' comings and goings, while this one rests */
    if (memmem(at, len, wait, strlen(wait))) {
        step_leave(c, cl);
        return;
    }
    size_t rest = len < WORDS_MAX ? len : WORDS_MAX; /* the words may be torn; frames come whole */
    if (!c->o->proto->web)
        client_keep(cl, at + len - rest, rest);
}

/* Pumps until at most `most` clients are in a handshake, or nothing moves for STALL_SECONDS. */
static void settle(struct child *c, uint32_t most) {
    uint64_t stall = 1000000000ULL * STALL_SECONDS, moved = now_ns();
    while (c->pending > most && now_ns() - moved < stall) {
        uint32_t before = c->pending;
        child_pump(c, moved + stall);
        if (c->pending != before)
            moved = now_ns();
    }
}

static bool client_connect(struct child *c, struct client *cl) {
    uint32_t number = c->first + (uint32_t)(cl - c->client);
    uint16_t port = share_is_far(c->o, c->self) ? c->o->far_port : c->o->port;
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, c->o->address, &to.sin_addr);
    cl->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(cl->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(cl->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (cl->fd < 0 || bind(cl->fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(cl->fd, (struct sockaddr *)&to, sizeof to) < 0)
        return false;
    fcntl(cl->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = POLL_IN, .data.ptr = cl};
    return epoll_ctl(c->epoll, EPOLL_CTL_ADD, cl->fd, &e) == 0;
}

void connect_all(struct child *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct client *cl = &c->client[i];
        if (!client_connect(c, cl)) {
            perror("generator: connect");
            client_lost(c, cl);
            continue;
        }
        step_enter(c, cl);
        settle(c, c->o->proto->burst);
    }
    settle(c, 0);
}

static uint32_t crowd_of(const struct child *c) {
    return c->o->proto->crowd ? c->o->proto->crowd : c->o->proto->burst;
}

void login_all(struct child *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        struct client *cl = &c->client[i];
        if (cl->fd < 0)
            continue;
        cl->step = 1;
        cl->rest = c->o->proto->web ? cl->rest : 0;
        if (only_publishes(c, cl) || !step_of(c, cl)->send)
            cl->step = STEP_DONE;
        else
            step_enter(c, cl);
        settle(c, crowd_of(c));
    }
    settle(c, 0);
}

void habit_all(struct child *c) {
    for (uint32_t i = 0; i < c->count && c->o->proto->habit.send; i++) {
        struct client *cl = &c->client[i];
        if (cl->fd < 0 || speaks(c, cl))
            continue;
        cl->step = STEP_HABIT;
        cl->rest = 0;
        step_enter(c, cl);
        settle(c, crowd_of(c));
    }
    settle(c, 0);
}

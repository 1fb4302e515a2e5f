/* speak.c - sending the lines of a run; only child 0 speaks.
 *
 * Closed loop: a speaker sends as long as fewer than its share of the window is on its way.  Open
 * loop: line k is due at began + k / rate and stamped so, however late it can be sent.  Never more
 * than SLOTS - 1 lines of a speaker are on their way, or their counters would be shared. */
#include "tests/bench/gen/child.h"
#include "tests/lib/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static const char digits[] = "0123456789abcdef";

static char *hex_put(char *at, uint64_t value, int count) {
    for (int i = count - 1; i >= 0; i--, value >>= 4)
        at[i] = digits[value & 15];
    return at + count;
}

static void line_append(struct child *c, uint32_t s, uint64_t stamp) {
    struct speaker *sp = &c->speaker[s];
    uint32_t bytes = c->sh->run.bytes;
    bool web = c->o->proto->web;
    char *room = sp->out + sp->len, *at = room + (web ? FRAME_HEAD_MAX : 0), *payload = at;
    at += sprintf(at, c->o->proto->before, bytes - 2);
    char *line = at;
    *at++ = '^';
    *at++ = digits[s];
    at = hex_put(at, sp->sent++, 8);
    at = hex_put(at, stamp, 16);
    memset(at, 'x', bytes - STAMP - 2);
    memcpy(line + bytes - 2, web ? "\"}" : "\r\n", 2);
    sp->len = (size_t)(line + bytes - sp->out);
    if (web)
        sp->len = (size_t)(room - sp->out) +
                  frame_close(room, (size_t)(line + bytes - payload), (uint32_t)stamp);
}

void speaker_flush(struct child *c, uint32_t s) {
    struct speaker *sp = &c->speaker[s];
    struct client *cl = &c->client[s];
    if (cl->fd < 0)
        return;
    ssize_t n = send(cl->fd, sp->out + sp->head, sp->len - sp->head, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        client_lost(c, cl);
        return;
    }
    sp->head += n > 0 ? (size_t)n : 0;
    if (sp->head == sp->len)
        sp->head = sp->len = 0;
    if (sp->armed != (sp->len != 0)) {
        sp->armed = !sp->armed;
        struct epoll_event e = {.events = sp->armed ? POLL_IN | EPOLLOUT : POLL_IN, .data.ptr = cl};
        epoll_ctl(c->epoll, EPOLL_CTL_MOD, cl->fd, &e);
    }
}

static uint32_t on_their_way(const struct child *c, uint32_t s) {
    return c->speaker[s].sent - atomic_load(&c->sh->completed[s]);
}

static bool has_room(const struct speaker *sp) {
    return sp->len + BYTES_MAX + 128 <= BUFFER;
}

static void speak_closed(struct child *c, uint64_t now) {
    const struct run *run = &c->sh->run;
    for (uint32_t s = 0; s < run->speakers; s++) {
        uint32_t share = run->window / run->speakers;
        while (on_their_way(c, s) < share && has_room(&c->speaker[s]))
            line_append(c, s, now);
        if (c->speaker[s].len && !c->speaker[s].armed)
            speaker_flush(c, s);
    }
}

/* Returns when the next line is due. */
static uint64_t speak_open(struct child *c, uint64_t began, uint64_t now, uint64_t *k) {
    const struct run *run = &c->sh->run;
    uint64_t due;
    while ((due = began + (uint64_t)((double)*k * 1e9 / run->rate)) <= now) {
        uint32_t s = (uint32_t)(*k % run->speakers);
        if (on_their_way(c, s) >= SLOTS - 1 || !has_room(&c->speaker[s])) {
            due = now + 100000; /* overloaded: its time goes on counting */
            break;
        }
        line_append(c, s, due);
        ++*k;
    }
    for (uint32_t s = 0; s < run->speakers; s++)
        if (c->speaker[s].len && !c->speaker[s].armed)
            speaker_flush(c, s);
    return due;
}

static uint64_t outstanding(const struct child *c) {
    uint64_t sum = 0;
    for (uint32_t s = 0; s < SPEAKERS_MAX; s++)
        sum += on_their_way(c, s);
    return sum;
}

static uint64_t sent(const struct child *c) {
    uint64_t sum = 0;
    for (uint32_t s = 0; s < SPEAKERS_MAX; s++)
        sum += c->speaker[s].sent;
    return sum;
}

/* Waits for the lines on their way; false when none of them arrives any more. */
static bool drain(struct child *c) {
    uint64_t stall = 1000000000ULL * STALL_SECONDS, left = outstanding(c), moved = now_ns();
    while (left > 0 && now_ns() - moved < stall) {
        child_pump(c, moved + stall);
        if (outstanding(c) != left)
            moved = now_ns();
        left = outstanding(c);
    }
    return left == 0;
}

void speak_run(struct child *c) {
    struct shared *sh = c->sh;
    uint64_t k = 0, before = sent(c), began = now_ns(), now = began, due;
    uint64_t end = began + (uint64_t)(sh->run.seconds * 1e9);
    for (uint32_t s = 0; s < sh->run.speakers; s++)
        if (!c->speaker[s].out)
            c->speaker[s].out = malloc(BUFFER);
    for (; now < end; now = now_ns()) {
        if (sh->run.rate > 0)
            due = speak_open(c, began, now, &k);
        else
            speak_closed(c, now), due = end;
        child_pump(c, due < end ? due : end);
    }
    sh->lost = drain(c) ? 0 : outstanding(c);
    sh->lines = sent(c) - before;
    sh->elapsed = (double)(now_ns() - began) / 1e9;
}

/* swarm.h - hundreds or thousands of clients in one process, in one epoll set.
 *
 *     struct swarm *w = swarm_connect(s, 200, heard, &state);
 *     swarm_say(w, 3, "hello");             only queued
 *     swarm_pump(w, all_done, &state);      sends, receives, calls heard() for every line
 *
 * Each member connects from an address of its own (127.1.0.1 and on), so that limits for one
 * address do not concern the swarm.  Members are numbered 0 to count - 1.  `heard` is called with
 * complete lines, without their end, NUL-terminated, and only from within swarm_pump.  All members
 * read as fast as lines arrive, so none of them is slow. */
#ifndef TESTS_LIB_SWARM_H
#define TESTS_LIB_SWARM_H

#include "tests/lib/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swarm_member {
    int fd;            /* -1: closed */
    bool ended;        /* the server has closed the connection */
    char endpoint[64]; /* ADDRESS:PORT */
    char *in, *out;    /* an incomplete received line; queued bytes that have not been sent */
    size_t in_len, in_size, out_len, out_size;
    uint32_t tries; /* connections so far */
    bool noise;     /* telnet answers may lie between its lines: line ends are unchecked */
    bool wants_out; /* registered for EPOLLOUT */
};

typedef void swarm_heard(void *state, int member, const char *line);

struct swarm {
    struct swarm *next; /* list of all in this process */
    int epoll;
    int count;
    int ended; /* members whose connection the server has closed */
    struct swarm_member *member;
    char *buffer; /* the incomplete line of a member, followed by the bytes of one recv */
    size_t buffer_size;
    swarm_heard *heard;
    void *state;
};

/* Connects `count` members before it returns. */
struct swarm *swarm_connect_at(struct where where, const struct server *s, int count,
                               swarm_heard *heard, void *state);
#define swarm_connect(s, count, heard, state) swarm_connect_at(HERE, s, count, heard, state)

/* Connects `count` more members before it returns; pointers to members become invalid. */
void swarm_add_at(struct where where, struct swarm *w, const struct server *s, int count);
#define swarm_add(w, s, count) swarm_add_at(HERE, w, s, count)

/* Closes the member's connection and opens a new one with empty queues. */
void swarm_reconnect_at(struct where where, struct swarm *w, const struct server *s, int member);
#define swarm_reconnect(w, s, member) swarm_reconnect_at(HERE, w, s, member)

void swarm_send(struct swarm *w, int member, const void *bytes, size_t len);
void swarm_say(struct swarm *w, int member, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void swarm_close(struct swarm *w, int member);
/* Queued bytes that have not been sent. */
size_t swarm_unsent(const struct swarm *w, int member);

/* Sends and receives until done(state) is true; it is called after every epoll_wait.  The test
 * fails with `what_for` if there is no event for WAIT_SECONDS. */
void swarm_pump_at(struct where where, struct swarm *w, bool (*done)(void *state), void *state,
                   const char *what_for);
#define swarm_pump(w, done, state) swarm_pump_at(HERE, w, done, state, #done)

#endif

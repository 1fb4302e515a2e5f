/* swarm.h - hundreds or thousands of clients in one process, around one epoll set.
 *
 *     struct swarm *w = swarm_connect(s, 200, heard, &state);
 *     swarm_say(w, 3, "hello");             only queued
 *     swarm_pump(w, all_done, &state);      sends, receives, calls heard() for every line
 *
 * Members are numbers 0 to count - 1.  Lines reach `heard` whole, without their end,
 * NUL-terminated, and only from within swarm_pump.  All members read as fast as lines come, so that
 * none is slow. */
#ifndef TESTS_LIB_SWARM_H
#define TESTS_LIB_SWARM_H

#include "tests/lib/server.h"

#include <stdbool.h>
#include <stddef.h>

struct swarm_member {
    int fd;            /* -1: closed */
    bool ended;        /* the server has closed the connection */
    char endpoint[64]; /* ADDRESS:PORT */
    char *in, *out;    /* a line received in part; what was queued and is not sent */
    size_t in_len, in_size, out_len, out_size;
    bool noise;     /* sends anything, so its own stream may hold telnet's answers: not checked */
    bool wants_out; /* registered for EPOLLOUT */
};

typedef void swarm_heard(void *state, int member, const char *line);

struct swarm {
    struct swarm *next; /* all of this process */
    int epoll;
    int count;
    int ended; /* members whose connection the server has closed */
    struct swarm_member *member;
    char *buffer; /* of one recv, and before it the line received in part */
    size_t buffer_size;
    swarm_heard *heard;
    void *state;
};

/* All connected when it returns. */
struct swarm *swarm_connect_at(struct where where, const struct server *s, int count,
                               swarm_heard *heard, void *state);
#define swarm_connect(s, count, heard, state) swarm_connect_at(HERE, s, count, heard, state)

/* So many more, all connected when it returns; pointers to members are no longer valid. */
void swarm_add_at(struct where where, struct swarm *w, const struct server *s, int count);
#define swarm_add(w, s, count) swarm_add_at(HERE, w, s, count)

/* Closes the member's connection and makes another, which has nothing sent or received yet. */
void swarm_reconnect_at(struct where where, struct swarm *w, const struct server *s, int member);
#define swarm_reconnect(w, s, member) swarm_reconnect_at(HERE, w, s, member)

void swarm_send(struct swarm *w, int member, const void *bytes, size_t len);
void swarm_say(struct swarm *w, int member, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void swarm_close(struct swarm *w, int member);
/* What was queued and is not sent yet, bytes. */
size_t swarm_unsent(const struct swarm *w, int member);

/* Runs until done(state) is true, which is asked after every turn; the test fails, saying what for,
 * if nothing at all has moved for the harness's waiting time. */
void swarm_pump_at(struct where where, struct swarm *w, bool (*done)(void *state), void *state,
                   const char *what_for);
#define swarm_pump(w, done, state) swarm_pump_at(HERE, w, done, state, #done)

#endif

/* child.h - one process of the generator: its clients, and the loop they live in.
 *
 *   child.c    the loop, receiving and checking lines, commands
 *   web.c      receiving and sending frames
 *   connect.c  connecting and the protocol's handshake
 *   speak.c    sending lines (child 0)
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include "tests/bench/gen/gen.h"

#include <stddef.h>
#include <sys/epoll.h>

/* Edge-triggered: one look at the socket for each arrival, not two.  A read that did not fill the
 * buffer has emptied the socket; EPOLLRDHUP tells of an end that came with the last bytes. */
enum { POLL_IN = EPOLLIN | EPOLLRDHUP | (int)EPOLLET };
enum { BUFFER = 256 << 10, EVENTS = 64, STEP_HABIT = STEPS_MAX + 1, STEP_DONE };

struct client {
    int fd;        /* -1: lost */
    uint8_t step;  /* 0: to be greeted; 1..: login steps; STEP_HABIT; STEP_DONE */
    bool waiting;  /* for that step's words */
    bool framed;   /* of a protocol with frames: the answer's head has come */
    uint16_t rest; /* bytes kept of an unfinished line or frame, or of the handshake */
    uint32_t next[SPEAKERS_MAX]; /* sequence expected */
    uint32_t segments;           /* tcpi_data_segs_in when the run began */
    char *kept;                  /* FRAME_MAX, allocated when first needed */
};

struct speaker {
    uint32_t sent;    /* lines, ever */
    size_t len, head; /* bytes [head, len) of out are not sent yet */
    bool armed;       /* EPOLLOUT */
    char *out;
};

struct child {
    struct shared *sh;
    const struct options *o;
    uint32_t self;
    int control, kick, epoll;
    char command; /* received and not yet obeyed; 0: none */
    struct client *client;
    uint32_t first, count;           /* client[i] is number first + i */
    uint32_t pending;                /* clients whose handshake step is not over */
    uint32_t parties[SPEAKERS_MAX];  /* children that receive this speaker */
    uint32_t expected[SPEAKERS_MAX]; /* receivers among our clients */
    uint32_t (*counted)[SLOTS];      /* of them, those that have the line */
    struct result *result;
    uint64_t began, cpu_began; /* ns */
    struct speaker speaker[SPEAKERS_MAX];
    char buffer[BUFFER];
};

uint64_t now_ns(void);

/* Waits for events and handles them, until `deadline` at most (ns of now_ns; 0: do not wait,
 * UINT64_MAX: no limit). */
void child_pump(struct child *c, uint64_t deadline);
void client_lost(struct child *c, struct client *cl);

/* All return when all clients got there, or were lost, or nothing moves any more. */
void connect_all(struct child *c);
void login_all(struct child *c);
void habit_all(struct child *c);
/* Bytes that came while the client was in its handshake. */
void handshake_feed(struct child *c, struct client *cl, char *at, size_t len);

/* What was received, of a client whose protocol has frames. */
void frames_feed(struct child *c, struct client *cl, char *at, char *end);
/* Turns the payload at `at`, FRAME_HEAD_MAX bytes behind `room`, into a masked frame whose head
 * begins at `room`; returns the frame's length. */
size_t frame_close(char *room, size_t len, uint32_t mask);

/* `line` is as long as a line of this run: checks and counts it.  now: ns. */
void line_check(struct child *c, struct client *cl, const char *line, uint64_t now);
void client_keep(struct client *cl, const char *at, size_t len);

/* Speaks for the run's time and waits until all lines are complete. */
void speak_run(struct child *c);
void speaker_flush(struct child *c, uint32_t s);

#endif

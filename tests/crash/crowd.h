/* crowd.h - people who talk, whisper, ask, rename themselves, come and go, and read slowly; and the
 * judgement of all they are told.
 *
 * One process, one epoll set.  Every guest writes in fragments: a line is often half-typed for a
 * while.  What each is told is judged at once: the room's lines by order.h; private lines and their
 * copies are numbered and must come exactly once; `who` must name everybody who stays, once.
 * Nobody may lose a connection without wishing to.
 *
 * Those who filter say nothing; they ignore one another, and have times before their lines.
 *
 * A guest of the room is called n<speaker>-...; all it causes bears this number, which a guest that
 * comes again does not keep. */
#ifndef TESTS_CRASH_CROWD_H
#define TESTS_CRASH_CROWD_H

#include "tests/crash/order.h"

#include <stdbool.h>
#include <stdint.h>

enum crowd_role { ROLE_STAYS, ROLE_SLOW, ROLE_COMES_AND_GOES, ROLE_RENAMES, ROLE_FILTERS };
enum { CROWD_NAME_MAX = 32, CROWD_LINE_MAX = 1200 };

struct text {
    char *at;
    size_t len, size;
};

struct guest {
    int fd;        /* -1: away */
    uint16_t port; /* its own, as the server's log names it */
    enum crowd_role role;
    enum { GUEST_AWAY, GUEST_LOGGING_IN, GUEST_INSIDE, GUEST_LEAVING } state;
    uint32_t speaker;
    char name[CROWD_NAME_MAX];
    struct viewer viewer;
    struct text in, out, past;         /* past: of the last lines judged */
    bool waits;                        /* its next line cannot be judged yet */
    uint64_t away_until;               /* clock_ms() */
    uint64_t deaf_until;               /* does not read until then; 0: reads */
    uint32_t nicks;                    /* asked for */
    uint32_t asked, answered;          /* `who` */
    bool listing;                      /* names are coming */
    uint32_t partner;                  /* a guest; whom it whispers to; itself: nobody */
    uint32_t whispered, copied, heard; /* heard: of what the partner whispered to it */
    bool torn;                         /* half a line came: the next must be a notice */
    char odd[80];                      /* that half */
    uint8_t *named;                    /* [count]: in the list that is coming */
};

struct crowd {
    struct order *order;
    struct guest *guest;
    uint32_t count;
    int epoll_fd;
    uint16_t port;
    uint64_t said, whispers, asks, comings, laps, quick_laps; /* done */
    uint64_t disconnects, private_lost, private_doubled, lists_bad, unexpected, refused;
    uint32_t random; /* state */
};

/* `plain`: everybody stays, and nobody is slow. */
void crowd_make(struct crowd *c, uint32_t count, uint16_t port, uint32_t seed, bool plain);
/* Everybody in; false after `ms`. */
bool crowd_enter(struct crowd *c, uint32_t ms);
/* One turn: `lines` things are done by somebody, all fragments move on, everything there is to read
 * is read; waits up to `ms` for more. */
void crowd_turn(struct crowd *c, uint32_t lines, int ms);
/* No more talking: everything under way arrives; false after `ms`. */
bool crowd_rest(struct crowd *c, uint32_t ms);
/* At the end: nobody comes any more, all rest, and what is missing is counted; false as above. */
bool crowd_settle(struct crowd *c, uint32_t ms);
/* Everything that must be zero, summed; the order's are among them.  After crowd_settle. */
uint64_t crowd_violations(struct crowd *c);
void crowd_free(struct crowd *c);

/* The slow ones among them read nothing for so long. */
void crowd_deafen(struct crowd *c, uint32_t ms);
/* Those who come and go, go (and come again soon). */
void crowd_send_away(struct crowd *c);

uint32_t crowd_random(struct crowd *c, uint32_t below);
void crowd_hang_up(struct crowd *c, struct guest *g);

/* Of use to the parts of the crowd alone. */
void crowd_say(struct crowd *c, struct guest *g);
/* To a complaint: what this guest saw last. */
void crowd_tell(struct crowd *c, struct guest *g);
/* crowd_hear.c: one line, without its end.  ORDER_WAIT: show it again later. */
enum order_answer crowd_hear(struct crowd *c, struct guest *g, const char *line);

#endif

/* crowd.h - simulated clients, called guests, that talk, send private lines, ask `who`, rename
 * themselves, join and leave, and read slowly; and the check of every line they receive.
 *
 * One process, one epoll set.  Every guest writes in fragments, so a line is often half-typed for a
 * while.  Each received line is checked at once: the room's lines by order.h; private lines and
 * their copies are numbered and must arrive exactly once; `who` must list every guest with
 * ROLE_STAYS exactly once.  No guest may lose its connection unless it closes it.
 *
 * Guests with ROLE_FILTERS send no speech: they ignore one another and switch timestamps on and
 * off.
 *
 * A guest in the room is called n<speaker>-...; its lines carry this number.  A guest that joins
 * again gets a new number. */
#ifndef TESTS_CRASH_CROWD_H
#define TESTS_CRASH_CROWD_H

#include "tests/crash/order.h"
#include "tests/crash/web.h"

#include <stdbool.h>
#include <stdint.h>

enum crowd_role { ROLE_STAYS, ROLE_SLOW, ROLE_COMES_AND_GOES, ROLE_RENAMES, ROLE_FILTERS };
enum { CROWD_NAME_MAX = 32, CROWD_LINE_MAX = 1200, CROWD_OUTCASTS = 3 };
enum { CROWD_PROXY = 0x7f000301 }; /* 127.0.3.1 */

/* A browser that comes back late misses private lines that are overwritten.  It is told that lines
 * are skipped, behind those that are left. */
struct private_gap {
    enum { GAP_NONE, GAP_DOUBT, GAP_TOLD } state; /* GAP_DOUBT: no line of the room has come yet */
    uint32_t lost;                                /* in doubt */
};

struct guest {
    int fd;           /* -1: not connected */
    uint16_t port;    /* its local port, as in the server's log */
    uint32_t from;    /* its address, as the server knows it; 0: the loopback's */
    bool proxied;     /* it is named by a PROXY header */
    bool browses;     /* it speaks WebSocket: web.h */
    bool doomed;      /* its address is banned, or was when it connected: it may be closed */
    bool gagged;      /* it may be muted: it does nothing but speak */
    bool hushed;      /* ... not even that */
    uint32_t freed;   /* how often it was told that it may speak again */
    uint64_t since;   /* clock_ms(), when it connected */
    int lost_fd;      /* a connection that nothing comes through any more; -1: none */
    uint64_t back_at; /* clock_ms(): its connection is gone, and it comes back; 0: it is not */
    enum crowd_role role;
    enum { GUEST_AWAY, GUEST_LOGGING_IN, GUEST_INSIDE, GUEST_LEAVING } state;
    uint32_t speaker;
    char name[CROWD_NAME_MAX];
    struct viewer viewer;
    struct web web;
    struct text in, out, past; /* in: lines; past: beginnings of the last lines checked */
    bool waits;                /* its next line cannot be checked yet (ORDER_WAIT) */
    uint64_t away_until;       /* clock_ms() */
    uint64_t deaf_until;       /* it does not read until then; 0: it reads */
    uint32_t nicks;            /* renames sent */
    uint32_t asked, answered;  /* lists and filter changes: requests, answers */
    bool listing;              /* the lines of a list are arriving */
    bool listed;               /* the first of them has arrived */
    uint32_t earlier;          /* lines of its history that are still to arrive */
    uint32_t partner;          /* index of the guest that gets its private lines; its own: none */
    uint32_t whispered, copied, heard; /* heard: private lines received from the partner */
    struct private_gap copied_gap, heard_gap;
    bool torn;       /* an incomplete line was received: a notice must follow */
    char odd[80];    /* that line */
    uint8_t *named;  /* [count]: how often the current list has each guest */
    uint32_t others; /* how many names of others it has */
};

struct crowd {
    struct room_order *order;
    struct guest *guest;
    uint32_t count;
    bool encodings; /* a third of the guests each is sent UTF-8, GBK, Big5 */
    int epoll_fd;
    uint16_t port, web_port;      /* web_port: 0: no guest is a browser */
    bool outcast[CROWD_OUTCASTS]; /* addresses that are banned, or about to be, or just were */
    int bystander;                /* see crowd_moderate; -1: it is not there */
    uint32_t bystanders, moderated;
    uint64_t said, whispers, asks, comings, overruns, quick_overruns; /* totals of the run */
    uint64_t disconnects, private_lost, private_doubled, lists_bad, unexpected, refused;
    uint64_t banned; /* guests told so */
    uint64_t browsed, cut,
        returns;     /* comings of browsers; slow ones cut; returns to their places */
    uint32_t random; /* state of crowd_random */
};

/* `plain`: every guest has ROLE_STAYS. */
void crowd_make(struct crowd *c, uint32_t count, uint16_t port, uint32_t seed, bool plain);
/* Before the guests connect: some come from addresses that none of the others has, and some behind
 * CROWD_PROXY.  Those of the OUTCASTS addresses leave and join all the time. */
void crowd_spread(struct crowd *c);
/* Before the guests connect: every third one is a browser, and connects to this port.  A slow one
 * may be cut by an overrun, because a frame cannot be ended early; it joins again under another
 * name. */
void crowd_browsers(struct crowd *c, uint16_t port);
uint32_t crowd_outcast(uint32_t i); /* the address */
/* A connection from that address, which may still be under way and does not block; -1: the kernel
 * refuses it. */
int crowd_connect(uint16_t port, uint32_t from, bool proxied, int window);
/* Connects all guests and waits until all are in the room; false: not within `ms`. */
bool crowd_enter(struct crowd *c, uint32_t ms);
/* One round: `lines` random actions, one fragment of each guest's output, and all input that is
 * available; waits up to `ms` for input. */
void crowd_turn(struct crowd *c, uint32_t lines, int ms);
/* Stops the talk and waits until every line and answer has arrived; false: not within `ms`. */
bool crowd_rest(struct crowd *c, uint32_t ms);
/* The end of a run: no guest connects again, then as crowd_rest; counts what is missing.  Whoever
 * else was in the room must have left it, and a list must name the guests and no other.  False: not
 * within `ms`. */
bool crowd_settle(struct crowd *c, uint32_t ms);
/* The sum of all counters that must be zero, the order's included.  Called after crowd_settle. */
uint64_t crowd_violations(struct crowd *c);
void crowd_free(struct crowd *c);

/* Guests with ROLE_SLOW read nothing for `ms`. */
void crowd_deafen(struct crowd *c, uint32_t ms);
/* Browsers lose their connection, and come back within a second. */
void crowd_cut(struct crowd *c);
/* Guests with ROLE_COMES_AND_GOES leave; they join again within 1.5 s. */
void crowd_send_away(struct crowd *c);
/* One of them is asked to leave, by the control socket at this path, and in any case leaves. */
void crowd_kick(struct crowd *c, const char *control);
/* By that socket an address of nobody is banned, and again not; a bystander, who never speaks, is
 * muted, and again not.  The crowd overlooks its coming and going. */
void crowd_moderate(struct crowd *c, const char *control);
void crowd_without_bystander(struct crowd *c);
/* Guests with ROLE_FILTERS ignore all others of them, and cease to. */
void crowd_ignore(struct crowd *c);
/* Guests with ROLE_FILTERS ask for as much history as there is. */
void crowd_history(struct crowd *c);

uint32_t crowd_random(struct crowd *c, uint32_t below);
void crowd_hang_up(struct crowd *c, struct guest *g);

/* Used by the files of the crowd only. */
void crowd_say(struct crowd *c, struct guest *g);
void crowd_ask(struct crowd *c, struct guest *g); /* who */
/* Adds to a complaint the last lines that this guest received. */
void crowd_tell(struct crowd *c, struct guest *g);
/* In crowd_hear.c: checks one line, without its end.  ORDER_WAIT: the caller passes the line again
 * later. */
enum order_answer crowd_hear(struct crowd *c, struct guest *g, const char *line);

#endif

/* moderator.h - an operator who does everything that there is to be done while a crowd talks, by
 * chatroom-ctl as a person would, and by connections that it should not make.
 *
 * - Three addresses of the crowd (crowd_outcast) are banned in turn, and again not: a guest from
 *   there must be told and closed, and come in only when the ban has been taken back.
 * - Guests are muted, by a word or for a time: of each line that such a guest says it must either
 * be told that it is muted, or the room must hear it; nobody may hear what it said when the mute
 * was answered.
 * - Announcements are numbered lines of a speaker of the crowd's order: everybody hears each that
 *   was answered, once; one whose outcome is unknown may be missing.
 * - The master is asked to reload, to reopen the transcript after it was moved away, and for other
 *   log levels.
 * - `status`, `who`, `top --once`, `bans` and `metrics` must always answer.
 * - Metrics are scraped; control connections stop in the middle of a line and are closed late.
 *
 * What chatroom-ctl does not know for sure is asked again, until it does. */
#ifndef TESTS_CRASH_MODERATOR_H
#define TESTS_CRASH_MODERATOR_H

#include "tests/crash/crowd.h"
#include "tests/crash/victim.h"

enum { MODERATOR_GAGS = 3, MODERATOR_LOITERERS = 2, MODERATOR_PATIENCE_MS = 20000 };

/* A chatroom-ctl that runs. */
struct task {
    int fd; /* its output; -1: none runs */
    uint64_t since;
    struct text out;
    const char *said; /* all of it, when it has ended */
    char command[64];
};

/* A thing that is done again and again, by one chatroom-ctl at a time. */
struct duty {
    struct task task;
    uint64_t next; /* clock_ms() */
    uint32_t step;
    bool asked_again; /* the outcome before was unknown */
};

struct gag {
    struct duty duty;
    struct guest *guest;
    bool timed;
    uint32_t refused; /* its speaker's lines before */
    uint64_t spoke;   /* clock_ms() */
};

struct moderator {
    struct victim *victim;
    struct crowd *crowd;
    char ctl[256];
    uint32_t speaker, announced, random, moved; /* moved: files of the transcript */
    uint16_t metrics;                           /* port; 0: none */
    bool over;                                  /* nothing new is begun */
    struct duty say, order, look, outcast[CROWD_OUTCASTS];
    struct gag gag[MODERATOR_GAGS];
    struct {
        int fd; /* -1: none */
        uint64_t until;
    } loiterer[MODERATOR_LOITERERS];
    int scrape_fd; /* -1: none */
    bool scrape_asked;
    uint64_t scrape_since;
    struct text scraped;
    uint64_t says, bans, mutes, refusals, orders, looks, scrapes, loiterers, again; /* totals */
    uint64_t wrong; /* must be zero */
};

/* `binary`: the server's; chatroom-ctl lies beside it.  `metrics`: the server's port for these. */
void moderator_make(struct moderator *o, struct victim *v, struct crowd *c, const char *binary,
                    uint16_t metrics, uint32_t seed);
void moderator_turn(struct moderator *o);
/* Ends what was begun: takes back the bans and mutes.  False: not in time. */
bool moderator_settle(struct moderator *o);
/* When the crowd has settled: chatroom-ctl names exactly its guests, each at its address, and each
 * of the banned addresses may have exactly `per_address` connections. */
void moderator_count(struct moderator *o, uint32_t per_address);
/* When the server has ended: the transcript's files have what the crowd heard, in its order. */
void moderator_compare(struct moderator *o);
void moderator_free(struct moderator *o);

#endif

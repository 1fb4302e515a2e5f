/* link.h - the two connections to the engine (Redis): one that writes and asks, one that reads.
 *
 *     link = link_make(&owner);  link_configure(link, &config);
 *     loop:
 *         n = link_polls(link, polls);  ppoll(..., link_timeout(link, now), ...)
 *         link_work(link, now);                        sends, receives, connects again, beats
 *         while (link_next(link, &event)) ...          what came of it, in order
 *         link_send(link);                             what was asked meanwhile
 *
 * Never blocks, names are resolved by a child.  Both connections begin and end together: whatever
 * is wrong with one (closed, silent for ENGINE_SILENT_MS, an answer that is not expected) is
 * LINK_LOST, after which nothing of what was asked is answered; then the addresses are tried in
 * turn, at once the first time, then with growing pauses.  The link is up once HELLO is answered.
 * What is wrong is logged once, not at each attempt, and is in `state` for people.
 *
 * Memory is bounded: LINK_WINDOW requests, and buffers of fixed size.  By the relay's process
 * alone.  Sources: redis.io/docs, protocol specification (RESP2), Sentinel clients' guidelines. */
#ifndef WORKER_RELAY_LINK_H
#define WORKER_RELAY_LINK_H

#include "ipc/config.h"
#include "ipc/relay.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum {
    LINK_POLLS = 4,
    LINK_WINDOW = 256,      /* requests without an answer */
    LINK_BEAT_MS = 3000,
    LINK_LEASE_MS = 10000,
    LINK_ITEMS = 256,       /* items of one reading */
};
/* clang-format on */

/* What HELLO tells the engine; filled in by the owner each time. */
struct link_hello {
    uint64_t life;
    uint64_t acked; /* the last item that is known to be acknowledged: of the item `hello` */
    uint64_t from;  /* the mark of an engine that has none of this life */
    uint32_t turn;
    uint32_t lines; /* own lines up to `acked`: of the item `hello` */
};

/* The owner's: called from link_work. */
struct link_owner {
    void *arg;
    void (*hello)(void *arg, struct link_hello *out);
    /* This machine's people, one a call, from *at = 0 on: false: no more.  value: "" or "b". */
    bool (*person)(void *arg, uint32_t *at, char name[], size_t size, const char **value);
};

enum link_event_kind {
    LINK_HELLO,  /* the link is up: mark, turn, last */
    LINK_LATER,  /* a higher life of this node is known: life; HELLO follows again */
    LINK_LOST,   /* was up, and is not: nothing that was asked is answered */
    LINK_PASSED, /* a PASS is answered, in order: index, result, mark */
    /* from here on, of what is read: */
    LINK_ITEM,   /* an item that was read: id, bytes, len; len 0: it is none, or too long */
    LINK_READ,   /* all items of one reading were given, none if none came in 2 s; the next
                    waits for link_read */
    LINK_NODE,   /* WORLD: name, life, turn, mark; its people follow.  This machine is among them */
    LINK_PERSON, /* WORLD: name, value */
    LINK_WORLD,  /* WORLD is complete: last */
    LINK_HISTORY, /* link_history is complete: its items came before, newest first */
};

/* A lease that is gone is LINK_LOST: HELLO takes a new one. */
enum link_result { LINK_OK, LINK_GAP };

struct link_event {
    enum link_event_kind kind;
    enum link_result result;
    uint64_t life, index, mark;
    uint32_t turn;
    bool marked; /* LINK_GAP: the engine has a mark of this life, `mark`; else that is 0 */
    struct stream_id id, last;
    const char *bytes, *name, *value; /* not terminated; valid until the next call */
    size_t len, name_len, value_len;
};

/* One item for the stream and its effect on the list of this machine's people. */
struct link_pass {
    uint64_t life, prev, index;
    const char *payload;
    size_t len;
    char op;                  /* '+': name came, '-': left, 'r': is now name2; 0: none */
    const char *name, *name2; /* name2: the new name, or of '+' "b" for a bot, "" */
};

struct link;

struct link *link_make(const struct link_owner *owner); /* NULL: no memory; one a process */
/* What is configured; connects anew if it is not what it was. */
void link_configure(struct link *l, const struct config *config);
int link_polls(const struct link *l, struct pollfd polls[LINK_POLLS]);
int link_timeout(const struct link *l, uint64_t now_ms); /* ms; -1: none */
void link_work(struct link *l, uint64_t now_ms);
void link_send(struct link *l);
bool link_next(struct link *l, struct link_event *out);

bool link_is_up(const struct link *l);
const char *link_peer(const struct link *l);
const char *link_state(const struct link *l);

/* Ends the link, which begins anew: LINK_LOST, then HELLO with all people. */
void link_again(struct link *l, const char *why);

/* False: the window or the buffer is full, or the link is not up.  Sent by the next link_send. */
bool link_pass(struct link *l, const struct link_pass *pass);
bool link_world(struct link *l);
bool link_history(struct link *l, uint32_t items);
void link_read(struct link *l, struct stream_id after); /* the next reading */
/* Gives the lease back.  Once that is answered: LINK_LOST, and no connection until link_configure.
 */
bool link_bye(struct link *l, uint64_t life);
uint32_t link_waiting(const struct link *l); /* PASSes without an answer */

#endif

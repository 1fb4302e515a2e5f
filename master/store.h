/* store.h - the service manager's descriptor store: copies of the segment's descriptor, of the
 * listening sockets and of clients' sockets, so that they outlive every process of the server.
 *
 * The manager keeps what it is sent until the descriptor reports a hang-up, and hands all of it to
 * the service's next process (store_return.h).  Names are `l` for a listening socket, `c`
 * for a client's, and `s` with the object's inode for the segment: a converted one is kept before
 * the one that it replaces is removed, so that there is one at every moment.  It does not say what
 * it has: `struct store` remembers what was sent, in the guardian's own memory.  A guardian that
 * does not know, because it is new or a new binary, sends everything again; a manager that has a
 * descriptor already drops the second copy.
 *
 * Lazily: a client is sent once two looks, a second apart, have found it, and at most one datagram
 * of clients goes out at a look.  Adding one costs the manager a comparison with each that it has.
 *
 * A copy keeps a connection open.  So every close of a client's or a listener's socket is
 * preceded by its removal from epoll and a shutdown of both directions (worker/state/drain.h,
 * master/listen.c).  A number that is given to another socket between the look and the sending
 * makes the manager keep that one: it ends in the same way.
 *
 * The caller is the guardian.
 * Sources: sd_notify(3) and systemd.service(5) of systemd 252. */
#ifndef MASTER_STORE_H
#define MASTER_STORE_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* Clients that are sent to a manager that does not say how many descriptors it keeps.  $FDSTORE is
 * that number, the segment and the listeners included (systemd 254; 0: it keeps none); no
 * more than STORE_MOST clients in any case: their names must fit into the environment of an execve.
 */
enum { STORE_CLIENTS = 1000, STORE_MOST = 16000 };
#define STORE_ENV "FDSTORE"

enum { STORE_LOOK_MS = 1000, STORE_SLICE = 16384 /* records at a look */ };

struct store {
    uint64_t *cookie; /* [clients.len]: of the socket last seen under the number; 0: none.  NULL:
                         there is no store */
    bool *kept;       /* [clients.len]: that socket was sent */
    uint64_t listener[LISTENERS_MAX][WORKERS_MAX]; /* cookies of those that were sent */
    bool segment;                                  /* was sent */
    bool full;      /* it was logged that there is no room for more clients */
    uint32_t count; /* clients that were sent and are there */
    uint32_t listeners;
    uint32_t limit;     /* descriptors in all; 0: STORE_CLIENTS clients */
    uint32_t next;      /* the record at which the next look begins */
    uint64_t looked_at; /* clock_ms() */
};

/* Without a manager, or without memory, there is no store, and the functions below do nothing. */
void store_begin(struct store *store, const struct segment *seg);
static inline bool store_is_there(const struct store *store) {
    return store->cookie != NULL;
}

/* Milliseconds until store_look has something to do; -1: never. */
int store_wait_ms(const struct store *store, uint64_t now);

/* Sends what is not sent yet, if the last look was STORE_LOOK_MS ago; does not wait. */
void store_look(struct store *store, struct segment *seg, uint64_t now);

/* Sends all of it, as many datagrams as it takes, and returns when the manager has it: true; or
 * after `ms`, with a line in the log. */
bool store_all(struct store *store, struct segment *seg, uint32_t ms);

/* A segment is kept; or it is removed: an upgrade, or a start, goes on in another one.  The other
 * is kept first. */
bool store_keep_segment(int object, uint32_t ms);
void store_drop_segment(int object);

/* Every socket is removed from the manager's store, and the segment: the server ends for its
 * people, too, or what was returned is of no use.  `object` below 0: there is none. */
void store_drop(int object);

#endif

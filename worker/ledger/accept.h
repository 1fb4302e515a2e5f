/* accept.h - from the listen queue to a live record. */
#ifndef WORKER_LEDGER_ACCEPT_H
#define WORKER_LEDGER_ACCEPT_H

#include "ipc/address.h"
#include "worker/state/local.h"
#include "worker/text/sentence.h"

enum { ACCEPT_BATCH = 64, ACCEPT_PAUSE_MS = 1000, ACCEPT_FULL_MS = 250 };

struct acceptor {
    /* Accepting is suspended: nothing can be taken from the queues now. */
    bool paused;
    uint32_t resume_at; /* segment_now() */
    uint32_t full_at;   /* when the room was found full and its last wait began, segment_now() */
};

/* Accepts up to ACCEPT_BATCH connections that wait at `listener`.  Each is given a record, becomes
 * a member and is greeted, or is closed where a limit forbids it: with a sentence, or unheard
 * beyond connect_rate.  Without a free descriptor or memory they stay in the queue for
 * ACCEPT_PAUSE_MS, with a line in the log.
 *
 * A room that is full may count clients whose connection has ended and whose worker has not yet
 * looked: before any is refused, new connections stay in the queue for ACCEPT_FULL_MS. */
void accept_batch(struct worker *w, struct acceptor *a, int listener);

/* Once a turn of the loop: ends such a pause when its time has come. */
void accept_resume(struct worker *w, struct acceptor *a);

/* Registers the listeners that this worker is to poll, and removes the others.  If epoll refuses
 * one, this is tried again after ACCEPT_PAUSE_MS. */
void accept_listen(struct worker *w, struct acceptor *a);

/* The other end.  False: the socket has none any more, or is a listener. */
bool accept_peer(int fd, union address_any *peer);

/* Claims the record of a connection that was just accepted, or that a dead worker left, and greets
 * or refuses it.  No effect if another worker was first.  `unheard`: a connection from there is
 * closed without a word; NULL: none is.  By its claim, too: another worker may have found it as an
 * orphan, served and closed it, and the number may name another's connection by now. */
void accept_socket(struct worker *w, int fd, uint64_t cookie, const union address_any *unheard);

/* Why no client of the address is let in, for the log; NULL: nothing forbids it.  *sentence is what
 * the client is told.  The clients of the address are counted now, over the records of all workers;
 * those whose PROXY header is due count nowhere.  A web client is not
 * judged by their number here (state/limits.h). */
const char *accept_refuses(struct worker *w, enum client_kind kind, const struct in6_addr *addr,
                           enum sentence *sentence);

/* Exact while header->listeners_moves is even and unchanged. */
bool accept_is_listener(const struct segment *seg, int fd);

#endif

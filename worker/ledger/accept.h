/* accept.h - from the listen queue to a live record. */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "worker/state/worker.h"

enum { ACCEPT_BATCH = 64, ACCEPT_PAUSE_MS = 1000 };

/* Accepts up to ACCEPT_BATCH connections that wait at `listener`: each is given a record and
 * becomes a member, or is closed, with a sentence, where a limit forbids it.  Without a descriptor
 * or memory they are left in the queue for ACCEPT_PAUSE_MS, with a line in the log. */
void accept_batch(struct worker *w, int listener);

/* Once a turn: ends such a pause when its time has come. */
void accept_resume(struct worker *w);

/* SO_COOKIE: which socket this is; 0: none. */
uint64_t accept_cookie(int fd);

/* A connection that has no record yet, just taken from the queue or left by one who died over it:
 * claims its record, and greets or refuses it.  Nothing is done if another was first. */
void accept_socket(struct worker *w, int fd, uint64_t cookie);

/* Also one that is just being opened or closed, while header->listeners_moves is even. */
bool accept_is_listener(const struct segment *seg, int fd);

/* Registers the listeners this worker is to poll, and only these. */
void accept_listen(struct worker *w);

#endif

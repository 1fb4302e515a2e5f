/* accept.h - from the listen queue to a live record. */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "worker/worker.h"

enum { ACCEPT_BATCH = 64, ACCEPT_PAUSE_MS = 1000 };

/* Accepts up to ACCEPT_BATCH connections that wait at `listener`: each is given a record and
 * becomes a member, or is closed, with a sentence, where a limit forbids it.  Without a descriptor
 * or memory they are left in the queue for ACCEPT_PAUSE_MS, with a line in the log. */
void accept_batch(struct worker *w, int listener);

/* Once a turn: ends such a pause when its time has come. */
void accept_resume(struct worker *w);

/* A socket that a predecessor accepted and gave no record: as if it had just come. */
void accept_orphan(struct worker *w, int fd);

bool accept_is_listener(const struct segment *seg, int fd);

/* Registers the listeners this worker is to poll, and only these. */
void accept_listen(struct worker *w);

#endif

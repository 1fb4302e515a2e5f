/* accept.h - from the listen queue to a live record. */
#ifndef WORKER_ACCEPT_H
#define WORKER_ACCEPT_H

#include "worker/worker.h"

enum { ACCEPT_BATCH = 64 };

/* Accepts up to ACCEPT_BATCH connections that wait at `listener`. */
void accept_batch(struct worker *w, int listener);

/* Gives a connected socket a record and makes it a member; closes it, with a sentence, where a
 * limit forbids it.  `mine`: see client_claim. */
void accept_socket(struct worker *w, int fd, int mine);

bool accept_is_listener(const struct segment *seg, int fd);

/* Registers the listeners this worker is to poll, and only these. */
void accept_listen(struct worker *w);

#endif

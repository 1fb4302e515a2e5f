/* leave.h - the end of a connection begins.  Its steps may be cut by a death anywhere:
 *
 *     leave_begin       state CLOSING; nothing more is read from it
 *     closing_stage     its leave is staged (if its coming was announced), published, applied
 *     closing_finish    buffers given back; the descriptor closed, if it is still that socket; FREE
 *
 * A successor that finds a record CLOSING goes on at the first step that is not done yet
 * (worker/ledger/closing.h).  By the client's owner only. */
#ifndef WORKER_RECORD_LEAVE_H
#define WORKER_RECORD_LEAVE_H

#include "worker/state/local.h"

/* `why`: for the log; NULL: the client ended it.  No effect if it is not live. */
void leave_begin(struct worker *w, struct client *c, const char *why);

/* Its connection ended, but not by its own goodbye: a browser in the room is away from now on
 * (away.h), and any other client leaves.  `why` as above. */
void leave_lost(struct worker *w, struct client *c, const char *why);

/* Its connection is broken (reset, or given up by the kernel), as recv, send or epoll told.  It
 * is lost at once: what it sent before is not processed, and nothing more is sent.  `error`: the
 * errno; 0: the socket is asked for it. */
void leave_broken(struct worker *w, struct client *c, int error);

/* Why, of a client whose network has vanished; for the log. */
#define LEAVE_NETWORK "its network is gone"

#define LEAVE_KICKED "it was asked to leave"

#endif

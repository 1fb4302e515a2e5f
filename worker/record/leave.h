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

/* Its socket takes nothing any more.  Pending output is dropped and its buffers are freed; input
 * that was received before is still processed, and then the connection ends. */
void leave_write_failed(struct worker *w, struct client *c);

#endif

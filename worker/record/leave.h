/* leave.h - the end of a connection, in an order that may be cut anywhere.
 *
 *     leave_begin    life = CLOSING; nothing more is read from it
 *     leave_stage    its leave is staged (if anybody saw it come), published, applied: FACT_LEFT
 *     leave_finish   boxes given back; the descriptor closed, if it is still that socket; life =
 * FREE
 *
 * A successor that finds a record CLOSING goes on at the first step that is not done yet. */
#ifndef WORKER_LEAVE_H
#define WORKER_LEAVE_H

#include "worker/state/worker.h"

/* `why`: for the log; NULL: it went by itself. */
void leave_begin(struct worker *w, struct client *c, const char *why);
/* Its socket takes nothing any more.  What it sent before that is still read and said; then it
 * goes. */
void leave_lost(struct worker *w, struct client *c);
/* A last sentence, then the end.  May fail to be told to one who does not read. */
void leave_goodbye(struct worker *w, struct client *c, uint32_t sentence, const char *why);

/* Stages the leaves of all who are going, as far as the stage has room. */
void leave_stage(struct worker *w);
void leave_finish(struct worker *w, struct client *c);

#endif

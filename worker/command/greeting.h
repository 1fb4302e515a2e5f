/* greeting.h - the first words to a client: the greeting and how to log in, or in the open room its
 * join.
 *
 * A client is greeted when it is accepted, when it is adopted from a worker that died or retired
 * before it did, and when a reload opens the room to clients that were asked to log in.  Its input
 * is paused (PAUSE_ARRIVAL) meanwhile. */
#ifndef WORKER_COMMAND_GREETING_H
#define WORKER_COMMAND_GREETING_H

#include "worker/state/local.h"

/* Whether there is something to be said, or a join to be staged. */
bool greeting_due(const struct worker *w, const struct client *c);

/* Begins it, and completes it unless the stage is full or no buffer is free. */
void greeting_begin(struct worker *w, struct client *c);

/* Tries again, for a client of the ready queue with PAUSE_ARRIVAL.  True if it should be tried once
 * more in the next round; else it is complete, or another event will queue the client again. */
bool greeting_continue(struct worker *w, struct client *c);

/* A reload may have opened the room: clients that wait for a name enter it. */
void greeting_reloaded(struct worker *w);

#endif

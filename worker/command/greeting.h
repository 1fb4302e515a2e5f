/* greeting.h - the first words to a client: the greeting and how to log in, or in the open room its
 * join.
 *
 * A client is greeted once, when it comes to a worker that has not greeted it: when it is accepted,
 * when it is adopted from a worker that died before it did, and when a reload opens the room.  Its
 * input is paused (PAUSE_ARRIVAL) until then. */
#ifndef WORKER_COMMAND_GREETING_H
#define WORKER_COMMAND_GREETING_H

#include "worker/state/local.h"

/* Begins it, and completes it unless the stage is full or no buffer is free. */
void greeting_begin(struct worker *w, struct client *c);

/* Tries again, for a client of the ready queue with PAUSE_ARRIVAL.  True if it should be tried once
 * more in the next round; else it is complete, or another event will queue the client again. */
bool greeting_continue(struct worker *w, struct client *c);

/* A reload may have opened the room: clients that wait for a name enter it. */
void greeting_reloaded(struct worker *w);

#endif

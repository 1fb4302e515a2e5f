/* place.h - the relay's place is committed (ipc/relay.h). */
#ifndef WORKER_RELAY_PLACE_H
#define WORKER_RELAY_PLACE_H

#include "worker/relay/state.h"

/* p->place is in effect from here on, and the slot's cursor and guard are where it is.  Costs about
 * 100 ns: what can wait sets p->unsaved instead. */
void place_commit(struct relay_process *p);

/* The same without the slot's words: under the gate, where no bell is rung. */
void place_flip(struct relay_process *p);

#endif

/* settle.h - what is in the ledger takes effect on the relay's place and on its records: for the
 * relay what apply.h is for a worker, and for a successor the first thing to do.
 *
 * Each effect may be repeated: a record's `seen`, and the place's index, say what has been done.
 */
#ifndef WORKER_RELAY_SETTLE_H
#define WORKER_RELAY_SETTLE_H

#include "worker/relay/state.h"

/* Applies the entries [place.index, count), commits the place and moves the slot's cursor. */
void settle(struct relay_process *p);

#endif

/* apply.h - effects of ledger entries on this worker's clients, after the commit.
 *
 * A line is decided once, by its publisher.  Its effects are applied by the worker that serves the
 * client concerned, exactly once, because a record's `seen` moves past the entry in the same commit
 * as the effect. A slot's cursor never passes an entry that is not applied. */
#ifndef WORKER_LEDGER_APPLY_H
#define WORKER_LEDGER_APPLY_H

#include "worker/state/local.h"

/* Applies the entries [slot cursor, count) and moves the cursor.  False, also in w->settled, if it
 * had to stop at a client that moves here and whose giver has not let go yet: to be called again
 * later. */
bool apply(struct worker *w);

#endif

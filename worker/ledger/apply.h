/* apply.h - effects of ledger entries on this worker's clients, after the commit.
 *
 * A line is decided once, by whoever published it; its effects are applied by the worker that
 * serves the client concerned, exactly once, because a record's `seen` moves past the entry in the
 * same flip as the effect.  A slot's cursor never passes an entry that is not applied. */
#ifndef WORKER_APPLY_H
#define WORKER_APPLY_H

#include "worker/state/worker.h"

/* Walks the entries [slot cursor, count).  False if it had to stop, because a client on its
 * way to us has not been let go yet: call again later. */
bool apply_settle(struct worker *w);

/* Flood control is a GCRA: how far its account is ahead of `time` (ms), how far it may be, and the
 * account after one more line. */
enum { FLOOD_CLOCKS_MS = 1000 };
uint32_t flood_ahead(const struct config *config, uint32_t tat, uint32_t time);
uint32_t flood_slack(const struct config *config);
uint32_t flood_charge(const struct config *config, uint32_t tat, uint32_t time);

#endif

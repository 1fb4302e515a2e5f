/* move.h - a client changes between two living workers.
 *
 * A move is a ledger entry.  The giver serves the client up to the entry and then lets go (it
 * stores the receiver's slot in the record).  The receiver keeps its ledger cursor at the entry
 * until then, and adopts the client.  So every entry is applied to the client by exactly one
 * worker. */
#ifndef WORKER_LEDGER_MOVE_H
#define WORKER_LEDGER_MOVE_H

#include "worker/state/local.h"

/* Applies a MOVE entry.  False: this worker receives the client, and the giver has not let go yet.
 */
bool move_apply(struct worker *w, uint64_t index, const struct entry *entry);

/* While apply() is stopped at a MOVE entry: whether it can go on. */
bool move_ready(const struct worker *w);

/* A retiring worker stages moves of its clients to the slots that stay, which *next counts round.
 * True when no client is left. */
bool move_stage_all(struct worker *w, uint32_t *next);

#endif

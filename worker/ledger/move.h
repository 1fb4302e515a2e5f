/* move.h - a client changes hands between two living workers.
 *
 * A move is a ledger entry.  The giver serves the client up to it and then lets go (stores the
 * receiver's slot in the record); the receiver keeps its ledger cursor at the entry until then, and
 * adopts the client.  So every entry has exactly one worker that applies it to this client. */
#ifndef WORKER_MOVE_H
#define WORKER_MOVE_H

#include "worker/state/worker.h"

/* Applies a MOVE entry.  False: it is for us and the giver has not let go yet. */
bool move_apply(struct worker *w, uint64_t index, const struct entry *entry);

/* Retiring: stages moves of clients that remain, to the slots that stay.  True when none is left.
 */
bool move_stage_all(struct worker *w);

#endif

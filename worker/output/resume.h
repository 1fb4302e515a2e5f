/* resume.h - what a browser has missed: the lines since an event that it has seen.
 *
 * The room's lines are in the ring of frames, so its position moves back there; lines that are
 * overwritten by now are counted as skipped.  Private lines are read from the ledger, which keeps
 * them longer, and come first, as events with the ids of their entries.  By the client's owner,
 * in a change under way, of a client that is in the room or enters it. */
#ifndef WORKER_OUTPUT_RESUME_H
#define WORKER_OUTPUT_RESUME_H

#include "worker/record/change.h"

/* Bytes of private lines that are told at most: the last ones. */
enum { RESUME_PRIVATE = 32768 };

/* The ring goes on with ledger entry `from`, or the oldest that is kept. */
void resume_room(struct change *ch, uint64_t from);

/* Private lines of and to the client in entries [from, upto), as far as they are not overwritten.
 * Those of people that it ignores are left out. */
void resume_private(struct change *ch, uint64_t from, uint64_t upto);

#endif

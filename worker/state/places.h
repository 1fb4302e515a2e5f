/* places.h - a bounded number of connections of one kind, over all workers.
 *
 * Each has a place: a word of the segment with its tag (generation << 32 | descriptor).  Places are
 * never given back: what the tag names says whether one is free, so the number is right after any
 * death. */
#ifndef WORKER_STATE_PLACES_H
#define WORKER_STATE_PLACES_H

#include "worker/state/local.h"

/* A place for a connection whose record this worker has claimed.  False: all are taken. */
bool place_take(struct worker *w, const struct client *c, _Atomic uint64_t *places, uint32_t count);

#endif

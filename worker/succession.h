/* succession.h - the master may die as well: then a worker starts another.
 *
 * All processes share the descriptors, so every worker watches the master's pidfd.  Whoever finds it
 * dead clones a new one over the same table, with the master's parent for its parent.  The new one
 * takes the seat by a CAS (slot.h: a number and the pidfd in one word, so that it is always known
 * whose pidfd was looked at); if two are started at once, one finds the seat taken and goes.  Not covered: the death of the master and of
 * every worker within the same moment; then nobody is left to act. */
#ifndef WORKER_SUCCESSION_H
#define WORKER_SUCCESSION_H

#include "worker/worker.h"

/* Registers the master's pidfd; again after a new one has come. */
void succession_watch(struct worker *w);

/* The pidfd became readable, or a look is due: true while a master is still wanted. */
bool succession_look(struct worker *w);

#endif

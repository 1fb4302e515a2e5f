/* lock.h - a worker takes the gate (ipc/gate.h), the one lock of all processes. */
#ifndef WORKER_STATE_LOCK_H
#define WORKER_STATE_LOCK_H

#include "worker/state/local.h"

/* Waits for the gate.  The slot says so meanwhile, so that the watchdog looks at the gate's owner
 * instead; a dead owner's hold is released. */
void worker_lock(struct worker *w);
void worker_unlock(struct worker *w);

#endif

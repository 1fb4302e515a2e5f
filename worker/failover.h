/* succession.h - the master may die as well: then a worker starts another.
 *
 * All processes share the descriptors, so every worker watches the master's pidfd.  Whoever finds
 * it dead clones a new one over the same table, with the master's parent for its parent.  The new
 * one takes the seat by a CAS (slot.h: a number and the pidfd in one word, so that it is always
 * known whose pidfd was looked at); if two are started at once, one finds the seat taken and goes.
 * Not covered: the death of the master and of every worker within the same moment; then nobody is
 * left to act. */
#ifndef WORKER_SUCCESSION_H
#define WORKER_SUCCESSION_H

#include "worker/state/worker.h"

/* There is another master than the one watched.  A dead one's pidfd is closed by its successor, and
 * epoll then forgets it, perhaps before its event was heard: so the successor rings every worker,
 * and every turn asks this. */
bool failover_changed(const struct worker *w);

/* The pidfd became readable, or a look is due: true while a master is still wanted. */
bool failover_look(struct worker *w);

/* The master's dead man's switch (master/watchdog.h) has expired: it is stopped, or hangs; and
 * again every FAILOVER_SUSPECT_MS while `master_suspected`.  If its heartbeat stands still for four
 * looks, it is killed, and the rest is as above.  (One that was stopped together with us, by a
 * terminal's Ctrl-Z, moves before that.) */
enum { FAILOVER_SUSPECT_MS = 250 };
void failover_suspect(struct worker *w);

#endif

/* standby.h - the standby process of an upgrade: becomes the master if the new binary dies or
 * hangs.
 *
 * An execve gives the master a descriptor table of its own, so no worker may outlive it: such a
 * worker would accept and close in the old table.  If the new master then died, no process would be
 * left.  So before the workers are stopped the master clones the standby process, which holds the
 * old table, does nothing but watch the master, and ends when the first worker of the new master
 * has started.  If the master dies before that - killed, or because the new binary crashes, or
 * killed by the standby because its heartbeat does not move - the standby becomes the master, with
 * the old binary and the old table.
 *
 * One word decides (segment.h, `standby`).  A worker moves it from WATCHES to NONE before it enters
 * a slot; the standby moves it from WATCHES to ACTS before it takes over.  Only one of the two
 * succeeds, so workers never serve from both tables.  A worker that finds ACTS exits. */
#ifndef MASTER_STANDBY_H
#define MASTER_STANDBY_H

#include "ipc/segment.h"

#include <stdbool.h>

/* Becomes the master in place of the dead one that held `lease` (ipc/lease.h); returns the exit
 * status when that has ended. */
typedef int (*resume_entry)(struct segment *seg, uint64_t lease);

/* Called by the master while its workers still live; false with errno. */
bool standby_start(struct segment *seg, resume_entry resume);

/* Called by a new worker, and by a master that goes on after all: the standby is not needed any
 * more.  False if it has taken over, and the calling process is not wanted. */
bool standby_cancel(struct segment_header *header);

/* Whether there is one that may yet take over. */
bool standby_watches(const struct segment_header *header);

/* Called by the master: ends the standby process and reaps it, if there is one and it was
 * cancelled.  Waits at most `ms` milliseconds for a worker to cancel it. */
void standby_reap(struct segment_header *header, int ms);

#endif

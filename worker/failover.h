/* failover.h - when the master dies or hangs, a worker starts another.
 *
 * All processes share the descriptors, so every worker watches the master's pidfd.  A worker that
 * finds it dead clones a new master over the same table, with the old one's parent for its parent.
 * The new master takes the lease by a CAS (ipc/lease.h); if two are started at once, one finds it
 * taken and exits.  A master that hangs or is stopped is found by its watchdog timer
 * (master/watchdog.h), and killed first.
 *
 * Not covered: the death of the master and of every worker within the same moment. */
#ifndef WORKER_FAILOVER_H
#define WORKER_FAILOVER_H

#include "worker/master_entry.h"
#include "worker/state/local.h"

enum {
    FAILOVER_MS = 20,         /* between looks while the master is dead */
    FAILOVER_SUSPECT_MS = 250 /* between looks at the heartbeat of one that is suspected to hang */
};

struct failover {
    master_entry start;
    uint64_t lease;    /* of the master whose pidfd is watched */
    uint64_t replaced; /* the lease of the dead master that this worker has started another for */
    uint32_t replaced_at;
    bool lost;      /* it is dead, and no other has the lease yet */
    bool unwatched; /* epoll refused its pidfd: looked at with every FAILOVER_SUSPECT_MS instead */
    bool suspected; /* its watchdog timer has expired */
    uint64_t suspect_lease, suspect_beat; /* its lease and heartbeat then */
    uint32_t suspect_looks;               /* at an unchanged heartbeat */
    uint32_t looked_at;
};

/* Once a turn of the loop: looks as often as the state asks for. */
void failover_look(struct worker *w, struct failover *f);

/* Its pidfd became readable. */
void failover_lost(struct failover *f);

/* Its watchdog timer has expired: it is stopped, or hangs.  If its heartbeat stays the same for
 * four looks it is killed.  (A master that was stopped together with the workers, by a terminal's
 * Ctrl-Z, moves before that.) */
void failover_suspect(struct worker *w, struct failover *f);

/* Whether there is another master than the one watched.  A new master closes the dead one's pidfd,
 * and epoll forgets it then, perhaps before it was reported; so the new master rings every worker.
 */
bool failover_changed(const struct worker *w, const struct failover *f);

/* Milliseconds until the next look is due; -1: none. */
int failover_timeout(const struct worker *w, const struct failover *f);

#endif

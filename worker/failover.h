/* failover.h - when guardian and master are dead, a worker starts another guardian.
 *
 * All processes share the descriptors, so every worker watches the guardian's pidfd.  If the
 * guardian alone is dead, the master starts another (master/supervisor.c), and a worker only looks
 * on.  If the master is dead too, or has stood still until its watchdog timer expired
 * (master/watchdog.h), a worker that finds the guardian dead clones one over the same table, with
 * the old one's parent for its parent.  It takes the lease by a CAS (ipc/lease.h); if two are
 * started at once, one finds it taken and exits.
 *
 * A guardian that was stopped cannot replace a master: when the timer expires it is continued. */
#ifndef WORKER_FAILOVER_H
#define WORKER_FAILOVER_H

#include "ipc/lease.h"
#include "worker/state/local.h"

enum {
    FAILOVER_MS = 20,           /* between looks while the guardian is dead */
    FAILOVER_UNWATCHED_MS = 250 /* between looks at one that epoll cannot watch */
};

struct failover {
    guardian_entry start;
    uint64_t lease;  /* of the guardian whose pidfd is watched */
    uint64_t master; /* incarnation of the last master that was seen */
    struct lease_watch watch;
    bool lost; /* it is dead, and no other has the lease yet */
    bool
        unwatched; /* epoll refused its pidfd: looked at with every FAILOVER_UNWATCHED_MS instead */
    uint32_t looked_at;
};

/* Once a turn of the loop: looks as often as the state asks for. */
void failover_look(struct worker *w, struct failover *f);

/* Its pidfd became readable. */
void failover_lost(struct failover *f);

/* The master's watchdog timer has expired: continues the guardian, if that was stopped. */
void failover_rouse(const struct worker *w);

/* Whether there is another guardian than the one watched.  A new one closes the dead one's pidfd,
 * and epoll forgets it then, perhaps before it was reported; so the new one rings every worker. */
bool failover_changed(const struct worker *w, const struct failover *f);

/* Milliseconds until the next look is due; -1: none. */
int failover_timeout(const struct worker *w, const struct failover *f);

#endif

/* watchdog.h - finds workers that make no progress while work waits for them, and shows the
 * guardian that the master itself makes progress.  Relay and transcript are looked after as workers
 * are.
 *
 * A worker's heartbeat moves with every turn of its loop.  A worker asleep in epoll_wait does not
 * move it, and need not: it has work only if its bell was rung or its epoll set, which can itself
 * be polled, has an event.  A worker that waits at the gate says so in its slot; the gate's owner
 * is then the one that makes no progress, and is found by its own heartbeat.  A process that waits
 * for a disk says so too, and is no one's hang: only if it was stopped is it replaced.
 *
 * Times are milliseconds of clock_ms(), passed in as `now`.  The caller is the master. */
#ifndef MASTER_WATCHDOG_H
#define MASTER_WATCHDOG_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* What is remembered of one slot between two looks. */
struct watch {
    uint64_t heartbeat; /* as last seen */
    uint64_t since;     /* when it last moved, or when no work waited last */
    uint64_t patience;  /* ms without progress that are allowed; doubles with each kill until the
                           heartbeat moves, for a slow machine must not kill without end */
};

struct watchdog {
    uint64_t last_look; /* 0: none yet */
    struct watch at[CHILD_SLOTS];
};

/* The longest time between two calls of watchdog_look, ms. */
uint64_t watchdog_period(const struct segment *seg);

/* The process now in the slot is measured from `now` on. */
void watchdog_begin(struct watchdog *dog, const struct segment *seg, uint32_t index, uint64_t now);

/* Looks at every worker, unless the last look was less than half a period ago, and kills those
 * whose patience is exhausted.  The master finds them dead like any other. */
void watchdog_look(struct watchdog *dog, struct segment *seg, uint64_t now);

/* The process in the slot was stopped (SIGSTOP).  No other process may wait for it: what it may
 * have been about to do is done for it, and if it owns the gate it is continued. */
void watchdog_stopped(struct segment *seg, uint32_t index);

/* The master makes progress: moves its heartbeat and sets the watchdog timer anew.  That is a
 * timerfd in the shared table, which expires only if the master stops calling this: the guardian
 * watches it.  False with errno if the timer cannot be set. */
bool watchdog_beat(struct segment *seg);

/* How long the master may be without progress until the timer expires, ms. */
uint64_t watchdog_master_ms(const struct segment *seg);

#endif

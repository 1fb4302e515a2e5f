/* watchdog.h - workers that stand still while there is work.
 *
 * A worker's heartbeat moves with every turn.  One that sleeps in epoll_wait has none, and needs
 * none as long as nothing waits for it: neither a rung bell nor an event in its epoll set (which
 * can itself be polled).  One that waits at the gate says so, and then the gate's owner is looked
 * at. */
#ifndef MASTER_WATCHDOG_H
#define MASTER_WATCHDOG_H

#include "master/supervisor.h"

uint64_t watchdog_period(const struct supervisor *s); /* ms between looks */
void watchdog_look(struct supervisor *s);
/* The master's own sign of life: moves its heartbeat, and sets the dead man's switch anew.  That is
 * a timer in the shared table which expires only if nobody does, and then wakes every worker
 * (worker/failover.h); while the master lives it costs the workers nothing. */
void watchdog_beat(struct segment *seg);

/* What it allows the master: worker_timeout, and what it may need for itself. */
uint64_t watchdog_master_ms(const struct segment *seg);

/* A worker was stopped (SIGSTOP): nobody may wait for it at the gate. */
void watchdog_stopped(struct supervisor *s, uint32_t index);

#endif

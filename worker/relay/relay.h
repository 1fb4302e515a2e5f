/* relay.h - the relay's process: one room over several machines.
 *
 * A relay is a worker whose clients are the people of other machines.  What people here do it reads
 * from the ledger and passes on to a stream in an engine that all machines share (Redis); what
 * comes from there it publishes, as the owner of the records of people elsewhere.  It has a slot,
 * is waited for as a worker is, and is replaced when it dies.  The room never waits for the
 * network.
 *
 *      out     pass.c      ledger -> items -> the engine (link.h), acknowledged in order
 *      in      events.c    what the link tells, in order
 *              foreign.c   items -> staged entries
 *              intake.c    staged entries -> the ledger
 *              settle.c    the ledger -> the place (ipc/relay.h) and the records
 *      who     remote.c    records of people elsewhere
 *              world.c     the engine's list of machines and people
 *      before  earlier.c   what was said before this segment began
 *      again   adopt.c     what a predecessor has left
 *
 * Its descriptor table is its own, in which a number may be another file than in the shared one: so
 * it uses no descriptor of the segment but bells, the log and the segment itself, and its sockets
 * end with it. */
#ifndef WORKER_RELAY_RELAY_H
#define WORKER_RELAY_RELAY_H

#include "ipc/segment.h"

#include <stdint.h>

/* What the process runs; returns its exit status. */
int relay_main(struct segment *seg, uint64_t incarnation);

#endif

/* standby.h - the old master in an upgrade: goes on with the old binary if the new one fails.
 *
 * An execve gives the guardian a descriptor table of its own, so no worker may outlive it: such a
 * worker would accept and close in the old table.  So the workers are stopped before, and the old
 * master holds the old table, does nothing but watch the guardian, and exits when the first worker
 * of the new binary has entered its slot.  If the guardian dies before that - killed, or because
 * its way back (upgrade.h) failed, or killed by the standby because `upgrade_beat` does not move -
 * the old master becomes the guardian, with the old binary and the old table.  The new binary's
 * master dies with its guardian until then (process_die_with_parent): there would be two.
 *
 * One word decides (header.h, `standby`).  A worker moves it from WATCHES to NONE before it enters
 * a slot; the standby moves it from WATCHES to ACTS before it takes over; the guardian moves it
 * from WATCHES to RETURNS before it executes the old binary again, which sets it to WATCHES.  Only
 * one of them succeeds, so workers never serve from both tables.  A worker that finds another word
 * than WATCHES or NONE exits.  If the new binary has converted the segment (ipc/convert.h), word
 * and beat are those of the old one. */
#ifndef MASTER_STANDBY_H
#define MASTER_STANDBY_H

#include "ipc/lease.h"
#include "ipc/segment.h"

#include <stdbool.h>

/* What an operator is told that asked for an upgrade which was undone. */
#define STANDBY_UNDONE                                                                             \
    "upgrade: the new binary died or hung as it began; going back to the binary before"

/* Called by the master while its workers still live; false with errno. */
bool standby_begin(struct segment *seg);

/* The master stands by: its workers are dead, and the guardian was asked to execute the new binary.
 * Returns only if that could not be executed; the standby is over then. */
void standby_run(struct segment *seg, guardian_entry guardian);

/* Called by a new worker, and by a process that goes on after all: no standby is needed any more.
 * False if another binary goes on, and the calling process is not wanted. */
bool standby_cancel(struct segment_header *header);

/* Whether there is one that may yet take over. */
bool standby_watches(const struct segment_header *header);

/* Called by the guardian that is about to execute the old binary again; false: a worker was first,
 * or the standby. */
bool standby_return(struct segment_header *header);
/* Called by the old binary then, and by any new one when it begins. */
void standby_adopt(struct segment_header *header);
/* The new binary makes progress. */
void standby_beat(struct segment_header *header);

#endif

/* keeper.h - who lives on while an upgrade has stopped all workers and the master is another
 * program.
 *
 * An execve gives the master a descriptor table of its own, so no worker may outlive it: one that
 * did would accept and close in the old one.  If the master died then, nobody would be left.  So a
 * clone of it, the keeper, holds the old table meanwhile, does nothing but watch the master, and
 * ends when the first worker of the new master begins.  If the master dies before that - killed, or
 * because the new binary crashes, or by the keeper's hand because it stands still - the keeper is
 * the next master, with the old binary and the old table: nothing has happened in the new one.
 *
 * One word decides (segment.h, `keeper`): each child of a master takes it from WATCHES to NONE
 * before it enters a slot, and the keeper from WATCHES to ACTS before it takes over; one of them
 * succeeds.  A child that finds ACTS goes away. */
#ifndef MASTER_KEEPER_H
#define MASTER_KEEPER_H

#include "ipc/segment.h"

#include <stdbool.h>

/* Becomes the master in place of the dead one in `seat`; the exit status when that has ended. */
typedef int (*resume_entry)(struct segment *seg, uint64_t lease);

/* While the workers still live; false with errno. */
bool standby_start(struct segment *seg, resume_entry resume);

/* By a new worker: false if the keeper has taken over, and this process is not wanted. */
bool standby_cancel(struct segment_header *header);

/* By the master: the keeper, if there is one and it is not wanted any more, goes.  `ms`: how long a
 * worker is waited for who may relieve it. */
void standby_reap(struct segment_header *header, int ms);

#endif

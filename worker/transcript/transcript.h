/* transcript.h - the transcript's process: the room's lines, written to a file.
 *
 * It reads the ledger as a worker does and has one client: the file.  Two things differ.  It is not
 * waited for: a disk that stalls must not hold the room.  So its guard binds nothing, the room's
 * ring is all the backlog there is, and what is overwritten before it is read is missed, counted
 * and said (gather.h).  A backlog of its own would die with it, while the ring outlives it; a
 * larger one is a larger `ring_size`.  And it shares no descriptor table (confine.h).  It never
 * takes the gate and publishes nothing, so it has no process to wake.
 *
 * Its loop: write what there is and commit the place (ipc/transcript.h), sync when that is due,
 * wait for the bell.  After a line it looks again TRANSCRIPT_LOOK_MS later, without having its bell
 * rung, so that a busy room does not pay a system call for each line.
 *
 * It ends when the master asks (ipc/transcript.h, `asked`), with everything written that was in the
 * ledger then.  Where no master makes progress any more and no worker starts another, it ends too.
 */
#ifndef WORKER_TRANSCRIPT_TRANSCRIPT_H
#define WORKER_TRANSCRIPT_TRANSCRIPT_H

#include "ipc/segment.h"

#include <stdint.h>

/* What the process runs; returns its exit status. */
int transcript_main(struct segment *seg, uint64_t incarnation);

#endif

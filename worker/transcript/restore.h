/* restore.h - the room's history over a restart: the last lines of the transcript become the first
 * entries of the ledger, with their times. */
#ifndef WORKER_TRANSCRIPT_RESTORE_H
#define WORKER_TRANSCRIPT_RESTORE_H

#include "ipc/segment.h"

/* Puts the last `history` lines that were said (say, me) into the ledger and all rings.  Their
 * speakers are no clients.  Lines older than RESTORE_DAYS are not taken: an entry's time could not
 * tell their age.  A line that is none of a transcript's is passed over; the log names the first by
 * its byte.  In a room over several machines nothing is taken: its history
 * is the stream's (worker/relay/earlier.h).  By the master, before any worker starts; reads at most
 * the last RESTORE_BYTES. */
enum { RESTORE_DAYS = 365, RESTORE_BYTES = 8 << 20 };
void restore_history(struct segment *seg);

#endif

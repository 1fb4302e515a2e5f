/* transcript_file.h - the master's side of the transcript: opens its file, and the next one.
 *
 * A file is opened only if no other user can have put it there (trusted_file.h), is a regular one,
 * is locked against another server (flock; the lock is the open file's, so it is held by whichever
 * process has the descriptor), and holds nothing but a transcript: a path given by mistake would
 * cost the file there its end.  Descriptors and numbers lie in `struct transcript`
 * (ipc/transcript.h), each stored before the lock is taken, so that a successor of the master finds
 * every lock that is held. The caller is the master. */
#ifndef MASTER_TRANSCRIPT_FILE_H
#define MASTER_TRANSCRIPT_FILE_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a start would open the configured file, were no other server using it; opens and creates
 * nothing.  False with a sentence. */
bool transcript_file_check(const struct config *config, char *err, size_t err_size);

/* Makes the file that `config` names the newest, if it is not: at the start, at a reload.  The
 * process is asked to end, and its successor goes on there.  False with a sentence, and the old one
 * stays. */
bool transcript_file_move(struct segment *seg, const struct config *config, char *err,
                          size_t err_size);

/* After a return from a descriptor store: opens the newest file again, if it is still that of the
 * configuration, so that the transcript goes on where its place says.  What cannot be opened, or is
 * another file by now, is left to transcript_file_move. */
void transcript_file_return(struct segment *seg, const struct config *config);

/* SIGUSR1: opens the path again after the file was moved away.  Logs a failure; the process says
 * when it goes on there.  False: it failed. */
bool transcript_file_reopen(struct segment *seg, const struct config *config);

/* The ledger as it is now is where a transcript begins that has no place yet. */
void transcript_file_begin(struct segment *seg);

/* Closes the file that is finished, and opens the one that was asked for meanwhile: from time to
 * time.
 */
void transcript_file_look(struct segment *seg);

/* Asks the process to write what there is and to end. */
void transcript_file_end(struct segment *seg);

#endif

/* pidfile.h - the file that names the living guardian.
 *
 * The file is opened and locked (flock) early, so that a second server with the same pidfile does
 * not start, and is written when the server is ready.  The lock belongs to the open file and is
 * shared by every process of the server: it is held until the last of them ends.  The descriptors
 * lie in `struct master_state`, so that the next master goes on with them.  The file is a regular
 * one that no other user can have put there (trusted_file.h), and holds nothing but a process id: a
 * path given by mistake would cost the file there.
 *
 * The caller is the master, or the guardian before the first one lives and after the last one. */
#ifndef MASTER_PIDFILE_H
#define MASTER_PIDFILE_H

#include "ipc/config.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether pidfile_open would accept the configured file, were no other server using it; opens and
 * creates nothing.  False with a sentence. */
bool pidfile_check(const struct config *config, char *err, size_t err_size);

/* Opens and locks the configured file; nothing if there is none.  False with a sentence. */
bool pidfile_open(struct master_state *state, const struct config *config, char *err,
                  size_t err_size);

/* Writes `pid`, the guardian's, unless it is there already.  False with a sentence, and the file is
 * empty. */
bool pidfile_write(const struct master_state *state, pid_t pid, char *err, size_t err_size);

/* Unlinks the file, if its path still names this one, and drops the lock. */
void pidfile_remove(struct master_state *state);

/* A reload: moves to the path that `config` names, or writes the pid again if the file has lost it
 * or the path has lost the file.
 * False with a sentence if the file cannot be opened, locked and written there; the old one then
 * stays in use.  A master that died inside this function
 * leaves a state that its successor's call completes. */
bool pidfile_move(struct master_state *state, const struct config *config, pid_t pid, char *err,
                  size_t err_size);

#endif

/* log_file.h - opens the log that the configuration names, and opens it again.
 *
 * The log has one descriptor number for all processes, since they share the descriptor table.
 * Opening it again puts the new file on the same number, so every process writes to the new file
 * from its next line on.  A path is opened only if no other user can have chosen what is there
 * (trusted_file.h).  The caller is the master. */
#ifndef MASTER_LOG_FILE_H
#define MASTER_LOG_FILE_H

#include "ipc/config.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* Opens the log, sets its level, and stores descriptor and target in `state`.  On failure: false
 * with a sentence in `err`, and lines go where they went before. */
bool log_file_open(struct master_state *state, const struct config *config, char *err,
                   size_t err_size);

/* Whether log_file_open would succeed, without opening or creating anything; else a sentence. */
bool log_file_check(const struct config *config, char *err, size_t err_size);

/* The standard descriptor that the configuration names ("stderr", "/dev/stderr", "/dev/fd/2",
 * "/proc/self/fd/2", or those of standard output), or -1. */
int log_file_standard(const struct config *config);

/* Whether the log is a file, pipe or device that is opened by its path. */
bool log_file_is_path(const struct config *config);

/* SIGUSR1: opens the path again after the file was moved away; there is nothing to do for a log
 * that has no path.  Logs the outcome.  False: logging goes on where it was. */
bool log_file_reopen(struct master_state *state, const struct config *config);

#endif

/* detach.h - `-d`: the server runs in the background, in a session of its own.
 *
 * The process that was started forks and waits until the child is ready or has failed, and exits
 * with 0 or 1; only the child returns from detach_begin.  The process that waits passes a signal
 * that stops the server on to the child, and ignores the master's other signals.  The reason of a
 * failure is written to standard error, which the child keeps until detach_end. */
#ifndef MASTER_DETACH_H
#define MASTER_DETACH_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>

struct detach {
    int ready; /* pipe to the waiting parent; -1: the server stays in the foreground */
    int null;  /* /dev/null, to take the place of the standard descriptors */
};
#define DETACH_NONE ((struct detach){-1, -1})

/* Returns in the child.  False with a sentence if there can be none; nothing has changed then. */
bool detach_begin(struct detach *detach, char *err, size_t err_size);

/* The server is ready: replaces the standard descriptors, and a log on one of them, by
 * /dev/null, since the program that started the server may wait for the end of its output; then
 * lets the parent exit with 0.  Twice is as good as once.  In the foreground it does nothing. False
 * with a sentence; the parent then exits with 1 when this process ends. */
bool detach_end(struct detach *detach, const struct config *config, int log_fd, char *err,
                size_t err_size);
/* Once no successor of this process can call detach_end again: closes what it needs. */
void detach_close(struct detach *detach);

#endif

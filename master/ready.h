/* ready.h - says that the server serves: in the log, and to the service manager.
 *
 * The caller is the master that has just begun to serve, or that has reloaded. */
#ifndef MASTER_READY_H
#define MASTER_READY_H

#include "ipc/segment.h"

/* One line for operators and scripts: `what`, then room, addresses, workers and pid. */
void ready_log(const struct segment *seg, const char *what);

/* Names this process to the service manager. */
void ready_announce(void);

#endif

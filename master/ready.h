/* ready.h - says in the log that the server serves.
 *
 * The caller is a master or guardian that has just begun to serve, or the master that has reloaded.
 */
#ifndef MASTER_READY_H
#define MASTER_READY_H

#include "ipc/segment.h"

/* One line for operators and scripts: `what`, then room, addresses, workers and the guardian's pid.
 */
void ready_log(const struct segment *seg, const char *what);

#endif

/* manager.h - what the service manager is told (notify.h): that the server is ready, that it
 * reloads and has reloaded, that it is well.  Which it is not if the master makes no progress or no
 * worker serves: then the manager, if it has asked to hear of it ($WATCHDOG_USEC), starts the
 * server anew.
 *
 * The caller is the guardian.  Times are milliseconds of clock_ms(). */
#ifndef MASTER_MANAGER_H
#define MASTER_MANAGER_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* What the manager knows.  Zeros but for `due` at first. */
struct manager {
    bool announced; /* that the server is ready */
    bool reloading;
    uint64_t beat; /* the master's heartbeat when it was last told that all is well */
    uint64_t due;  /* when it is told that next; 0: it does not ask */
};

void manager_begin(struct manager *manager, uint64_t now);

/* A SIGHUP has come. */
void manager_reloading(struct manager *manager);

/* Once a turn of the guardian's loop. */
void manager_look(struct manager *manager, const struct segment *seg, uint64_t now);

#endif

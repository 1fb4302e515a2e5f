/* master_entry.h - what a worker is handed to start a master with. */
#ifndef WORKER_MASTER_ENTRY_H
#define WORKER_MASTER_ENTRY_H

#include "ipc/segment.h"

#include <stdint.h>

/* What a worker runs in a clone of itself when the master is dead; handed in by master/main.c,
 * because worker/ does not include master/.  NULL: no failover.  Returns the exit status. */
typedef int (*master_entry)(struct segment *seg, uint64_t lease);

#endif

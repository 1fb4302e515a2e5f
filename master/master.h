/* master.h - the four ways into and out of a master's life: a start from nothing, the adoption
 * after an upgrade, the take-over from a master that died, and the end.
 *
 * What a successor must know lies in the segment's header (struct master_state); the contents of
 * `struct master` are a process's own. */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "ipc/segment.h"
#include "master/options.h"
#include "master/standby.h"
#include "master/supervisor.h"

#include <stdbool.h>
#include <stddef.h>

struct master {
    struct segment seg;
    struct supervisor supervisor;
    char **argv;         /* of an upgraded binary */
    resume_entry resume; /* of the standby process of an upgrade */
};

/* Fills the ledger with what is left of an earlier life: restore_history, passed in by main.c. */
typedef void (*restore_entry)(struct segment *seg);

/* From nothing to a server with at least one worker.  False with a sentence; no process is left
 * then.  `counters_exact`: see segment.h.  With -d only the child returns (detach.h). */
bool master_start(struct master *m, const struct options *options, worker_entry entry,
                  restore_entry restore, bool counters_exact, char *err, size_t err_size);

/* After an upgrade's execve: m->seg is mapped, the descriptors are those of the segment, no worker
 * lives.  False, with a sentence, also in the log, and before any worker is started, if this
 * process cannot be the master. */
bool master_adopt(struct master *m, worker_entry entry, char *err, size_t err_size);

/* In a clone of a worker, or in the standby: the master that held `lease` is dead.  True if this
 * process is the master now; false if another process is, or if this one cannot be, with a log
 * line. */
bool master_take_over(struct master *m, struct segment *seg, uint64_t lease, worker_entry entry);

/* Says goodbye to every client; all workers have ended when it returns. */
void master_stop(struct master *m);

#endif

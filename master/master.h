/* master.h - the master's life: starting, taking over from a dead one, adopting after an upgrade,
 * reloading, ending.  What a successor must know lies in the segment's header (struct
 * master_state); the rest of `struct master` is scratch. */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "ipc/segment.h"
#include "master/options.h"
#include "master/supervisor.h"

struct master {
    struct segment seg;
    struct supervisor supervisor;
};

/* From nothing to a serving room; false with a sentence. */
bool master_start(struct master *m, const struct options *options, worker_entry entry,
                  bool counters_exact, char *err, size_t err_size);

/* After an execve: the segment is mapped, all descriptors are here, no worker lives.  False if it
 * cannot be. */
bool master_adopt(struct master *m, worker_entry entry);

/* The configuration, by an upgraded binary's eyes; errors to standard error. */
bool master_check_config(struct master *m);

/* In a worker's clone, when the master in `seat` is dead: true if this process is the master now.
 */
bool master_take_over(struct master *m, struct segment *seg, uint64_t lease, worker_entry entry);

bool master_reload(struct master *m);
void master_reopen_log(struct master *m);
void master_stop(struct master *m);

#endif

/* master.h - the start of the server, and a master's life.
 *
 * The process that is started does everything that is done once: configuration, segment, addresses,
 * privileges.  An error is its exit status.  Then it is the guardian (guardian.h), and its child is
 * the master, which starts the workers.  What a successor must know lies in the segment's header
 * (struct master_state); the contents of `struct master` are a process's own. */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "ipc/segment.h"
#include "master/detach.h"
#include "master/guardian.h"
#include "master/options.h"
#include "master/store_return.h"
#include "master/supervisor.h"

#include <stdbool.h>
#include <stddef.h>

struct master {
    struct segment seg;
    struct supervisor supervisor;
    struct detach detach;           /* of the first */
    struct store_returned returned; /* to the guardian-to-be, from a descriptor store */
    char **argv;                    /* of an upgraded binary */
};

/* Fills the ledger with what is left of an earlier life: restore_history, passed in by main.c. */
typedef void (*restore_entry)(struct segment *seg);

/* ---- the guardian-to-be ---- */

/* From nothing, or from what a descriptor store has returned, to a server that lacks only its
 * master.  False with a sentence; no process is left then.  `counters_exact`: see segment.h.  With
 * -d only the child returns (detach.h). */
bool server_start(struct master *m, const struct options *options, restore_entry restore,
                  bool counters_exact, char *err, size_t err_size);

/* After an upgrade's execve: the segment is mapped, the descriptors are those of the segment. */
void server_adopt(struct segment *seg);

/* ---- the master ---- */

/* Begins: with the server, after an upgrade, or in place of a master that died.  False: the server
 * cannot serve, and the reason is on standard error. */
bool master_live(struct master *m, struct segment *seg, enum master_beginning beginning,
                 worker_entry entry, guardian_entry guardian);

/* Pidfile and log name the guardian that was made in place of a dead one. */
void master_new_guardian(struct master *m);

/* Says goodbye to every client; all workers have ended when it returns, and the server ends with
 * the caller. */
void master_stop(struct master *m);

/* The same without a word: a descriptor store keeps everybody.  But if the configuration on the
 * disk changes what the returned segment could not follow, goodbye is said. */
void master_store(struct master *m);

#endif

/* guardian.h - the process that is started: the smallest one, whose pid is the server's from start
 * to end.
 *
 * It starts the server (server_start, master.h), then the master, and does four things more.
 *
 *   It starts another master when that dies, stands still (watchdog.h) or when all processes are
 *   dead: it holds the descriptor table and the segment, so nobody is disconnected.
 *   It hears signals, and passes them on (signals.h); it waits for children of any kind: the
 *   master's processes are its children, and it may be process 1 of a container.
 *   It speaks to the service manager (manager.h), which listens to the process it started alone.
 *   In an upgrade it executes the new binary (upgrade.h).
 *
 * It reads no data and takes no gate.  Its own death: the master clones another
 * (supervisor.c), or a worker, if the master is dead too (worker/failover.h).  Times are
 * milliseconds of clock_ms(). */
#ifndef MASTER_GUARDIAN_H
#define MASTER_GUARDIAN_H

#include "ipc/segment.h"
#include "master/manager.h"
#include "master/store.h"

#include <stdbool.h>
#include <stdint.h>

/* How a master's life begins: with the server, after an upgrade, after one that failed and was
 * undone, or in place of one that died. */
enum master_beginning { MASTER_FIRST, MASTER_UPGRADED, MASTER_RETURNED, MASTER_AGAIN };

/* What a master runs, passed in by main.c.  Returns the exit status. */
typedef int (*master_entry)(struct segment *seg, enum master_beginning beginning);

struct guardian {
    struct segment *seg;
    master_entry master;
    char **argv; /* of an upgraded binary */
    enum master_beginning next;
    int signal_fd;
    bool alive;          /* there is a master, or one is being started */
    uint64_t started_at; /* the master, or this process if that is younger */
    uint64_t respawn_at; /* the next master is due */
    uint64_t stop_until; /* SIGTERM came: every process is killed then; 0: it did not */
    uint64_t kill_at;    /* the master stands still, and is killed then; 0: it does not */
    uint64_t beat;       /* its heartbeat when that began */
    bool upgraded;       /* a new binary without a worker yet */
    struct manager manager;
    struct store store;
    bool ended;
    int status;
};

/* Makes this process the guardian: after server_start; after the execve of an upgrade; in a clone
 * of the master, or of a worker, in place of the one that held `lease`.  False with a sentence;
 * `take` false also if another process is. */
bool guardian_begin(struct guardian *g, struct segment *seg, char *err, size_t err_size);
bool guardian_adopt(struct guardian *g, struct segment *seg, char *err, size_t err_size);
bool guardian_take(struct guardian *g, struct segment *seg, uint64_t lease, char *err,
                   size_t err_size);

/* Until the server ends.  Returns the exit status. */
int guardian_run(struct guardian *g, master_entry master, char **argv);

#endif

/* supervisor.h - starts the workers, the relay and the transcript, finds those that died, and
 * starts others in their places.
 *
 * The processes are the guardian's children, as the master is, and it reaps them.  The master does
 * not touch the room.  It makes the slots' descriptors, starts a process in each slot, waits, and
 * obeys signals.  Times are milliseconds of clock_ms().  Every function is called by the master. */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "ipc/lease.h"
#include "ipc/segment.h"
#include "master/watchdog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a process of slot `slot` runs, passed in by main.c.  Returns the exit status. */
typedef int (*worker_entry)(struct segment *seg, uint32_t slot, uint64_t incarnation);

struct supervisor {
    struct segment *seg;
    worker_entry entry;
    guardian_entry guardian;
    struct lease_watch guarded;
    bool plain_fork;
    bool tentative;    /* of an upgrade that is not certain yet: dies with its guardian */
    pid_t named;       /* the guardian that the pidfile and the log's last such line name */
    bool stopping;     /* dead workers are not replaced */
    bool goodbye;      /* workers say it */
    uint64_t alarm_at; /* SUPERVISOR_ALARM is due; 0: none */
    struct watchdog watchdog;
    struct {
        uint64_t started_at; /* its process, or this master if that is younger */
        uint64_t respawn_at; /* the next process is due; 0: none */
    } at[CHILD_SLOTS];
};

enum { SUPERVISOR_ALARM_MS = 1000 };

/* Why supervisor_run returns. */
enum supervisor_event {
    SUPERVISOR_NOTHING,
    SUPERVISOR_ALARM, /* alarm_at has come */
    SUPERVISOR_RELOAD,
    SUPERVISOR_REOPEN,
    SUPERVISOR_UPGRADE,
    SUPERVISOR_STOP,
    SUPERVISOR_STORE,
    SUPERVISOR_REQUEST,  /* a request waits (ipc/request.h) */
    SUPERVISOR_GUARDIAN, /* it is another than `named` */
};

/* Makes bell and epoll set of every slot, the master's bell, and the watchdog timer.  False with a
 * sentence. */
bool supervisor_make_descriptors(struct segment *seg, char *err, size_t err_size);

/* Makes this process the one that supervises.  False with a sentence. */
bool supervisor_init(struct supervisor *s, struct segment *seg, worker_entry entry,
                     guardian_entry guardian, char *err, size_t err_size);

/* Starts a worker in every free slot below the header's `workers`.  False with errno if no such
 * slot has a worker afterwards.  A worker that could not be started is tried again by
 * supervisor_run. */
bool supervisor_start_all(struct supervisor *s);

/* After supervisor_start_all: waits until one of these workers serves, and a moment for the others,
 * replacing those that die.  False if each has died several times before it served. */
bool supervisor_await_serving(struct supervisor *s);

/* Slots beyond `workers` whose process died before it had given its clients away: starts a worker
 * in each, which does so and ends. */
void supervisor_finish_retired(struct supervisor *s);

/* A master that took over: workers that died while there was no master are replaced. */
void supervisor_take_over(struct supervisor *s);

/* Waits; replaces dead workers and those that make no progress, and a dead guardian; returns when
 * there is another guardian, an order (signals.h) or a request asks for something, or the alarm is
 * due. */
enum supervisor_event supervisor_run(struct supervisor *s);

/* The server ends: asks all workers to, waits up to `ms`, and kills those that are left; then relay
 * and transcript, which have SUPERVISOR_LAST_MS at least.  Neither an engine nor a disk that hangs
 * is waited for. */
enum { SUPERVISOR_LAST_MS = 650 };
void supervisor_stop(struct supervisor *s, uint32_t ms);

/* Kills the workers, without a word to their clients; relay and transcript end, as at a stop. */
void supervisor_leave(struct supervisor *s, uint32_t ms);

/* Kills and reaps all processes, for an upgrade.  False if one does not die.  Relay and transcript,
 * whose disk may hang, come first: the workers live on if one does not die. */
bool supervisor_kill_all(struct supervisor *s);

#endif

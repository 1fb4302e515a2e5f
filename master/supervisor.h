/* supervisor.h - starting workers, finding them dead, stopped or hung, and starting others.
 *
 * The master stays out of the data: it makes the slots' descriptors, starts a process in each slot,
 * and waits.  Children are made by clone(CLONE_FILES | SIGCHLD): a fork that shares the descriptor
 * table but not memory, so a worker's death closes nothing.  Signal handlers do nothing here at
 * all: signals arrive by a signalfd and the loop acts. */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a worker process runs: worker_main, handed in by main.c. */
typedef int (*worker_entry)(struct segment *seg, uint32_t slot, uint64_t incarnation);

/* What the watchdog remembers of a slot. */
struct watch {
    uint64_t heartbeat;
    uint64_t since;      /* clock_ms() when it last moved, or there was last nothing to do */
    uint64_t patience;   /* ms; doubles after a kill without a finished turn */
    uint64_t respawn_at; /* clock_ms(); 0: not waiting */
};

struct supervisor {
    struct segment *seg;
    worker_entry entry;
    uint64_t me; /* incarnation */
    int signal_fd;
    bool plain_fork;
    bool stopping;
    uint64_t alarm_at;  /* clock_ms(); 0: none */
    uint64_t last_look; /* watchdog: to notice gaps in our own clock */
    struct watch watch[WORKERS_MAX];
};

enum { SUPERVISOR_ALARM_MS = 1000 };

/* A developer's switch: if this is in the environment, there is one worker, with a descriptor table
 * of its own, because valgrind knows no other fork.  Its death is its clients' end. */
#define PLAIN_FORK_ENV "CHATROOM_PLAIN_FORK"

/* Events the loop hands back. */
enum supervisor_event {
    SUPERVISOR_ALARM, /* alarm_at has come */
    SUPERVISOR_RELOAD,
    SUPERVISOR_REOPEN,
    SUPERVISOR_UPGRADE,
    SUPERVISOR_STOP,
};

/* Makes bell and epoll set of every slot that has none; false with errno. */
bool supervisor_slots(struct segment *seg);

/* Blocks the signals and makes the signalfd; false with errno.  `took_over`: in place of a master
 * that died, whose descriptors are here. */
bool supervisor_init(struct supervisor *s, struct segment *seg, worker_entry entry, bool took_over);

/* Starts a worker in `slot`; false if the kernel refuses (tried again by the loop). */
bool supervisor_spawn(struct supervisor *s, uint32_t slot);

/* As many workers as the header says; those beyond retire by themselves. */
void supervisor_start_all(struct supervisor *s);
/* Dead slots beyond the number of workers still hold clients to be given away: by a worker each. */
void supervisor_finish_retired(struct supervisor *s);
/* A new master: workers that died while there was none are buried and replaced. */
void supervisor_take_over(struct supervisor *s);

/* Waits, respawns, watches; returns when a signal asks for something. */
enum supervisor_event supervisor_run(struct supervisor *s);

/* Tells all to go, waits up to `ms`, kills what is left. */
void supervisor_stop(struct supervisor *s, uint32_t ms);

/* Kills and reaps all workers at once: they are replaceable.  For an upgrade.  False if one would
 * not die. */
bool supervisor_kill_all(struct supervisor *s);

/* No worker lives, and what is written of pidfds is another descriptor table's: the slots are free
 * for others. */
void slots_reap_all(struct segment *seg);

/* To the worker in the slot, if there is one: by its pidfd, for its pid may be another's by now. */
void supervisor_signal(struct supervisor *s, uint32_t index, int signo);

/* Rings every worker: something in the header has changed. */
void supervisor_ring(struct supervisor *s);

#endif

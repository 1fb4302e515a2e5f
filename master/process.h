/* process.h - what the master does to processes: makes, signals and wakes them, and marks
 * them as dead.
 *
 * The caller is the master, or the standby process of an upgrade. */
#ifndef MASTER_PROCESS_H
#define MASTER_PROCESS_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <sys/types.h>

/* A developer's switch: if this is in the environment, there is one worker, made by a plain fork
 * with a descriptor table of its own, because valgrind knows no other fork and no pidfds.  Its
 * death ends its clients' connections. */
#define PLAIN_FORK_ENV "CHATROOM_PLAIN_FORK"
bool process_plain_fork(void);

/* A fork that shares the descriptor table but no memory, so that a death closes no descriptor.
 * Returns as fork does.  `pidfd` receives the child's pidfd, made by the same system call so that
 * no death is missed; NULL: none is made. */
pid_t process_clone(int *pidfd);

/* Sends a signal to the process in the slot, if there is one: by its pidfd where there is one, for
 * its pid may be another process's by now. */
void process_signal(struct slot *slot, int signo);

/* Rings the bell of every worker and of the transcript, asleep or not: something in the header has
 * changed. */
void process_ring_all(struct segment *seg);

/* Marks all of them as dead and forgets their pidfds without closing them: none lives, and the
 * numbers belong to another descriptor table.  Every slot can be filled anew. */
void process_reap_all(struct segment *seg);

#endif

/* process.h - what guardian and master do to processes: make, signal and wake them, find out how
 * they ended, and mark them as dead.
 *
 * The caller is the guardian, the master, or the standby of an upgrade. */
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

/* Invites a process into the slot (slot.h), and makes it by a fork that shares the descriptor table
 * but no memory, so that a death closes no descriptor.  Returns as fork does; the child is to
 * enter, and exits if it cannot.  `sibling`: the caller's parent, the guardian, is its parent too.
 */
pid_t process_start(struct segment *seg, uint32_t index, uint64_t incarnation, bool sibling);

/* The same fork for a process that has no slot yet. */
pid_t process_clone(int *pidfd, bool sibling);

/* The child, before it enters: it is killed when its parent dies, until process_outlive_parent.
 * False: the parent is dead already. */
bool process_die_with_parent(const struct slot *slot);
void process_outlive_parent(void);
/* Whether the calling process is still the child of the one that it was made for. */
bool process_has_parent(const struct slot *slot);

/* A process that was cloned stores its pidfd two system calls later.  Returns when it has, or when
 * its invitation is revoked and it will never enter. */
void process_await_entry(struct slot *slot);

/* Whether the process in the slot is dead, by its pidfd. */
bool process_dead(const struct slot *slot);

/* How it ended.  The guardian stores that before it reaps a child (guardian.h), perhaps a moment
 * after its death is seen by others; so they wait for it, but not if its parent is another process
 * than the guardian.  Then the state that it has left its slot in says whether it was to end, and
 * its own fault handler by which signal it died. */
struct process_end {
    bool exited;
    int status; /* exit status, or signal; 0: unknown */
};
struct process_end process_end(const struct segment *seg, const struct slot *slot);
void process_log_death(uint32_t index, struct process_end end);

/* The guardian: stores the cause. */
void process_store_end(struct slot *slot, int code, int status);

/* Sends a signal to the process in the slot, if there is one: by its pidfd where there is one, for
 * its pid may be another process's by now. */
void process_signal(struct slot *slot, int signo);

/* Rings the bell of every process that the master has started, asleep or not: something in the
 * header has changed. */
void process_ring_all(struct segment *seg);

/* Marks these and the master as dead and forgets their pidfds without closing them: none lives, and
 * the numbers belong to another descriptor table.  Every slot can be filled anew. */
void process_reap_all(struct segment *seg);

#endif

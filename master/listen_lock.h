/* listen_lock.h - of the servers in one network namespace, one at a time binds its addresses.
 *
 * The sockets of two servers of one user may share a port (SO_REUSEPORT).  Before a master binds,
 * it finds out whether another program listens there (listen.h); but a server that was started in
 * the same instant does not listen yet, and neither would find the other.  So a master holds a lock
 * from before that look until its sockets listen.
 *
 * The lock is flock(2) on /proc/self/ns/net, which is one file for exactly those processes whose
 * ports collide.  It belongs to the open file, so it outlives the master that took it (a successor
 * releases it) but not the server.  Its descriptor lies in `struct master_state`.  Any user may
 * take this lock: another user's process, or one that the kernel does not name here, delays the
 * caller, and is told of in the log, but does not stop it.  The caller is the master. */
#ifndef MASTER_LISTEN_LOCK_H
#define MASTER_LISTEN_LOCK_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* True if it is held, also if it was already; and, with a warning, where there can be none (no
 * /proc).  If another process holds it for longer than `ms` milliseconds: false, with a sentence,
 * if that is known to be a living one of this user; else true, with a warning. */
bool listen_lock_take(struct master_state *state, uint32_t ms, char *err, size_t err_size);

/* Nothing if it is not held. */
void listen_lock_release(struct master_state *state);

#endif

/* control_socket.h - the UNIX socket that chatroom-ctl connects to (the key `control`).
 *
 * It has mode 0600 and belongs to the server's user.  Its folder must be one in which no other user
 * can put a socket of its own in its place: trusted_file.h has the rules.  A socket file that a
 * dead server left is replaced; a living server's is not.  One socket listens, and every worker
 * that serves polls it: it outlives each of them, the master, and an upgrade.
 *
 * The segment's header has two rows, one of which is in effect.  A reload opens the new socket in
 * the other row, and one store puts it into effect; after a master's death its successor drops what
 * is in the other row.  The caller is the master. */
#ifndef MASTER_CONTROL_SOCKET_H
#define MASTER_CONTROL_SOCKET_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* Opens the socket that the configuration names, in the other row, unless that socket is in effect
 * and its file is there.  False with a sentence, and nothing is changed.  *changed: whether
 * control_socket_settle has something to do.  If it has opened one, the lock of listen_lock.h is
 * held. */
bool control_socket_prepare(struct segment *seg, const struct config *config, bool *changed,
                            char *err, size_t err_size);

/* What was prepared takes effect; the socket before it is closed, and its file removed. */
void control_socket_settle(struct segment *seg);

/* The other row's socket is closed, and its file removed: what was prepared does not take effect;
 * or in place of a master that died in between. */
void control_socket_abandon(struct segment *seg);

/* The end of the server: the file is removed. */
void control_socket_remove(struct segment *seg);

#endif

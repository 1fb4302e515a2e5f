/* listeners.h - the open addresses: which serve, which are draining, and which slot polls each
 * socket.
 *
 * An address is a `struct listener` in the segment's header, with one socket for each slot there
 * may be.  LISTENER_SERVING: in the configuration.  LISTENER_DRAINING: no longer; the workers take
 * what waits in its queues, and about a second later it is closed.  The caller is the master. */
#ifndef MASTER_LISTENERS_H
#define MASTER_LISTENERS_H

#include "ipc/address.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

enum { LISTENERS_TEXT = LISTENERS_MAX * (ENDPOINT_TEXT + 2) };

/* Binds the addresses that the configuration names and the segment lacks, and marks as draining
 * those that it neither names nor covers.  False, with a sentence and nothing changed, if an
 * address cannot be bound.  Else, if it has bound any, the lock of listen_lock.h is held until
 * listeners_assign. */
bool listeners_configure(struct segment *seg, const struct config *config, char *err,
                         size_t err_size);

/* After a return from a descriptor store: binds again, at their ports, the sockets that did not
 * come back.  False with a sentence.  The lock is held as above. */
bool listeners_return(struct segment *seg, char *err, size_t err_size);

/* Closes the draining addresses. */
void listeners_close_drained(struct segment *seg);

/* In place of a master that died, perhaps while it opened or closed some: closes those that are
 * half open or half closed.  A lock that it held is released by listeners_assign. */
void listeners_repair(struct segment *seg);

/* From now on slots below `workers` serve and the others retire: their sockets are polled by slots
 * that serve.  The workers notice it with the configuration's next publication.  False with errno
 * if a socket cannot listen; each such is logged. */
bool listeners_assign(struct segment *seg, uint32_t workers);

/* The addresses of a kind that `config` names, as "[::]:6666, 127.0.0.1:7777"; not those that are
 * still open because one of these covers them.  Returns out. */
const char *listeners_format(const struct segment *seg, const struct config *config,
                             enum client_kind kind, char out[LISTENERS_TEXT]);

#endif

/* descriptors.h - the limit of open descriptors, and the size of the descriptor table.
 *
 * All processes share one descriptor table, so one limit must suffice for every client, listener,
 * bell, epoll set and pidfd of the server.  The caller is the master, once, before the segment is
 * made. */
#ifndef MASTER_DESCRIPTORS_H
#define MASTER_DESCRIPTORS_H

#include "ipc/config.h"

#include <stddef.h>
#include <stdint.h>

/* Raises the limit to what max_clients needs; where the system does not allow that, lowers
 * max_clients to what it allows, with a log line.  Returns how many descriptors the process may
 * have, or 0, with a sentence in `err`, if they are too few for any client.  `addresses` receives
 * how many addresses may be open at a time, those that a reload gives up included. */
uint32_t descriptors_raise(struct config *config, uint32_t *addresses, char *err, size_t err_size);

/* Raises the limit to `descriptors` again, for a segment that was made when that was allowed; where
 * the system forbids it now, a log line says so. */
void descriptors_restore(uint32_t descriptors);

/* Makes the kernel's table large enough for all of them while one process uses it: growing a table
 * that is shared stalls every process that shares it.  Without effect the server is only slower. */
void descriptors_grow(uint32_t descriptors);

#endif

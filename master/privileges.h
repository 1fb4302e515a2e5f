/* privileges.h - becoming the configured user and group, once, after all addresses are bound and
 * before the first worker starts.
 *
 * After the change the process has no capabilities and no groups but that user's.  A server that is
 * started as its user already keeps what its starter gave it, such as CAP_NET_BIND_SERVICE.
 *
 * The user is given what it must be able to open again: the sockets, and the segment, which an
 * operator's tool of that user opens through /proc/PID/fd.  The process stays dumpable for the same
 * reason; the kernel had cleared that.
 *
 * What root could open and the user cannot, the server needs only later: the configuration at a
 * reload, the binary at an upgrade, the log's folder after a rotation, the pidfile's folder at the
 * end.  It serves without them, so each is a warning at start that names path and consequence. */
#ifndef MASTER_PRIVILEGES_H
#define MASTER_PRIVILEGES_H

#include "ipc/config.h"
#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

/* Changes nothing if the process has the configured user and group already, or if none is
 * configured; then a warning is logged if it is root.  False with a sentence. */
bool privileges_drop(const struct segment *seg, const struct config *config, char *err,
                     size_t err_size);

#endif

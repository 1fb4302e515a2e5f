/* resolve.h - the addresses of a host, without waiting for them: a child asks the resolver and
 * writes what it got to a pipe.  A host that is an address needs no child.
 *
 *     enum resolve_state state = resolve_begin(&r, host, port, now);
 *     while (state == RESOLVE_BUSY) { poll r.fd, until resolve_due(&r); state = resolve_work(&r,
 * now); }
 *
 * One child at a time; it ends with its parent, and is killed when it takes too long.  Its
 * descriptors are its own, so the process that calls this must have left the table that the
 * server's processes share.  A zeroed struct is none under way. */
#ifndef WORKER_RELAY_RESOLVE_H
#define WORKER_RELAY_RESOLVE_H

#include "ipc/address.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RESOLVE_ADDRESSES = 8, RESOLVE_LIMIT_MS = 5000 };

enum resolve_state { RESOLVE_BUSY, RESOLVE_DONE, RESOLVE_FAILED };

struct resolve {
    pid_t pid;      /* of the child; 0: none */
    int fd;         /* where it writes to; -1 or `pid` 0: none */
    uint64_t until; /* ms: it is killed then */
    uint16_t port;
    size_t count;
    union address_any address[RESOLVE_ADDRESSES]; /* with the port */
    const char *wrong;                            /* RESOLVE_FAILED: why */
};

enum resolve_state resolve_begin(struct resolve *r, const char *host, uint16_t port, uint64_t now);
enum resolve_state resolve_work(struct resolve *r, uint64_t now);
/* Ends the child, if there is one. */
void resolve_end(struct resolve *r);

#endif

/* listen.h - binding one address: a socket for each slot there may be, all bound before privileges
 * are dropped.
 *
 * A socket that is bound but does not listen receives nothing; each begins to listen when its slot
 * is first used.  Accepted sockets inherit the options set here: SO_OOBINLINE (urgent data would
 * otherwise shift the kernel's counts of bytes), keepalive, TCP_NODELAY; TCP_KEEPIDLE, whose value
 * SLOT_TAG + slot (seconds) names the slot of a connection that its worker had no time to record;
 * and TCP_KEEPINTVL, whose value KIND_TAG - kind says what kind of clients come there.  The caller
 * is the master. */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include "ipc/segment.h"

#include <stdbool.h>
#include <stddef.h>

enum { LISTEN_BACKLOG = 4096, LISTEN_UNSENT = 128 * 1024 /* bytes */ };

/* Keepalive: a silent connection whose network has vanished is given up within 3 minutes.  It is
 * probed after SLOT_TAG + slot seconds at most (ipc/slot.h), and then every KIND_TAG - kind
 * seconds; the kernel's timers of that length are up to a twentieth late. */
enum { LISTEN_PROBES = 6 };

/* Most between two retransmissions or window probes, where the kernel lets that be set; 120 s
 * otherwise. */
enum { LISTEN_RTO_MAX_MS = 30000 };

/* The address that is bound for `asked`: itself, or 0.0.0.0 in place of [::] on a machine without
 * IPv6. */
struct listen_address listen_resolve(const struct listen_address *asked);

/* Fills fd[], `configured` and `bound`; false with a sentence that names the address, and no socket
 * open.  `beside`: a listener of this server has the port already, on an address that covers this
 * one or is covered by it.  Then no probe can tell whether another program has the port.  The
 * caller holds the lock of listen_lock.h until a socket listens. */
bool listen_open(struct listener *listener, const struct listen_address *asked, bool beside,
                 char *err, size_t err_size);

/* Binds `bound` again for each slot that has no socket.  False with a sentence. */
bool listen_again(struct listener *listener, char *err, size_t err_size);

/* Listens on the slot's socket, unless it does already, and notes its cookie.  False with errno. */
bool listen_start(struct listener *listener, uint32_t slot);
/* No epoll set has any of the sockets. */
void listen_close(struct listener *listener);

/* The same family, address, port and kind. */
bool listen_same(const struct listen_address *a, const struct listen_address *b);

/* Whether a socket on `a` receives connections to b: the same port, and a is b, or [::], or 0.0.0.0
 * and b is IPv4. */
bool listen_receives(const struct listen_address *a, const struct listen_address *b);

/* Whether a listener on `a` serves in place of one on `b`: it receives its connections, and is of
 * the same kind. */
bool listen_covers(const struct listen_address *a, const struct listen_address *b);

#endif

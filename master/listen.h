/* listen.h - binding: one socket per slot and address, all bound before privileges are dropped.
 *
 * A socket that is bound but does not listen receives nothing; each begins to listen when its slot
 * is first used.  Accepted sockets inherit from it: SO_OOBINLINE (urgent data would otherwise shift
 * the kernel's counts), keepalive, TCP_NODELAY, and in TCP_KEEPIDLE the slot it belongs to
 * (SLOT_TAG + slot seconds), by which an orphan is told. */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include "ipc/segment.h"

#include <stddef.h>

enum { LISTEN_BACKLOG = 4096, LISTEN_UNSENT = 128 * 1024 };

/* Fills fd[] and `actual`; false with a sentence that names the address.  `beside`: one of our own
 * listeners has the port already, on an address that covers this one or is covered by it; then only
 * the kernel tells whether another program has it. */
bool listen_open(struct listener *listener, const struct listen_address *asked, bool beside,
                 char *err, size_t err_size);
/* Listens on slot `slot`'s socket, once. */
bool listen_start(struct listener *listener, uint32_t slot);
void listen_close(struct listener *listener);

/* "[::]:6666", "127.0.0.1:6666" */
const char *listen_format(const struct listen_address *address, char out[80]);
bool listen_same(const struct listen_address *a, const struct listen_address *b);
/* Whoever connects to b is served by a: the same port, and a is [::], or a is 0.0.0.0 and b IPv4.
 */
bool listen_covers(const struct listen_address *a, const struct listen_address *b);

#endif

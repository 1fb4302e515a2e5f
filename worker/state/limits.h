/* limits.h - how many people may be connected: at all (max_clients), and from one address
 * (max_clients_per_address; IPv6: its /64).
 *
 * They are counted when that is asked, over the records of all workers, so that the number is right
 * after any death.  A telnet client counts from its acceptance on.  A browser counts once its
 * connection is a WebSocket, and is judged when it logs in, in the open room when the WebSocket
 * begins: before that it may be about to take over the place of another of its connections.  So
 * WEB_BEYOND connections of web listeners are accepted beyond max_clients (ipc/header.h). */
#ifndef WORKER_STATE_LIMITS_H
#define WORKER_STATE_LIMITS_H

#include "worker/state/local.h"

#include <stdbool.h>

/* Whether people are connected beyond max_clients.  `coming`: how many more there are to be. */
bool max_clients_exceeded(struct worker *w, uint32_t coming);

/* Whether there may be no other client of the address.  `self`: one that is counted already, and is
 * no other; NULL: none is. */
bool per_address_full(struct worker *w, const struct in6_addr *addr, const struct client *self);

#endif

/* publish.h - the stage becomes ledger entries: one hold of the gate, one commit. */
#ifndef WORKER_LEDGER_PUBLISH_H
#define WORKER_LEDGER_PUBLISH_H

#include "worker/state/local.h"

/* Decides and publishes what is staged, as far as the ring has room, and wakes the other workers if
 * anything was published.  Lines that find no room stay staged and the stage is closed; it is to be
 * called again once room_waiting (ipc/room.h) says that room was made, or after a while.  Each line
 * below stage.next has its verdict then. */
void publish(struct worker *w);

/* The same by a process whose clients are no members (worker/relay/): `see` does for it what
 * orders_see (orders.h) does for a worker. */
typedef bool (*publish_see)(struct worker *w, uint64_t orders);
void publish_as(struct worker *w, publish_see see);

#endif

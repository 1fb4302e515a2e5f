/* earlier.h - what was said before this segment began is read from the stream, once, for /history
 * and for those who come.
 *
 * Only where nothing was said here yet.  Each line bears its place in the stream, so that a
 * successor goes on behind it; with the last one reading begins.  Lines of this machine's former
 * lives are shown as they were then: without @. */
#ifndef WORKER_RELAY_EARLIER_H
#define WORKER_RELAY_EARLIER_H

#include "worker/relay/state.h"

#include <stdbool.h>

/* LINK_HELLO: asks for it, or begins to read at the stream's end. */
void earlier_begin(struct relay_process *p);
/* LINK_LOST. */
void earlier_lost(struct relay_process *p);

void earlier_item(struct relay_process *p, const struct link_event *ev);
/* LINK_HISTORY.  False: the ring is full; again later. */
bool earlier_end(struct relay_process *p);

#endif

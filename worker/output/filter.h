/* filter.h - lines for clients that do not see all of them, or not as they are in the ring: clients
 * that ignore a speaker, want times, or are echoed.  Their lines are copied into buffers one by
 * one, a part at a time; the next part is made when the one before is sent.  By the client's owner
 * only. */
#ifndef WORKER_OUTPUT_FILTER_H
#define WORKER_OUTPUT_FILTER_H

#include "worker/state/local.h"

/* The next part.  False if nothing is pending, or no buffer is free. */
bool filter_continue(struct worker *w, struct client *c);

#endif

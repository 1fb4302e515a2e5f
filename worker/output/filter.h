/* filter.h - lines for clients that do not see all of them, or not as they are: those who ignore
 * somebody, want times, or are edited in character mode.  Their lines go one by one into boxes, a
 * part at a time, each part when the one before is sent. */
#ifndef WORKER_FILTER_H
#define WORKER_FILTER_H

#include "worker/record/change.h"

/* The next part.  False if nothing is pending, or no box is free. */
bool filter_continue(struct worker *w, struct client *c);

#endif

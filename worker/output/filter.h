/* filter.h - lines for clients that do not see all of them, or not as they are in the ring: clients
 * that ignore a speaker, want times, have a half-typed line on their screen, or are sent an
 * encoding that has no ring: from the UTF-8 ring, converted.
 *
 * What is pending is copied into buffers, a part at a time, and sent from there: what the kernel
 * has accepted of a part is then all that a successor must know, whatever the filter would say by
 * then. A part is all that is pending, up to FILTER_LARGE; FILTER_SMALL where buffers are scarce.
 * Its buffers are given back when it is sent, which for a client that reads is at once.  By the
 * client's owner only. */
#ifndef WORKER_OUTPUT_FILTER_H
#define WORKER_OUTPUT_FILTER_H

#include "worker/record/change.h"
#include "worker/state/local.h"

enum { FILTER_LARGE = 5 * TX_DATA, FILTER_SMALL = 3500 }; /* bytes; the last line goes beyond */

/* The next part, of nothing at or beyond ledger entry `until`.  The caller sends it.  False if
 * nothing is pending, or no buffer is free. */
bool filter_continue(struct worker *w, struct client *c, uint64_t until);

/* The line of one ledger entry as the client is sent it, put into a change; without its time, if it
 * came late and has one. */
void filter_entry(struct change *ch, uint64_t index);

#endif

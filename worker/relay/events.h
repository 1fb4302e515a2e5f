/* events.h - what the link tells (link.h) is dealt with, in order, and the stream is read on.
 *
 * Backpressure: an event that finds no room in the ring is kept, and nothing more is taken from the
 * link, nor asked for, before it is dealt with.
 *
 * The stream is read with a pause between two readings that bring much, so that the items of half a
 * millisecond cost one reading and one commit; a line that comes alone is read at once. */
#ifndef WORKER_RELAY_EVENTS_H
#define WORKER_RELAY_EVENTS_H

#include "worker/relay/state.h"

#include <stdbool.h>
#include <stdint.h>

/* The link is not up yet, or is not any more. */
void events_begin(struct relay_process *p);
void events_down(struct relay_process *p);

/* False: later, with the same event. */
bool relay_event(struct relay_process *p, const struct link_event *ev);

/* All that the link has to tell, and what it makes of the ledger. */
void events_work(struct relay_process *p);

/* What is staged becomes entries; what is in the ledger takes effect. */
void events_settle(struct relay_process *p);

/* Asks for what is due: a reading, the list of people. */
void events_ask(struct relay_process *p);

/* The room is told when the link has been down for a while, and when it is up again. */
void events_notice(struct relay_process *p);

/* Microseconds until events_ask or events_notice is to be called again; -1: not before the link
 * tells something. */
int64_t events_timeout(const struct relay_process *p);

#endif

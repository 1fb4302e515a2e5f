/* announce.h - the coming of guests in the open room, which is said late.
 *
 * A guest is in the room from its first moment on (greeting.h), but its coming is announced only
 * when it has stayed for a second or has sent a line: connections that a load balancer tries, that
 * a scanner opens, or that speak another protocol come and go unheard.  Until then it is quiet
 * (FACT_QUIET): its coming is not in the ledger, it counts for no number of people, no list names
 * it, and if it leaves, nobody is told.  Its second runs from the record's `last_input`, so that a
 * successor goes on with it. By the client's owner only. */
#ifndef WORKER_COMMAND_ANNOUNCE_H
#define WORKER_COMMAND_ANNOUNCE_H

#include "worker/state/local.h"

enum { ANNOUNCE_TENTHS = 10 }; /* that it stays */

/* A quiet guest has come, or was adopted. */
void announce_later(struct worker *w, const struct client *c);

/* Its input waits until its coming is applied, which the ready queue stages (greeting_continue). */
void announce_now(struct worker *w, struct client *c);

/* Once a turn of the loop: those that have stayed. */
void announce_look(struct worker *w);
/* Milliseconds until then; -1: none is quiet. */
int announce_timeout(const struct worker *w);

#endif

/* adopt.h - one routine for every way in which a client comes to a worker that did not accept it:
 * its worker crashed, was killed or hung, its slot retired, the program was replaced.
 *
 * Adopting checks the cookie, takes `sent` and `received` from the kernel, checks the record, and
 * makes the client a member.  What the client has not seen is then applied, what waits is handled,
 * and what is pending is sent, by the ordinary functions.  It may be cut by a death anywhere and
 * run again. */
#ifndef WORKER_LEDGER_ADOPT_H
#define WORKER_LEDGER_ADOPT_H

#include "worker/state/local.h"

void adopt_client(struct worker *w, struct client *c);

/* A successor's start: every client of its slot, buffers, orphans; enters the slot's guard. */
void adopt_slot(struct worker *w);

/* Connections that no worker has given a record.  False: the master was opening or closing
 * listeners, which cannot be told from orphans meanwhile; to be called again. */
bool adopt_orphans(struct worker *w);

#endif

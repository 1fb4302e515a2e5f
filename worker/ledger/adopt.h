/* adopt.h - one routine for every way a client comes to a worker that did not accept it: its worker
 * crashed, was killed or hung, its slot retired, the program was replaced.
 *
 * adopt = check the cookie, take `sent` and `taken` from the kernel, check the record, and make it
 * a member: then what it has not seen is applied, what waits is handled, what is pending is sent,
 * by the ordinary road.  It may die anywhere and be run again. */
#ifndef WORKER_ADOPT_H
#define WORKER_ADOPT_H

#include "worker/state/worker.h"

void adopt_client(struct worker *w, struct client *c);

/* A successor's start: everything its slot holds. */
void adopt_slot(struct worker *w);

/* Connections that nobody has greeted yet.  False: listeners were being opened or closed, which
 * look much the same; to be done again. */
bool adopt_orphans(struct worker *w);

#endif

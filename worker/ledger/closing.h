/* closing.h - the steps of a leave after its beginning (record/leave.h). */
#ifndef WORKER_LEDGER_CLOSING_H
#define WORKER_LEDGER_CLOSING_H

#include "worker/state/local.h"

/* Stages the leaves of closing clients, as far as the stage has room; a client whose join was never
 * published is finished at once.  Those whose place is kept are away from now on. */
void closing_stage(struct worker *w);

/* The last step, repeatable by a successor: buffers given back, the descriptor closed if it is
 * still that socket, the record FREE. */
void closing_finish(struct worker *w, struct client *c);

#endif

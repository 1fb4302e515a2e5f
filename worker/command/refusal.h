/* refusal.h - lines that were refused under the gate are answered: the name is taken, the addressee
 * is not here, the name table is full. */
#ifndef WORKER_COMMAND_REFUSAL_H
#define WORKER_COMMAND_REFUSAL_H

#include "worker/state/local.h"

/* After publish and apply: each refused line is consumed and its client told why.  The stage is
 * emptied when nothing in it waits any more. */
void refusal_answer(struct worker *w);

#endif

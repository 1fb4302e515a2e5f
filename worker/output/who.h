/* list.h - `look` and `who`: a list of any length in bounded memory.
 *
 * The client's facts say how far its list has come; each time its boxes are sent, the next part is
 * made.  So a list of ten thousand costs a box, survives any crash, and is one snapshot per part.
 */
#ifndef WORKER_LIST_H
#define WORKER_LIST_H

#include "worker/record/change.h"

/* Heads the list and sets it going; `which` is FACT_LIST_ROOM or FACT_LIST_ALL. */
void who_begin(struct change *ch, uint32_t which);
/* The next part.  False if nothing can be done now. */
bool who_continue(struct worker *w, struct client *c);

#endif

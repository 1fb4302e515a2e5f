/* complete.h - Tab: the word before the cursor becomes the name of a person in the room. */
#ifndef WORKER_INPUT_COMPLETE_H
#define WORKER_INPUT_COMPLETE_H

#include "worker/protocol/edit.h"
#include "worker/state/local.h"

/* The name of the only other person whose name begins so, with `: ` behind it at the start of the
 * line and a blank elsewhere; of several, what all their names begin with.  The line stays within
 * `max` bytes.  Of a very large room only the first COMPLETE_RECORDS records count; they are
 * charged to the client.  Outside the room nobody is known.  False: nothing was completed, or more
 * than one name begins so. */
enum { COMPLETE_RECORDS = 8192 };
bool complete(struct worker *w, const struct client *c, struct edit *e, uint32_t max);

#endif

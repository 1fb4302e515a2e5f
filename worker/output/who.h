/* who.h - `look` and `who`: a list of any length in bounded memory.
 *
 * The client's facts say how far its list has come.  Each time its buffers are sent, the next part
 * is made.  So a list of ten thousand takes one buffer at a time, survives any death, and each part
 * is a snapshot of its own.  Lines of the room wait until the list is complete.  A private line may
 * come between two parts, but never between the heading and the first.  By the client's owner
 * only. */
#ifndef WORKER_OUTPUT_WHO_H
#define WORKER_OUTPUT_WHO_H

#include "worker/record/change.h"

/* Begins the list; `which` is FACT_LIST_ROOM or FACT_LIST_ALL. */
void who_begin(struct change *ch, uint32_t which);
/* The next part; the first begins with the heading.  False if nothing can be done now. */
bool who_continue(struct worker *w, struct client *c);

/* Idle time as text, "5m", "3h", "50d", from tenths of a second; false below a minute. */
enum { WHO_IDLE_TEXT = 16 };
bool who_idle(uint32_t tenths, char out[WHO_IDLE_TEXT]);

#endif

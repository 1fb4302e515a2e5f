/* pause.h - why a client's input waits, and when it goes on.  Own process only. */
#ifndef WORKER_STATE_PAUSE_H
#define WORKER_STATE_PAUSE_H

#include "worker/state/local.h"

enum { PAUSE_TIMED = PAUSE_FLOOD | PAUSE_BUFFERS | PAUSE_MEMORY };
enum { PAUSE_LOOK_MS = 10 }; /* between looks at those whose reason ends with time */

/* Adds a reason; the client's input is not reported until the last one is gone. */
void pause_client(struct worker *w, struct client *c, uint8_t why);

/* Removes reasons.  When none is left, or the greeting alone, the client is queued as ready. */
void pause_end(struct worker *w, struct client *c, uint8_t why);

/* The client is looked at again in `ms` at the latest (and not before PAUSE_LOOK_MS). */
void pause_look_in(struct worker *w, uint32_t fd, uint32_t ms);

static inline bool pause_has(const struct worker *w, uint32_t fd, uint8_t why) {
    return w->pauses.why[fd] & why;
}

/* Whether a look at the timed ones is due. */
static inline bool pause_look_due(const struct worker *w) {
    return w->pauses.look.count > 0 && (int32_t)(w->pauses.look_at - w->now) <= 0;
}

#endif

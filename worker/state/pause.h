/* pause.h - why a client's input waits, and when it goes on.  Own process only. */
#ifndef WORKER_STATE_PAUSE_H
#define WORKER_STATE_PAUSE_H

#include "worker/state/local.h"

/* clang-format off */
enum pause_reason {
    PAUSE_FLOOD = 1,    /* beyond its rate limit: until time has passed */
    PAUSE_OUTPUT = 2,   /* replies unread: until they are sent */
    PAUSE_BUFFERS = 4,  /* no buffer was free: tried again after PAUSE_LOOK_MS, output too */
    PAUSE_CLOSING = 8,  /* it is leaving: for good */
    PAUSE_ARRIVAL = 16, /* its greeting is not complete, or its join is not applied */
    PAUSE_PUBLISH = 32, /* nothing can be staged: until this worker can publish again */
    PAUSE_MEMORY = 64,  /* no kernel memory for its socket: tried again after PAUSE_LOOK_MS */
};
/* clang-format on */

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

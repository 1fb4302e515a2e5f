/* reclaim.h - what is done when no tx buffer is free.
 *
 * Buffers are few on purpose (ipc/buffer.h).  A client that does not read its replies keeps some
 * for as long as it likes; a client that types a line without end keeps one.  So a worker that
 * finds none free makes a request (state/buffer_request.h), and every worker looks at its members:
 * a member that holds replies and has read nothing between two looks is disconnected; half a long
 * line that is there at two looks in a row counts as too long.  A client that reads, however
 * slowly, keeps its replies. */
#ifndef WORKER_OUTPUT_RECLAIM_H
#define WORKER_OUTPUT_RECLAIM_H

#include "worker/state/local.h"

enum { RECLAIM_MS = 3000 }; /* between looks */

/* This worker's own memory of the last look. */
struct reclaim {
    uint32_t looked; /* when, segment_now() */
    uint32_t *mark;  /* [fd]: what the member had read or typed at the last look; 0: nothing held */
};

bool reclaim_make(struct reclaim *r, uint32_t len);

/* Once a turn of the loop: looks at the members if a request is pending. */
void reclaim_look(struct worker *w, struct reclaim *r);

#endif

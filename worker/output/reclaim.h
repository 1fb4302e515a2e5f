/* reclaim.h - what is done when no tx buffer is free in the share of a client that wants one.
 *
 * Buffers are few on purpose (ipc/buffer.h).  A client that does not read its replies keeps some
 * for as long as it likes; a client that types a line without end keeps one.  So a worker that
 * finds none free makes a request (state/buffer_request.h), and every worker looks at its members:
 *
 *     not in the room, its socket full     disconnected at once
 *     half a long line at two looks        the line counts as too long
 *     a line kept for being recalled       forgotten
 *     in the room, its socket full         disconnected if it has not read at one look what it held
 *                                          at the one before, while more than half of the pool is
 *                                          taken */
#ifndef WORKER_OUTPUT_RECLAIM_H
#define WORKER_OUTPUT_RECLAIM_H

#include "worker/state/local.h"

enum {
    RECLAIM_OUTSIDE_MS = 50, /* between looks at members that are not in the room */
    RECLAIM_MS = 3000,       /* between looks at all */
};

/* What a member held at the last look at all. */
struct reclaim_mark {
    uint32_t generation; /* of the client; 0: nothing */
    uint32_t unread;     /* stream position of the end of its replies, modulo 2^32 */
    bool blocked, line;
};

/* This worker's own memory. */
struct reclaim {
    uint32_t looked, looked_outside; /* when, segment_now() */
    struct reclaim_mark *mark;       /* [fd] */
};

bool reclaim_make(struct reclaim *r, uint32_t len);

/* Once a turn of the loop: looks at the members if a request is pending. */
void reclaim_look(struct worker *w, struct reclaim *r);

#endif

/* away.h - a browser whose connection has ended, and whose place in the room is kept for a while.
 *
 * A browser in the room is away (WEB_AWAY) once its connection has ended otherwise than by its own
 * goodbye.  It stays in the room: it counts, has its name, is listed, and private lines to it are
 * accepted.  Nothing is sent to it, so its position binds nothing: what it missed is found in the
 * ledger when it comes back (worker/command/takeover.h).  After AWAY_TENTHS it leaves.
 *
 *     leave_lost      the end is found, perhaps in the middle of a change: nothing more is read or
 *                     sent, and the client is queued as closing
 *     away_begin      one commit: WEB_AWAY, output and input dropped, the time in list_next
 *     away_cut        epoll forgets the socket, and it is shut down
 *
 * The descriptor stays open, so that its number is no other client's.  While a client is away its
 * socket means nothing: neither its bytes nor its address count, and a takeover that was cut by a
 * death may have replaced it by another one.  A death before the commit leaves a broken connection,
 * which a successor finds; after it, the socket may stay open until the client leaves or is taken
 * over. By the client's owner. */
#ifndef WORKER_RECORD_AWAY_H
#define WORKER_RECORD_AWAY_H

#include "worker/state/local.h"

enum { AWAY_TENTHS = 300 };

/* Whether the client stays if its connection ends now. */
bool away_keeps(const struct client *c);

/* Of a live member that is not away, outside of its changes.  No buffer is wanted. */
void away_begin(struct worker *w, struct client *c);

/* A member that is away has come to this worker: by adoption, or by a move. */
void away_adopt(struct worker *w, struct client *c);

/* Whether its time is over. */
bool away_over(const struct worker *w, const struct facts *f);

#endif

/* takeover.h - a browser that comes back takes its own place over from its former connection.
 *
 * It logs in with its name and the token of its first login (ipc/token.h).  The place is a record:
 * its number and generation, its name, mute and list of ignored people stay what they are, so the
 * room is told nothing, and no ledger entry is needed.  All processes share one descriptor table:
 * the new connection's socket is put under the place's number (dup2), and the record that the new
 * connection had is given back.
 *
 *     1  the place is away: it was, or the former connection is closed with 4001 (record/away.h)
 *     2  the place's next facts are built: the stream of the new connection, what it is answered
 *     3  commit of the new connection's record: WEB_TAKES, and the place in reply_client
 *     4  epoll forgets both numbers; dup2; cookie, address
 *     5  commit of the place's record: it is no longer away.  This one store is the takeover
 *     6  the new connection's record is closed, its number without a word to the peer
 *
 * A death before 5 leaves a place that is away, whose socket means nothing, and a newcomer whose
 * login is not consumed: its successor decides it anew.  After 5, the successor knows by WEB_TAKES
 * and by the equal cookies that the newcomer's record is only left over (takeover_done).
 *
 * Both records have one owner here: a newcomer whose place is another worker's moves there first.
 * Lines of the place that are staged go first.  While the place is away no process but its owner
 * reads its socket's words (client.h). */
#ifndef WORKER_COMMAND_TAKEOVER_H
#define WORKER_COMMAND_TAKEOVER_H

#include "worker/command/invocation.h"

/* The login of a browser that is not in the room; line->from as for any login.  `token`: as it was
 * sent; NULL: none.  False: it is no place's, and the login is one like any other. */
bool takeover(const struct invocation *inv, const char *name, const char *token,
              enum line_outcome *outcome);

/* Whether the client's socket is another record's by now. */
bool takeover_done(const struct worker *w, const struct client *c);

/* A successor has found WEB_TAKES, and the takeover is not done: its login is decided anew. */
void takeover_undo(struct worker *w, struct client *c);

#endif

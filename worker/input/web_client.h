/* web_client.h - a browser or a bot, once its connection is a WebSocket: a pass over the bytes that
 * wait in its rx buffer, through the codec of frames (protocol/websocket.h) and the reader of
 * messages (protocol/json.h), and a message on to its meaning (command/web.h).
 *
 * What has an effect commits the record with `consumed` behind it, except messages that are staged:
 * for these the ledger entry is the commit (scan.h).  What is half read lies in the record (the
 * codec), in the rx buffer's `sub` (struct web_sub) and where a half-typed line lies (the text).
 * Of struct json there are two copies: one is read, the other written, and the commit says which is
 * in effect; all else there is only appended to.  So a death at any instruction costs nothing.  By
 * the client's owner only. */
#ifndef WORKER_INPUT_WEB_CLIENT_H
#define WORKER_INPUT_WEB_CLIENT_H

#include "worker/input/scan.h"
#include "worker/record/change.h"

/* In the change that answers the request with 101: from its commit on the client is a browser. */
void web_client_begin(struct change *ch);
/* Once that is committed. */
void web_client_begun(struct worker *w, struct client *c);

/* The client has an rx buffer with bytes in [consumed, received). */
enum scan_outcome web_client(struct worker *w, struct client *c);

#endif

/* http_client.h - the one request of a connection that speaks HTTP (protocol/http.h), and its end.
 *
 *     HTTP_READING    the head comes, for HTTP_HEAD_MS at most
 *     HTTP_ANSWERED   the answer is in the client's output; committed with the last byte of the
 *                     head, so that a successor sends it, or reads on
 *     HTTP_ENDED      it is sent, and so is our FIN.  What the peer still sends is dropped until
 *                     its FIN, because a reset would take the answer from it: for HTTP_END_MS and
 *                     HTTP_DROP_MAX bytes at most
 *
 * An answer that is no 200 is one line in the log.  By the client's owner only. */
#ifndef WORKER_INPUT_HTTP_CLIENT_H
#define WORKER_INPUT_HTTP_CLIENT_H

#include "worker/state/local.h"

enum {
    HTTP_HEAD_MS = 10000,
    HTTP_ANSWER_MS = 10000,
    HTTP_END_MS = 2000,
    HTTP_DROP_MAX = 48 * 1024
};

/* What waits in the client's rx buffer is read; goes on with what was begun. */
void http_client(struct worker *w, struct client *c);

/* How long its state may last, from last_input on, in ms. */
uint64_t http_client_limit(const struct facts *f);
/* It has lasted so long: a request that is not complete is answered so, others end. */
void http_client_overdue(struct worker *w, struct client *c);

#endif

/* clang-format off */
/* http_client.h - the one request of a connection that speaks HTTP (protocol/http.h), and its end.
 *
 *     HTTP_READING    the head comes, for HTTP_HEAD_MS at most
 *     HTTP_ANSWERED   the answer is in the client's output; committed with the last byte of the
 *                     head, so that a successor sends it, or reads on
 *     HTTP_PAGE       the same, with the page behind it, which takes no buffers: it is sent from
 *                     the segment (ipc/web_page.h)
 *     HTTP_ENDED      it is sent, and so is our FIN.  What the peer still sends is dropped until
 *                     its FIN, because a reset would take the answer from it: for HTTP_END_MS and
 *                     HTTP_DROP_MAX bytes at most
 *     HTTP_UPGRADED   the connection is a WebSocket (web_client.h), committed with the answer that
 *                     says so
 *
 * On a web listener the head may come for login_timeout.
 *
 * Where the peer is a proxy (`proxy_from`), and sends no PROXY header, the client's address is what
 * X-Forwarded-For says (protocol/forwarded.h); it takes effect with the answer.
 *
 * An answer that is no 200 is one line in the log; on a web listener each is.  By the client's
 * owner only. */
/* clang-format on */
#ifndef WORKER_INPUT_HTTP_CLIENT_H
#define WORKER_INPUT_HTTP_CLIENT_H

#include "worker/state/local.h"

enum {
    HTTP_HEAD_MS = 10000,
    HTTP_ANSWER_MS = 10000,
    HTTP_PAGE_MS = 60000,
    HTTP_END_MS = 2000,
    HTTP_DROP_MAX = 48 * 1024
};

/* What waits in the client's rx buffer is read; goes on with what was begun. */
void http_client(struct worker *w, struct client *c);

/* How long its state may last, from last_input on, in ms. */
uint64_t http_client_limit(const struct config *config, const struct facts *f);
/* It has lasted so long: a request that is not complete is answered so, others end. */
void http_client_overdue(struct worker *w, struct client *c);

#endif

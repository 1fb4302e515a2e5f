/* page.h - what an HTTP request is answered with: the resources there are, by the kind of listener,
 * and the errors.
 *
 *     KIND_METRICS    /metrics    the server's numbers (ipc/metrics.h)
 *     KIND_WEB        /           the page for browsers (ipc/web_page.h)
 *                     /chat       a WebSocket: the room
 *
 * A request must name the server by something that no stranger's page can make its own (http.h:
 * HTTP_HOST_...): on a web listener by an IP address, by localhost, or by a name of the
 * configuration's `web_host`.  There a request with an Origin must come from this server's page, so
 * that no other page speaks through its visitors' browsers; without one it is a program's. */
#ifndef WORKER_COMMAND_PAGE_H
#define WORKER_COMMAND_PAGE_H

#include "ipc/client.h"
#include "worker/protocol/http.h"
#include "worker/state/local.h"

#include <stddef.h>

struct page {
    enum http_status status; /* 101: with `accept`, and nothing else */
    const char *type;
    const char *body; /* until the next page; NULL: the page of the segment, with its */
    const char *policy;
    size_t len; /* also where a body is not sent (HEAD) */
    bool head_only;
    uint8_t version; /* of the page of the segment */
    char accept[HTTP_ACCEPT_LEN];
};

/* The page for a request that is complete, or has failed; `kept`: what the codec kept of it. */
void page_find(struct worker *w, const struct client *c, const struct facts *f, const uint8_t *kept,
               struct page *out);
/* A page that says what went wrong, to a client of that kind. */
void page_error(enum client_kind kind, enum http_status status, struct page *out);

/* An error as it is sent: head and body.  Returns the length. */
enum { PAGE_REFUSED_MAX = HTTP_HEAD_MAX + 256 };
size_t page_refused(enum client_kind kind, enum http_status status, char out[PAGE_REFUSED_MAX]);

/* enum http_state of a client that speaks HTTP. */
enum http_state page_state(const struct facts *f);

#endif

/* page.h - what an HTTP request is answered with: the resources there are, by the kind of listener,
 * and the errors.
 *
 *     KIND_METRICS    /metrics    the server's numbers (ipc/metrics.h)
 *
 * A request must name the server by something that no stranger's page can make its own (http.h:
 * HTTP_HOST_...). */
#ifndef WORKER_COMMAND_PAGE_H
#define WORKER_COMMAND_PAGE_H

#include "ipc/client.h"
#include "worker/protocol/http.h"
#include "worker/state/local.h"

#include <stddef.h>

struct page {
    enum http_status status;
    const char *type;
    const char *body; /* until the next page */
    size_t len;       /* also where a body is not sent (HEAD) */
    bool head_only;
};

/* The page for a request that is complete, or has failed; `kept`: what the codec kept of it. */
void page_find(struct worker *w, const struct facts *f, const uint8_t *kept, struct page *out);
/* A page that says what went wrong. */
void page_error(enum http_status status, struct page *out);

/* An error as it is sent: head and body.  Returns the length. */
enum { PAGE_REFUSED_MAX = HTTP_HEAD_MAX + 256 };
size_t page_refused(enum http_status status, char out[PAGE_REFUSED_MAX]);

/* enum http_state of a client that speaks HTTP. */
enum http_state page_state(const struct facts *f);

#endif

/* page.c - see page.h. */
#include "worker/command/page.h"

#include "ipc/metrics.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_SENTENCE_MAX = 256 };

enum http_state page_state(const struct facts *f) {
    struct http h;
    memcpy(&h, f->http, sizeof h);
    return (enum http_state)h.state;
}

/* ---- errors ---- */

/* The status, and where that does not say what to do, a sentence. */
static size_t page_sentence(enum http_status status, char out[PAGE_SENTENCE_MAX]) {
    const char *more = "";
    if (status == HTTP_MISDIRECTED)
        more = "Name the server by its IP address, by localhost, by the name of its machine, or by "
               "a name without a dot.\n";
    if (status == HTTP_NOT_FOUND)
        more = "There is /metrics.\n";
    return (size_t)snprintf(out, PAGE_SENTENCE_MAX, "%s\n%s", http_status_text(status), more);
}

void page_error(enum http_status status, struct page *out) {
    static char text[PAGE_SENTENCE_MAX];
    *out = (struct page){.status = status, .type = "text/plain; charset=utf-8", .body = text};
    out->len = page_sentence(status, text);
}

size_t page_refused(enum http_status status, char out[PAGE_REFUSED_MAX]) {
    struct page page;
    page_error(status, &page);
    struct http_answer answer = {status, page.type, page.len, time(NULL)};
    size_t head = http_head(&answer, out);
    memcpy(out + head, page.body, page.len);
    return head + page.len;
}

/* ---- Host ---- */

static bool page_own_name(const char *name, size_t len) {
    char own[HOST_NAME_MAX + 1];
    return gethostname(own, sizeof own) == 0 && memchr(own, '\0', sizeof own) &&
           strlen(own) == len && strncasecmp(own, name, len) == 0;
}

/* HTTP/1.0 without a Host is no browser's. */
static enum http_status page_host(const struct http_request *q) {
    size_t len;
    if (!q->host)
        return HTTP_OK;
    switch (http_host(q->host, q->host_len, &len)) {
    case HTTP_HOST_NONE: return HTTP_BAD_REQUEST;
    case HTTP_HOST_NAME: return page_own_name(q->host, len) ? HTTP_OK : HTTP_MISDIRECTED;
    case HTTP_HOST_ADDRESS:
    case HTTP_HOST_LOCAL:
    case HTTP_HOST_LABEL: break;
    }
    return HTTP_OK;
}

/* ---- pages ---- */

static void page_metrics(struct worker *w, struct page *out) {
    static char text[METRICS_MAX];
    *out = (struct page){.status = HTTP_OK, .type = METRICS_TYPE, .body = text};
    out->len = metrics_render(w->seg, text);
}

static bool page_is(const struct http_request *q, const char *path) {
    return q->path_len == strlen(path) && memcmp(q->path, path, q->path_len) == 0;
}

void page_find(struct worker *w, const struct facts *f, const uint8_t *kept, struct page *out) {
    struct http h;
    memcpy(&h, f->http, sizeof h);
    if (h.state == HTTP_FAILED) {
        page_error((enum http_status)h.status, out);
        return;
    }
    struct http_request q = http_request(&h, kept, f->line_len);
    enum http_status status = page_host(&q);
    if (status == HTTP_OK && q.method == HTTP_OTHER)
        status = HTTP_METHOD_NOT_ALLOWED;
    if (status == HTTP_OK && !page_is(&q, "/metrics"))
        status = HTTP_NOT_FOUND;
    if (status == HTTP_OK)
        page_metrics(w, out);
    else
        page_error(status, out);
    out->head_only = q.method == HTTP_HEAD;
}

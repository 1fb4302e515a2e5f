/* page.c - see page.h. */
#include "worker/command/page.h"

#include "ipc/metrics.h"
#include "worker/protocol/websocket.h"
#include "worker/state/limits.h"

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

/* What to do, where the status does not say it.  A web client is refused with 403 before its
 * request is looked at if its address is banned. */
static const char *page_advice(enum client_kind kind, enum http_status status) {
    bool web = kind == KIND_WEB;
    switch (status) {
    case HTTP_MISDIRECTED:
        return web ? "Name the server by its IP address, by localhost, or by a name that its "
                     "configuration has as web_host.\n"
                   : "Name the server by its IP address, by localhost, by the name of its machine, "
                     "or by a name without a dot.\n";
    case HTTP_NOT_FOUND:
        return web ? "There is /, and /chat by WebSocket.\n" : "There is /metrics.\n";
    case HTTP_BAD_REQUEST:
        return web ? "A request is GET in plain HTTP/1.1, with a Host and without a body; TLS is "
                     "for a "
                     "proxy in front.\n"
                   : "";
    case HTTP_FORBIDDEN: return "You are banned.\n";
    case HTTP_UPGRADE_REQUIRED: return "This is a WebSocket, version 13.\n";
    case HTTP_UNAVAILABLE: return web ? "The room is full.\n" : "";
    default: return "";
    }
}

static void page_refuse(enum http_status status, const char *advice, struct page *out) {
    static char text[PAGE_SENTENCE_MAX];
    *out = (struct page){.status = status, .type = "text/plain; charset=utf-8", .body = text};
    out->len = (size_t)snprintf(text, sizeof text, "%s\n%s", http_status_text(status), advice);
}

void page_error(enum client_kind kind, enum http_status status, struct page *out) {
    page_refuse(status, page_advice(kind, status), out);
}

size_t page_refused(enum client_kind kind, enum http_status status, char out[PAGE_REFUSED_MAX]) {
    struct page page;
    page_error(kind, status, &page);
    struct http_answer answer = {status, page.type, NULL, page.len, time(NULL)};
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

static bool page_web_host(const struct config *config, const char *name, size_t len) {
    for (uint32_t i = 0; i < config->web_host_count; i++)
        if (strlen(config->web_host[i]) == len && strncasecmp(config->web_host[i], name, len) == 0)
            return true;
    return false;
}

/* HTTP/1.0 without a Host is no browser's. */
static enum http_status page_host(struct worker *w, enum client_kind kind,
                                  const struct http_request *q) {
    bool web = kind == KIND_WEB, known = true;
    size_t len;
    if (!q->host)
        return web ? HTTP_BAD_REQUEST : HTTP_OK;
    enum http_host names = http_host(q->host, q->host_len, &len);
    if (names == HTTP_HOST_NONE)
        return HTTP_BAD_REQUEST;
    if (web && names >= HTTP_HOST_LABEL)
        known = page_web_host(&w->config, q->host, len);
    else if (names == HTTP_HOST_NAME)
        known = page_own_name(q->host, len);
    return known ? HTTP_OK : HTTP_MISDIRECTED;
}

/* ---- pages ---- */

static void page_metrics(struct worker *w, struct page *out) {
    static char text[METRICS_MAX];
    *out = (struct page){.status = HTTP_OK, .type = METRICS_TYPE, .body = text};
    out->len = metrics_render(w->seg, text);
}

static void page_front(struct worker *w, struct page *out) {
    *out = (struct page){.status = HTTP_OK, .type = "text/html; charset=utf-8"};
    const struct web_page *page = web_page_current(w->seg->pages, &out->version);
    out->policy = page->policy;
    out->len = page->len;
}

static bool page_is(const struct http_request *q, const char *path) {
    return q->path_len == strlen(path) && memcmp(q->path, path, q->path_len) == 0;
}

static void page_chat(struct worker *w, const struct client *c, const struct http_request *q,
                      struct page *out) {
    *out = (struct page){.status = HTTP_SWITCHING_PROTOCOLS};
    if (!q->upgrades || !q->version13)
        page_error(KIND_WEB, HTTP_UPGRADE_REQUIRED, out);
    else if (!q->key || !websocket_accept(q->key, q->key_len, out->accept))
        page_error(KIND_WEB, HTTP_BAD_REQUEST, out);
    else if (!w->config.login && max_clients_exceeded(w, 1))
        page_refuse(HTTP_UNAVAILABLE, "The room is full.\n", out);
    else if (!w->config.login && per_address_full(w, &c->addr, c))
        page_refuse(HTTP_UNAVAILABLE, "Too many connections from your address.\n", out);
}

static void page_web(struct worker *w, const struct client *c, const struct http_request *q,
                     struct page *out) {
    if (q->origin && !http_same_origin(q->origin, q->origin_len, q->host, q->host_len))
        page_refuse(HTTP_FORBIDDEN,
                    "Only the page of this server speaks here: Origin and Host differ.\n", out);
    else if (q->method == HTTP_OTHER)
        page_error(KIND_WEB, HTTP_METHOD_NOT_ALLOWED, out);
    else if (page_is(q, "/"))
        page_front(w, out);
    else if (page_is(q, "/chat"))
        page_chat(w, c, q, out);
    else
        page_error(KIND_WEB, HTTP_NOT_FOUND, out);
}

void page_find(struct worker *w, const struct client *c, const struct facts *f, const uint8_t *kept,
               struct page *out) {
    enum client_kind kind = (enum client_kind)f->kind;
    struct http h;
    memcpy(&h, f->http, sizeof h);
    if (h.state == HTTP_FAILED) {
        page_error(kind, (enum http_status)h.status, out);
        return;
    }
    struct http_request q = http_request(&h, kept, f->line_len);
    enum http_status status = page_host(w, kind, &q);
    if (status != HTTP_OK)
        page_error(kind, status, out);
    else if (kind == KIND_WEB)
        page_web(w, c, &q, out);
    else if (q.method == HTTP_OTHER)
        page_error(kind, HTTP_METHOD_NOT_ALLOWED, out);
    else if (!page_is(&q, "/metrics"))
        page_error(kind, HTTP_NOT_FOUND, out);
    else
        page_metrics(w, out);
    out->head_only = q.method == HTTP_HEAD;
}

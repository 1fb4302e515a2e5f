/* http_client.c - see http_client.h. */
#include "worker/input/http_client.h"

#include "ipc/fault.h"
#include "ipc/metrics.h"
#include "worker/command/page.h"
#include "worker/input/header.h"
#include "worker/input/web_client.h"
#include "worker/output/flush.h"
#include "worker/output/send.h"
#include "worker/protocol/forwarded.h"
#include "worker/record/change.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/client_log.h"
#include "worker/state/pause.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

_Static_assert(sizeof(struct http) == sizeof(((struct facts *)0)->http), "lies in the record");
_Static_assert((int)HTTP_KEPT_MAX <= (int)RX_LINE, "what is kept lies in the rx buffer");
_Static_assert((METRICS_MAX + HTTP_HEAD_MAX) / TX_DATA + 1 <= CHANGE_TAKEN, "one change answers");
_Static_assert((int)HTTP_UPGRADED == (int)CLIENT_UPGRADED, "client.h looks at the state, too");
_Static_assert((int)HTTP_DROP_MAX + (int)RX_RAW <= UINT16_MAX, "counted in 16 bits");

static struct http http_client_state(const struct facts *f) {
    struct http h;
    memcpy(&h, f->http, sizeof h);
    return h;
}

static void http_client_store(struct change *ch, const struct http *h) {
    memcpy(ch->f->http, h, sizeof *h);
}

/* ---- answering ---- */

/* The connection is a WebSocket from here on: a person's, whose first frame goes with the answer.
 */
static void http_client_upgrade(struct change *ch, const struct page *page) {
    char head[HTTP_HEAD_MAX];
    memset(ch->f->http, 0, sizeof ch->f->http);
    ch->f->http[0] = HTTP_UPGRADED;
    change_raw(ch, head, http_head_upgraded(page->accept, head));
    web_client_begin(ch);
}

/* Nothing more is read of the request. */
static void http_client_answer(struct change *ch, struct http *h, const struct page *page) {
    char head[HTTP_HEAD_MAX];
    struct http_answer answer = {page->status, page->type, page->policy, page->len, time(NULL)};
    ch->f->line_len = 0;
    ch->f->last_input = ch->w->tenths;
    if (page->status == HTTP_SWITCHING_PROTOCOLS) {
        http_client_upgrade(ch, page);
    } else {
        bool body = !page->head_only;
        change_raw(ch, head, http_head(&answer, head));
        if (body && page->body)
            change_raw(ch, page->body, page->len);
        h->state = body && !page->body ? HTTP_PAGE : HTTP_ANSWERED;
        h->at = page->version;
        h->bytes = 0; /* dropped */
        http_client_store(ch, h);
    }
    FAULT("http.answer.before");
}

/* A web client's request is logged whatever the answer; "connected" stands for a WebSocket. */
static void http_client_answered(struct worker *w, struct client *c, const struct page *page,
                                 const char *path) {
    bool web = client_kind(c) == KIND_WEB;
    FAULT("http.answer.after");
    if (page->status == HTTP_SWITCHING_PROTOCOLS) {
        w->members.asking--;
        w->members.browsers++;
        client_log(w, TALLY_CONNECTED, &c->addr, c->port, "connected");
        web_client_begun(w, c);
    } else if (web) {
        client_log(w, page->status == HTTP_OK ? TALLY_ASKED : TALLY_REFUSED, &c->addr, c->port,
                   "asked for %s: %s", *path ? path : "nothing in HTTP",
                   http_status_text(page->status));
    } else if (page->status != HTTP_OK) {
        client_log(w, TALLY_REFUSED, &c->addr, c->port, "asked for metrics: %s",
                   http_status_text(page->status));
    }
}

/* ---- where it comes from ---- */

/* The client's address by X-Forwarded-For: the request came by a proxy, without a PROXY header. */
static bool http_client_forwarded(const struct change *ch, const uint8_t *kept,
                                  struct in6_addr *addr) {
    const struct config *config = &ch->w->config;
    const char *list = NULL;
    size_t len = 0;
    *addr = ch->c->addr;
    while ((list = http_forwarded(kept, ch->f->line_len, list, &len)) != NULL)
        if (!forwarded_walk(list, len, config->proxy_from, config->proxy_from_count, addr))
            return false;
    return true;
}

/* The request is complete, and its client's address is not known yet.  *named: now it is, or will
 * be with the commit.  A request without the field is the proxy's own. */
static enum http_status http_client_name(struct change *ch, const uint8_t *kept, bool *named) {
    struct in6_addr addr;
    enum sentence sentence;
    *named = false;
    ch->f->header_len = HEADER_ABSENT;
    if (!http_client_forwarded(ch, kept, &addr))
        return HTTP_BAD_REQUEST;
    if (memcmp(&addr, &ch->c->addr, sizeof addr) == 0)
        return HTTP_NONE;
    switch (header_judge(ch->w, ch->c, &addr, ch->c->port, &sentence)) {
    case HEADER_ADMITTED: break;
    case HEADER_UNHEARD: return HTTP_UNAVAILABLE;
    case HEADER_REFUSED: return HTTP_FORBIDDEN;
    }
    *named = true;
    ch->f->flags &= ~(uint32_t)FACT_PROXY;
    client_set_address(ch->c, &addr, ch->c->port);
    return HTTP_NONE;
}

/* ---- reading ---- */

/* As it is logged: the target is of visible ASCII. */
enum { HTTP_LOGGED_MAX = 64 };
static void http_client_path(const struct change *ch, const uint8_t *kept,
                             char out[HTTP_LOGGED_MAX]) {
    size_t n = strnlen((const char *)kept, ch->f->line_len);
    const char *query = memchr(kept, '?', n);
    n = query ? (size_t)(query - (const char *)kept) : n;
    snprintf(out, HTTP_LOGGED_MAX, "%.*s", (int)n, n > 0 ? (const char *)kept : "nothing");
}

/* The request is complete, or wrong. */
static void http_client_decide(struct change *ch, struct http *h, const uint8_t *kept,
                               struct page *page, bool *named) {
    *named = false;
    if (h->state == HTTP_COMPLETE && client_header_due(ch->f)) {
        enum http_status status = http_client_name(ch, kept, named);
        if (status != HTTP_NONE) {
            h->state = HTTP_FAILED;
            h->status = (uint8_t)status;
            http_client_store(ch, h);
        }
    }
    page_find(ch->w, ch->c, ch->f, kept, page);
    http_client_answer(ch, h, page);
}

/* The bytes that wait, in a change under way: up to the end of the head. */
static void http_client_read(struct worker *w, struct client *c) {
    struct change ch;
    struct page page;
    char path[HTTP_LOGGED_MAX];
    bool named = false, due = client_header_due(client_facts(c));
    change_begin(&ch, w, c);
    struct facts *f = ch.f;
    struct http h = http_client_state(f);
    struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    size_t left = (size_t)(c->received - f->consumed);
    breadcrumb_set(w, BREADCRUMB_INPUT, c, f->consumed);
    size_t used = http_read(&h, rx->line, &f->line_len, rx->raw + f->raw_off, left);
    http_client_store(&ch, &h);
    bool answered = h.state != HTTP_READING;
    if (answered) {
        http_client_path(&ch, rx->line, path);
        http_client_decide(&ch, &h, rx->line, &page, &named);
        if (page.status != HTTP_SWITCHING_PROTOCOLS)
            used = left;
    }
    consume_bytes(&ch, f->consumed + used);
    FAULT("http.read.before");
    if (!change_commit(&ch))
        return; /* no buffer is free: the same bytes are read again */
    FAULT("http.read.after");
    w->members.header_due -= due && !client_header_due(client_facts(c));
    if (named)
        header_charge(w, &c->addr);
    if (answered && h.status != HTTP_FORBIDDEN) /* its judgement is logged */
        http_client_answered(w, c, &page, path);
}

/* Bytes behind the request: another one, which is not served, or a body. */
static void http_client_drop(struct worker *w, struct client *c) {
    struct change ch;
    change_begin(&ch, w, c);
    struct http h = http_client_state(ch.f);
    uint32_t bytes = h.bytes + (uint32_t)(c->received - ch.f->consumed);
    h.bytes = (uint16_t)(bytes < UINT16_MAX ? bytes : UINT16_MAX);
    http_client_store(&ch, &h);
    consume_bytes(&ch, c->received);
    FAULT("http.drop.before");
    change_commit(&ch);
    if (bytes > HTTP_DROP_MAX)
        leave_begin(w, c, "sends on behind its request");
}

/* ---- the end ---- */

/* The page itself, straight from the segment: its byte x is byte pos + x of the output map, as of a
 * ring, so a successor knows from the kernel's count alone where it goes on.  False: it is not all
 * sent, and the client waits or is leaving. */
static bool http_client_send_page(struct worker *w, struct client *c) {
    struct http h = http_client_state(client_facts(c));
    const struct web_page *page = web_page_of(w->seg->pages, h.at);
    uint64_t pos = atomic_load_explicit(&c->sent, memory_order_relaxed) + c->bias;
    if (!page || pos > page->len) {
        leave_begin(w, c, "its page was replaced twice meanwhile");
        return false;
    }
    return send_span(w, c, page->bytes + pos, page->len - pos);
}

/* The answer is sent, or waits for the peer to read. */
static void http_client_send(struct worker *w, struct client *c) {
    struct change ch;
    flush_client(w, c);
    if (!client_live(c))
        return;
    bool sent = client_drained(c, client_facts(c));
    if (sent && page_state(client_facts(c)) == HTTP_PAGE)
        sent = http_client_send_page(w, c);
    if (!sent) {
        if (client_live(c))
            pause_client(w, c, PAUSE_OUTPUT);
        return;
    }
    change_begin(&ch, w, c);
    struct http h = http_client_state(ch.f);
    h.state = HTTP_ENDED;
    http_client_store(&ch, &h);
    ch.f->last_input = w->tenths;
    ch.drop_replies = true; /* no buffer is wanted */
    FAULT("http.end.before");
    if (!change_commit(&ch))
        return;
    FAULT("http.end.after");
    shutdown((int)client_index(w, c), SHUT_WR);
    FAULT("http.shutdown.after");
}

static bool http_client_is(const struct client *c, enum http_state a, enum http_state b) {
    enum http_state state = page_state(client_facts(c));
    return state == a || state == b;
}

void http_client(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    bool waits = f->rx != NO_BUFFER && f->consumed < c->received;
    if (waits && http_client_is(c, HTTP_READING, HTTP_FAILED))
        http_client_read(w, c);
    else if (waits)
        http_client_drop(w, c);
    if (client_live(c) && http_client_is(c, HTTP_ANSWERED, HTTP_PAGE))
        http_client_send(w, c);
}

uint64_t http_client_limit(const struct config *config, const struct facts *f) {
    uint64_t login = config->login_timeout_ms;
    switch (page_state(f)) {
    case HTTP_READING:
    case HTTP_FAILED: return f->kind == KIND_WEB && login > 0 ? login : HTTP_HEAD_MS;
    case HTTP_PAGE: return HTTP_PAGE_MS;
    case HTTP_ENDED: return HTTP_END_MS;
    default: return HTTP_ANSWER_MS;
    }
}

void http_client_overdue(struct worker *w, struct client *c) {
    struct change ch;
    struct page page;
    if (!client_live(c))
        return;
    if (page_state(client_facts(c)) != HTTP_READING) {
        leave_begin(w, c, "its time is over");
        return;
    }
    page_error(client_kind(c), HTTP_REQUEST_TIMEOUT, &page);
    change_begin(&ch, w, c);
    struct http h = http_client_state(ch.f);
    http_client_answer(&ch, &h, &page);
    if (!change_commit(&ch)) {
        leave_begin(w, c, "its time is over");
        return;
    }
    http_client_answered(w, c, &page, "nothing");
    http_client_send(w, c);
}

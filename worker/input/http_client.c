/* http_client.c - see http_client.h. */
#include "worker/input/http_client.h"

#include "ipc/fault.h"
#include "ipc/metrics.h"
#include "worker/command/page.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/client_log.h"
#include "worker/state/pause.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

_Static_assert(sizeof(struct http) == sizeof(((struct facts *)0)->http), "lies in the record");
_Static_assert((int)HTTP_KEPT_MAX <= (int)RX_LINE, "what is kept lies in the rx buffer");
_Static_assert((METRICS_MAX + HTTP_HEAD_MAX) / TX_DATA + 1 <= CHANGE_TAKEN, "one change answers");
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

/* Nothing more is read of the request. */
static void http_client_answer(struct change *ch, struct http *h, const struct page *page) {
    char head[HTTP_HEAD_MAX];
    struct http_answer answer = {page->status, page->type, page->len, time(NULL)};
    change_raw(ch, head, http_head(&answer, head));
    if (!page->head_only)
        change_raw(ch, page->body, page->len);
    h->state = HTTP_ANSWERED;
    h->bytes = 0; /* dropped */
    http_client_store(ch, h);
    ch->f->line_len = 0;
    ch->f->last_input = ch->w->tenths;
    FAULT("http.answer.before");
}

static void http_client_answered(struct worker *w, const struct client *c,
                                 enum http_status status) {
    FAULT("http.answer.after");
    if (status != HTTP_OK)
        client_log(w, TALLY_REFUSED, &c->addr, c->port, "asked for metrics: %s",
                   http_status_text(status));
}

/* ---- reading ---- */

/* The bytes that wait, in a change under way: up to the end of the head. */
static void http_client_read(struct worker *w, struct client *c) {
    struct change ch;
    struct page page;
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
        page_find(w, f, rx->line, &page);
        http_client_answer(&ch, &h, &page);
        used = left;
    }
    consume_bytes(&ch, f->consumed + used);
    FAULT("http.read.before");
    if (!change_commit(&ch))
        return; /* no buffer is free: the same bytes are read again */
    FAULT("http.read.after");
    if (answered)
        http_client_answered(w, c, page.status);
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

/* The answer is sent, or waits for the peer to read. */
static void http_client_send(struct worker *w, struct client *c) {
    struct change ch;
    flush_client(w, c);
    if (!client_live(c))
        return;
    if (!client_drained(c, client_facts(c))) {
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

void http_client(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    bool waits = f->rx != NO_BUFFER && f->consumed < c->received;
    if (waits && page_state(f) == HTTP_READING)
        http_client_read(w, c);
    else if (waits)
        http_client_drop(w, c);
    if (client_live(c) && page_state(client_facts(c)) == HTTP_ANSWERED)
        http_client_send(w, c);
}

uint64_t http_client_limit(const struct facts *f) {
    switch (page_state(f)) {
    case HTTP_READING: return HTTP_HEAD_MS;
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
    page_error(HTTP_REQUEST_TIMEOUT, &page);
    change_begin(&ch, w, c);
    struct http h = http_client_state(ch.f);
    http_client_answer(&ch, &h, &page);
    if (!change_commit(&ch)) {
        leave_begin(w, c, "its time is over");
        return;
    }
    http_client_answered(w, c, page.status);
    http_client_send(w, c);
}

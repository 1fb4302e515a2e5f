/* header.c - see header.h. */
#include "worker/input/header.h"

#include "ipc/address.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "ipc/origin.h"
#include "worker/command/greeting.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/moderation.h"
#include "worker/output/flush.h"
#include "worker/output/goodbye.h"
#include "worker/protocol/http.h"
#include "worker/protocol/proxy.h"
#include "worker/record/consume.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/client_log.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)PROXY_HEADER_MAX <= (int)RX_RAW, "a header waits in the rx buffer");

/* The proxy's end of the connection.  The record's may be half rewritten by a predecessor. */
static const char *header_proxy(struct worker *w, const struct client *c, char out[ENDPOINT_TEXT]) {
    union address_any peer;
    struct in6_addr addr = c->addr;
    uint16_t port = c->port;
    if (accept_peer((int)client_index(w, c), &peer))
        address_split(&peer, &addr, &port);
    return endpoint_format(&addr, port, out);
}

/* The client is told why, once, also if a predecessor died over it. */
static void header_turn_away(struct worker *w, struct client *c, enum sentence why) {
    if (client_tx_end(client_facts(c)) == 0) {
        goodbye(w, c, why, NULL);
    } else {
        flush_client(w, c);
        leave_begin(w, c, NULL);
    }
}

enum header_verdict header_judge(struct worker *w, const struct client *c,
                                 const struct in6_addr *addr, uint16_t port,
                                 enum sentence *sentence) {
    char text[ENDPOINT_TEXT];
    if (origin_wait(&w->seg->origins, addr, &w->config, ORIGIN_CONNECTIONS, segment_us(w->seg)) >
        0) {
        client_log_count(w, TALLY_UNHEARD, addr);
        return HEADER_UNHEARD;
    }
    const char *why = accept_refuses(w, client_kind(c), addr, sentence);
    if (!why)
        return HEADER_ADMITTED;
    client_log(w, TALLY_REFUSED, addr, port, "refused: %s, via PROXY %s", why,
               header_proxy(w, c, text));
    return HEADER_REFUSED;
}

void header_charge(struct worker *w, const struct in6_addr *addr) {
    origin_charge(&w->seg->origins, addr, &w->config, ORIGIN_CONNECTIONS, 1, segment_us(w->seg));
}

/* The header is consumed; its time to log in begins.  `refused`: a web client's request is not
 * served. */
static void header_commit(struct worker *w, struct client *c, const struct proxy_header *h,
                          bool named, bool refused) {
    static const struct http forbidden = {.state = HTTP_FAILED, .status = HTTP_FORBIDDEN};
    struct change ch;
    change_begin(&ch, w, c);
    ch.drop_replies = true; /* nothing is said, so no buffer is wanted */
    consume_bytes(&ch, h->len);
    ch.f->header_len = (uint16_t)h->len;
    ch.f->last_input = w->tenths;
    if (named) {
        ch.f->flags &= ~(uint32_t)FACT_PROXY;
        client_set_address(c, &h->addr, h->port);
    }
    if (refused)
        memcpy(ch.f->http, &forbidden, sizeof forbidden);
    FAULT("header.commit.before");
    change_commit(&ch);
    FAULT("header.commit.after");
    w->members.header_due--;
}

/* A client is greeted; a web client speaks first.  The account of the address is charged behind the
 * commit: a death in between forgets a charge, but the other order could refuse a client for it. */
static void header_settled(struct worker *w, struct client *c, const struct proxy_header *h,
                           bool named) {
    char text[ENDPOINT_TEXT];
    const char *proxy = header_proxy(w, c, text);
    bool web = client_kind(c) == KIND_WEB;
    if (named)
        header_charge(w, &h->addr);
    if (named && !web)
        client_log(w, TALLY_CONNECTED, &h->addr, h->port, "connected via PROXY %s", proxy);
    else if (!named)
        log_debug("client %s connected, and its PROXY header names nobody", proxy);
    if (!web)
        greeting_begin(w, c);
    moderation_later(w, c); /* one that is not named was not judged by its address */
}

static void header_complete(struct worker *w, struct client *c, const struct proxy_header *h,
                            bool named) {
    enum sentence sentence;
    enum header_verdict verdict =
        named ? header_judge(w, c, &h->addr, h->port, &sentence) : HEADER_ADMITTED;
    if (verdict == HEADER_UNHEARD) {
        leave_begin(w, c, NULL);
    } else if (verdict == HEADER_REFUSED && client_kind(c) == KIND_TELNET) {
        header_turn_away(w, c, sentence);
    } else if (verdict == HEADER_REFUSED) {
        header_commit(w, c, h, false, true);
    } else {
        header_commit(w, c, h, named, false);
        header_settled(w, c, h, named);
    }
}

static void header_wrong(struct worker *w, struct client *c, const char *what) {
    char why[128];
    snprintf(why, sizeof why, "its PROXY header %s", what);
    leave_begin(w, c, why);
}

/* What the client's first bytes are. */
static enum proxy_verdict header_read(struct worker *w, const struct client *c,
                                      struct proxy_header *h) {
    const struct facts *f = client_facts(c);
    if (c->received == 0)
        return PROXY_MORE;
    const struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    breadcrumb_set(w, BREADCRUMB_INPUT, c, 0);
    return proxy_read(rx->raw + f->raw_off, (size_t)c->received, h);
}

bool header_waits(struct worker *w, const struct client *c) {
    struct proxy_header h;
    const struct facts *f = client_facts(c);
    if (!client_header_due(f))
        return false;
    return f->kind != KIND_WEB || (f->consumed == 0 && header_read(w, c, &h) != PROXY_WRONG);
}

bool header_input(struct worker *w, struct client *c, bool open) {
    struct proxy_header h;
    enum proxy_verdict verdict = header_read(w, c, &h);
    switch (verdict) {
    case PROXY_NAMED:
    case PROXY_NOBODY: header_complete(w, c, &h, verdict == PROXY_NAMED); return client_live(c);
    case PROXY_WRONG: header_wrong(w, c, h.wrong); return false;
    case PROXY_MORE: break;
    }
    if (open)
        return w->interest.readable[client_index(w, c)];
    if (c->received > 0)
        header_wrong(w, c, "is cut off");
    else
        leave_begin(w, c, NULL); /* a port was tried */
    return false;
}

/* closing.c - see closing.h. */
#include "worker/ledger/closing.h"

#include "ipc/address.h"
#include "ipc/fault.h"
#include "worker/command/say.h"
#include "worker/command/takeover.h"
#include "worker/output/ignore.h"
#include "worker/record/away.h"
#include "worker/record/chain.h"
#include "worker/state/drain.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/members.h"
#include "worker/state/pause.h"

#include <unistd.h>

/* Whether its coming is in the ledger, and its leave is not.  One that was asked to leave is out of
 * the room already. */
static bool closing_leaves(const struct facts *f) {
    return (f->flags & (FACT_IN_ROOM | FACT_QUIET | FACT_LEFT)) == FACT_IN_ROOM ||
           (f->flags & (FACT_KICKED | FACT_LEFT)) == FACT_KICKED;
}

void closing_stage(struct worker *w) {
    for (uint32_t todo = w->closing.count; todo > 0; todo--) {
        uint32_t fd = fd_queue_pop(&w->closing);
        struct client *c = worker_client(w, fd);
        const struct facts *f = client_facts(c);
        if (!worker_serves(w, fd))
            continue;
        if (client_live(c) && pause_has(w, fd, PAUSE_CLOSING) && away_keeps(c))
            away_begin(w, c);
        if (client_live(c))
            continue; /* away; or its leave was applied, from a predecessor's entry, and the number
                         given anew */
        if (!closing_leaves(f))
            closing_finish(w, c);
        else if (say_leave(w, c) != LINE_STAGED)
            fd_queue_push(&w->closing, fd);
    }
}

/* Whether the socket may be that of a connection that goes on: of a place that a takeover has just
 * given it to; or, of a client that is away, of the newcomer whose takeover was cut by a death. */
static bool closing_shares(const struct worker *w, const struct client *c) {
    return client_away(client_facts(c)) || takeover_done(w, c);
}

/* `shared`: nothing is done to the socket. */
static void closing_close(int fd, const struct client *c, bool shared) {
    uint64_t cookie = socket_cookie(fd);
    FAULT("leave.close.before");
    if (cookie == 0 || cookie != c->cookie)
        return; /* a predecessor closed it, and the number may be another client's */
    if (!shared)
        drain(fd);
    close(fd);
    FAULT("leave.close.after");
}

void closing_finish(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_relaxed);
    if (client_state(word) != CLIENT_CLOSING)
        return;
    const struct facts *f = client_facts(c);
    struct segment *seg = w->seg;
    uint64_t tag = client_tag(w, c);
    buffer_give(&seg->rx_buffers, f->rx, tag);
    buffer_give(&seg->tx_buffers, f->line_buffer, tag);
    buffer_give(&seg->tx_buffers, f->last, tag);
    ignore_give(w, c);
    chain_give(&seg->tx_buffers, tag, f->tx, f->tx_len);
    member_remove(w, c);
    interest_forget(w, c); /* its socket may live on: takeover.h, drain.h */
    closing_close((int)fd, c, closing_shares(w, c));
    /* Another worker may have been given the number already: then the record is its own. */
    atomic_compare_exchange_strong(&c->state_word, &word,
                                   client_state_word(client_generation(word), CLIENT_FREE));
    FAULT("leave.free.after");
    atomic_fetch_add_explicit(&w->slot->stats.closed, 1, memory_order_relaxed);
}

/* closing.c - see closing.h. */
#include "worker/ledger/closing.h"

#include "ipc/fault.h"
#include "worker/command/say.h"
#include "worker/output/ignore.h"
#include "worker/record/chain.h"
#include "worker/state/members.h"

#include <sys/socket.h>
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
        if (!worker_serves(w, fd) || client_live(c))
            continue; /* its leave was applied, from a predecessor's entry, and the number given
                         anew */
        if (!closing_leaves(f))
            closing_finish(w, c);
        else if (say_leave(w, c) != LINE_STAGED)
            fd_queue_push(&w->closing, fd);
    }
}

/* Input that was never read: with it, close() would reset the connection, and the last reply would
 * be lost.  TCP discards it without copying (tcp(7), MSG_TRUNC); 4 MB are most of what a receive
 * buffer holds, and cost less than 1 ms.  A client that sends on meanwhile is reset. */
static void closing_drain(int fd) {
    static char scratch[65536];
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 64 && recv(fd, scratch, sizeof scratch, MSG_DONTWAIT | MSG_TRUNC) > 0; i++)
        ;
}

static void closing_close(int fd, const struct client *c) {
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    FAULT("leave.close.before");
    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) != 0 || cookie != c->cookie)
        return; /* a predecessor closed it, and the number may be another client's */
    closing_drain(fd);
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
    closing_close((int)fd, c);
    /* Another worker may have been given the number already: then the record is its own. */
    atomic_compare_exchange_strong(&c->state_word, &word,
                                   client_state_word(client_generation(word), CLIENT_FREE));
    FAULT("leave.free.after");
    atomic_fetch_add_explicit(&w->slot->stats.closed, 1, memory_order_relaxed);
}

/* send.c - see send.h. */
#include "worker/output/send.h"

#include "ipc/fault.h"
#include "worker/record/chain.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/pause.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SEND_SPANS = 8 }; /* buffers in one sendmsg */

static inline void send_add(_Atomic uint64_t *word, uint64_t n) {
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void send_accepted(struct worker *w, struct client *c, size_t n) {
    FAULT("flush.sent.before");
    send_add(&c->sent, n);
    FAULT("flush.sent.after");
    send_add(&w->slot->stats.sends, 1);
    send_add(&w->slot->stats.bytes_out, n);
}

/* The socket did not take all of it.  For want of kernel memory EPOLLOUT may be reported at once,
 * so that is tried again after a while. */
static void send_short(struct worker *w, struct client *c, ssize_t n) {
    bool memory = n < 0 && (errno == ENOBUFS || errno == ENOMEM);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && !memory) {
        leave_broken(w, c, errno);
        return;
    }
    c->mode = MODE_BLOCKED;
    if (memory)
        pause_client(w, c, PAUSE_MEMORY);
    else
        interest_arm(w, c);
}

void send_direct(struct worker *w, struct client *c, const uint64_t end[]) {
    int e = c->mode;
    uint64_t pos = atomic_load_explicit(&c->sent, memory_order_relaxed) + c->bias;
    if (end[e] <= pos)
        return;
    size_t len = end[e] - pos;
    breadcrumb_set(w, BREADCRUMB_FLUSH, c, pos);
    ssize_t n = send((int)client_index(w, c), room_text(&w->seg->room, e, pos), len,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        send_accepted(w, c, (size_t)n);
    if (n != (ssize_t)len)
        send_short(w, c, n);
}

bool send_span(struct worker *w, struct client *c, const void *bytes, size_t len) {
    if (len == 0)
        return true;
    FAULT("send.span.before");
    ssize_t n = send((int)client_index(w, c), bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    FAULT("send.span.after");
    if (n > 0)
        send_accepted(w, c, (size_t)n);
    if (n != (ssize_t)len)
        send_short(w, c, n);
    return n == (ssize_t)len;
}

static bool send_ring_follows(const struct facts *f) {
    const uint32_t slow = FACT_FILTERED | FACT_LISTS;
    return (f->flags & FACT_IN_ROOM) && !(f->flags & slow) && f->lines_lost == 0;
}

bool send_replies(struct worker *w, struct client *c, const struct entry *last) {
    const struct facts *f = client_facts(c);
    struct iovec span[SEND_SPANS + 1];
    uint64_t sent = atomic_load_explicit(&c->sent, memory_order_relaxed);
    bool complete = false;
    int n =
        chain_spans(&w->seg->tx_buffers, f, client_tag(w, c), sent, span, SEND_SPANS, &complete);
    if (n < 0) {
        leave_begin(w, c, "its chain of buffers is damaged");
        return false;
    }
    if (complete && send_ring_follows(f) && last->end[f->ring] > f->pos) {
        const uint8_t *text = room_text(&w->seg->room, f->ring, f->pos);
        span[n++] = (struct iovec){(void *)text, last->end[f->ring] - f->pos};
    }
    size_t want = 0;
    for (int i = 0; i < n; i++)
        want += span[i].iov_len;
    struct msghdr message = {.msg_iov = span, .msg_iovlen = (size_t)n};
    breadcrumb_set(w, BREADCRUMB_FLUSH, c, f->base);
    FAULT("flush.replies.before");
    ssize_t taken = sendmsg((int)client_index(w, c), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    FAULT("flush.replies.after");
    if (taken > 0)
        send_accepted(w, c, (size_t)taken);
    if (client_drained(c, f)) {
        FAULT("flush.drained.before"); /* the successor's sweep gives them back */
        chain_give(&w->seg->tx_buffers, client_tag(w, c), f->tx, f->tx_len);
        FAULT("flush.drained.after");
    }
    if (taken == (ssize_t)want)
        return true;
    send_short(w, c, taken);
    return false;
}

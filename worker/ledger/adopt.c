/* adopt.c - see adopt.h. */
#include "worker/ledger/adopt.h"

#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/apply.h"
#include "worker/ledger/counters.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* Bounds that a sound record keeps; what breaks them costs this client alone. */
static const char *record_fault(struct worker *w, const struct client *c) {
    const struct facts *f = client_facts(c);
    const struct room *room = &w->seg->room;
    uint64_t tag = client_tag(w, c), sent = atomic_load(&c->sent);
    const struct entry *last = room_entry(room, room_count(room) - 1);
    if (f->encoding >= ENC_COUNT)
        return "encoding";
    if (f->rx != NO_BUFFER && !buffer_owned(&w->seg->rx_buffers, f->rx, tag))
        return "inbox";
    if ((f->line_buffer != NO_BUFFER && !buffer_owned(&w->seg->tx_buffers, f->line_buffer, tag)) ||
        f->line_len > (f->line_buffer != NO_BUFFER ? TX_DATA : RX_LINE) ||
        (f->line_len > 0 && f->rx == NO_BUFFER) || f->sub_len > RX_SUB)
        return "half-typed line";
    if (c->received < f->consumed || c->received - f->consumed > RX_RAW - (uint64_t)f->raw_off ||
        (c->received > f->consumed && f->rx == NO_BUFFER))
        return "input position";
    if (f->tx_len > 0 && !buffer_owned(&w->seg->tx_buffers, f->tx, tag))
        return "outbox";
    if (sent < f->base || (!(f->flags & FACT_IN_ROOM) && sent > client_tx_end(f)))
        return "output position";
    uint64_t end = last->end[f->encoding], beyond = sent - client_tx_end(f);
    if ((f->flags & FACT_IN_ROOM) &&
        (f->pos > end || (sent > client_tx_end(f) && beyond > end - f->pos)))
        return "ring position";
    if (f->seen > room_count(room))
        return "ledger position";
    return NULL;
}

static bool still_that_socket(const struct client *c, int fd) {
    uint64_t cookie = accept_cookie(fd);
    return cookie != 0 && cookie == c->cookie;
}

/* A predecessor died in leave_finish.  If it had closed the socket, the number may be another
 * worker's client already, whose claim changes `life` before anything else: so what was read
 * between two equal looks at `life` was the old client's.  True if nothing but the record was left
 * of it. */
static bool adopt_closed(struct client *c, uint64_t state_word, bool there) {
    if (client_state(state_word) != CLIENT_CLOSING || there)
        return false;
    FAULT("adopt.closed.before");
    atomic_compare_exchange_strong(&c->state_word, &state_word,
                                   client_state_word(client_generation(state_word), CLIENT_FREE));
    return true;
}

void adopt_client(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    struct counters now;
    uint64_t state_word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    atomic_fetch_add_explicit(&w->slot->heartbeat, 1, memory_order_relaxed);
    worker_breadcrumb(w, BREADCRUMB_ADOPT, c, client_facts(c)->consumed);
    FAULT("adopt.client.before");
    bool there = still_that_socket(c, (int)fd);
    if (atomic_load(&c->state_word) != state_word || adopt_closed(c, state_word, there))
        return;
    bool counted = there && counters_read((int)fd, &now);
    bool exact = w->seg->header->counters_exact;
    if (counted) {
        atomic_store_explicit(&c->sent, now.sent, memory_order_relaxed);
        /* A reset behind the end of its stream counts one byte that nobody has sent. */
        if (now.state != TCP_CLOSE || now.received != c->received + 1)
            c->received = now.received;
    }
    FAULT("adopt.client.counted");
    c->mode = MODE_SLOW;
    client_refresh(c);
    member_add(w, c);
    const char *fault = !counted ? "its socket is gone"
                        : !exact ? "the kernel's counts"
                        : client_state(state_word) == CLIENT_LIVE
                            ? record_fault(w, c)
                            : NULL; /* half cleared away, rightly */
    if (fault && counted && exact)
        log_error("adopting client %u: its record is damaged (%s); disconnecting it", fd, fault);
    if (client_state(state_word) == CLIENT_CLOSING || fault) {
        leave_begin(w, c, fault);
        w->pause[fd] |= PAUSE_CLOSING;
        fd_list_add(&w->closing, fd);
    } else {
        fd_list_add(&w->ready, fd);
    }
    if (there)
        member_arm(w, c);
    FAULT("adopt.client.after");
}

/* Two workers in a row died of their own fault on the same note: that client goes.  Three words:
 * the predecessor's note, the one before it, and what it died of. */
static void adopt_poison(struct worker *w) {
    struct slot *slot = w->slot;
    struct breadcrumb *breadcrumb = &slot->breadcrumb, *last = &slot->last_breadcrumb;
    uint32_t fault = atomic_load(&slot->fault);
    uint32_t client = atomic_load(&breadcrumb->client),
             generation = atomic_load(&breadcrumb->generation);
    bool same = fault && breadcrumb->phase != BREADCRUMB_NONE && breadcrumb->phase == last->phase &&
                client == last->client && generation == last->generation &&
                breadcrumb->position == last->position;
    if (fault && breadcrumb->phase != BREADCRUMB_NONE)
        *last = *breadcrumb;
    else
        atomic_store(&last->phase, BREADCRUMB_NONE);
    atomic_store(&slot->fault, 0);
    if (!same || client >= w->seg->clients.len)
        return;
    struct client *c = worker_client(w, client);
    if (client_is(c, generation) && atomic_load(&c->slot) == w->index) {
        log_error("client %u: what it sent killed two workers; disconnecting it", client);
        atomic_store(&c->state_word, client_state_word(generation, CLIENT_CLOSING));
    }
}

/* Boxes that the dead one had taken and not yet, or no longer, put into a record. */
static void adopt_sweep_pool(struct worker *w, struct buffer_pool *pool, bool rx_buffers) {
    for (uint32_t box = 1; box <= pool->count; box++) {
        uint64_t tag = atomic_load_explicit(&pool->owner[box], memory_order_acquire);
        uint32_t fd = (uint32_t)tag, generation = (uint32_t)(tag >> 32);
        if (tag == 0 || fd >= w->seg->clients.len)
            continue;
        struct client *c = worker_client(w, fd);
        if (!client_is(c, generation)) {
            /* Its life may just be beginning in another worker; that one sees to its boxes. */
            if ((int32_t)(client_generation(atomic_load(&c->state_word)) - generation) > 0 ||
                client_state(atomic_load(&c->state_word)) == CLIENT_FREE)
                buffer_give(pool, box, tag);
            continue;
        }
        if (atomic_load(&c->slot) != w->index)
            continue;
        const struct facts *f = client_facts(c);
        bool used = rx_buffers ? f->rx == box : f->line_buffer == box || f->ignore_buffer == box;
        uint32_t link = rx_buffers ? NO_BUFFER : f->tx;
        for (uint32_t at = 0; !used && at < f->tx_len && buffer_owned(pool, link, tag);
             at += TX_DATA) {
            used = link == box;
            link = ((struct tx_buffer *)buffer_at(pool, link))->next;
        }
        if (!used)
            buffer_give(pool, box, tag);
    }
}

/* Sockets that were accepted from a listener of ours and have no record: see client.h.  Whose
 * listener it was says nothing, for others may have polled it meanwhile. */
bool adopt_orphans(struct worker *w) {
    struct segment_header *h = w->seg->header;
    uint32_t moves = atomic_load(&h->listeners_moves), len = w->seg->clients.len;
    /* The lowest free number is always given, and those of no client are as many at most as there
     * are numbers beyond max_clients: so far above a client's may an orphan's be. */
    uint64_t high = (uint64_t)atomic_load(&h->fd_high) + len - h->geometry.max_clients;
    if (moves & 1)
        return false;
    for (uint32_t fd = 3; fd <= high && fd < len; fd++) {
        uint64_t state_word =
            atomic_load_explicit(&worker_client(w, fd)->state_word, memory_order_acquire);
        uint64_t cookie = client_state(state_word) == CLIENT_LIVE ? 0 : accept_cookie((int)fd);
        int tag = 0;
        socklen_t len = sizeof tag;
        if (cookie == 0 || getsockopt((int)fd, IPPROTO_TCP, TCP_KEEPIDLE, &tag, &len) != 0 ||
            tag < SLOT_TAG || tag >= SLOT_TAG + WORKERS_MAX || accept_is_listener(w->seg, (int)fd))
            continue;
        if (atomic_load(&h->listeners_moves) != moves)
            return false;
        accept_socket(w, (int)fd, cookie);
    }
    return true;
}

/* Enters the successor's guard, under the gate, where the predecessor's was, or as near to it as
 * the text has not been written over since: nobody is lapped because a worker died.  The ledger
 * stays held from the predecessor's guard on until everyone whom the text has overtaken is counted.
 */
static uint64_t adopt_guard(struct worker *w, uint64_t *old) {
    struct segment *seg = w->seg;
    struct slot *slot = w->slot;
    worker_lock(w);
    uint64_t count = room_count(&seg->room), oldest = room_oldest(&seg->room);
    uint64_t guard = atomic_load(&slot->guard), hold = atomic_load(&slot->overrun_floor);
    bool vacant = atomic_load(&slot->state) == SLOT_UNUSED;
    if (vacant) {
        atomic_store(&slot->cursor, count);
        guard = oldest;
        hold = 0;
    }
    *old = hold != 0 ? hold : guard > oldest ? guard : oldest;
    uint64_t floor = guard > oldest ? guard : oldest;
    uint64_t raised =
        vacant ? room_guard_for(&seg->room, count, floor) : room_whole(&seg->room, count, floor);
    room_enter(&seg->room, raised);
    atomic_store(&slot->overrun_floor, *old);
    FAULT("adopt.guard.floor");
    atomic_store(&slot->guard, raised);
    FAULT("adopt.guard.raised");
    atomic_store_explicit(&slot->state, SLOT_ADOPTING, memory_order_release);
    worker_unlock(w);
    return raised;
}

static void adopt_overrun(struct worker *w, uint64_t old, uint64_t guard) {
    uint64_t count = room_count(&w->seg->room);
    for (uint32_t i = 0; i < w->member_count; i++) {
        struct client *c = worker_client(w, w->members[i]);
        if (client_state(atomic_load(&c->state_word)) == CLIENT_LIVE)
            flush_overrun_behind(w, c, old, guard, count);
    }
    FAULT("adopt.floor.before");
    atomic_store_explicit(&w->slot->overrun_floor, 0, memory_order_release);
    FAULT("adopt.floor.after");
}

void adopt_slot(struct worker *w) {
    struct segment *seg = w->seg;
    uint64_t old;
    adopt_poison(w);
    uint64_t guard = adopt_guard(w, &old);
    uint32_t high = atomic_load(&seg->header->fd_high);
    for (uint32_t fd = 0; fd <= high && fd < seg->clients.len; fd++) {
        struct client *c = worker_client(w, fd);
        enum client_state state =
            client_state(atomic_load_explicit(&c->state_word, memory_order_acquire));
        if (state >= CLIENT_LIVE && atomic_load(&c->slot) == w->index)
            adopt_client(w, c);
    }
    adopt_overrun(w, old, guard);
    adopt_sweep_pool(w, &seg->rx_buffers, true);
    adopt_sweep_pool(w, &seg->tx_buffers, false);
    w->orphans_due = !adopt_orphans(w);
    worker_breadcrumb_clear(w);
}

/* adopt.c - see adopt.h. */
#include "worker/ledger/adopt.h"

#include "ipc/address.h"
#include "ipc/fault.h"
#include "ipc/log.h"
#include "worker/command/announce.h"
#include "worker/command/greeting.h"
#include "worker/command/page.h"
#include "worker/command/takeover.h"
#include "worker/ledger/accept.h"
#include "worker/ledger/counters.h"
#include "worker/ledger/moderation.h"
#include "worker/output/overrun.h"
#include "worker/record/away.h"
#include "worker/record/chain.h"
#include "worker/record/check.h"
#include "worker/record/leave.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/epoll_interest.h"
#include "worker/state/lock.h"
#include "worker/state/members.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* ---- one client ---- */

static bool adopt_same_socket(const struct client *c, int fd) {
    uint64_t cookie = socket_cookie(fd);
    return cookie != 0 && cookie == c->cookie;
}

/* A predecessor died in closing_finish.  If it had closed the socket, the number may be another
 * worker's client already, whose claim changes the state word before anything else: so what was
 * read between two equal looks at that word was the old client's.  True if only the record was left
 * of it. */
static bool adopt_closed(struct client *c, uint64_t word, bool there) {
    if (client_state(word) != CLIENT_CLOSING || there)
        return false;
    FAULT("adopt.closed.before");
    atomic_compare_exchange_strong(&c->state_word, &word,
                                   client_state_word(client_generation(word), CLIENT_FREE));
    return true;
}

/* False: the socket is gone.  *broken: the connection was reset, or given up by the kernel. */
static bool adopt_counters(struct client *c, int fd, bool *broken) {
    struct counters now;
    if (!counters_read(fd, &now))
        return false;
    atomic_store_explicit(&c->sent, now.sent, memory_order_relaxed);
    *broken = now.state == TCP_CLOSE;
    if (!*broken) /* else a FIN before the reset may count, and nothing more is read anyway */
        c->received = now.received;
    return true;
}

/* Our FIN counts as a byte sent (counters.h), and follows the goodbye.  A broken connection may be
 * only the holder of its number (master/store_return.h), whose counts are its own. */
static const char *adopt_damaged(struct worker *w, const struct client *c, bool broken) {
    const char *wrong = record_check(w->seg, c);
    if (wrong && broken)
        return "its connection is gone";
    if (wrong && atomic_load(&w->seg->header->shutdown))
        return "it was said goodbye to";
    if (wrong)
        log_error("adopting client %u: its record is damaged (%s); disconnecting it",
                  client_index(w, c), wrong);
    return wrong;
}

/* Why the client cannot be served; NULL if it can.  A record that is half cleared away needs no
 * check. */
static const char *adopt_fault(struct worker *w, const struct client *c, uint64_t word,
                               bool counted, bool broken) {
    if (client_kind(c) == KIND_CONTROL)
        return "its worker died";
    if (client_speaks_http(client_facts(c)) && page_state(client_facts(c)) == HTTP_ENDED)
        return "its request is answered"; /* our FIN counts as a byte sent (counters.h) */
    if (!counted)
        return "its socket is gone";
    if (!w->seg->header->counters_exact)
        return "the kernel's counts";
    return client_state(word) == CLIENT_LIVE ? adopt_damaged(w, c, broken) : NULL;
}

static void adopt_queue(struct worker *w, struct client *c, const char *fault) {
    uint32_t fd = client_index(w, c);
    if (!client_live(c) || fault) {
        leave_begin(w, c, fault);
        w->pauses.why[fd] |= PAUSE_CLOSING;
        fd_queue_push(&w->closing, fd);
        return;
    }
    if (client_facts(c)->flags & FACT_KICKED) { /* died before it began to leave */
        leave_begin(w, c, LEAVE_KICKED);
        return;
    }
    moderation_later(w, c);       /* its last owner may have died, or let it go, before its look */
    w->interest.readable[fd] = 0; /* epoll will tell */
    fd_queue_push(&w->ready, fd); /* input may lie in its buffer */
    if (client_facts(c)->flags & FACT_QUIET)
        announce_later(w, c);
    if (greeting_due(w, c))
        greeting_begin(w, c);
}

/* A frame that was overwritten before all of it was sent: its predecessor died, or let the client
 * go, before it ended the connection (output/overrun.c). */
static bool adopt_torn(const struct facts *f) {
    return f->ring == RING_JSON && f->flags & FACT_TORN;
}

/* Its socket means nothing, and may be that of a takeover that a death has cut: its number is the
 * record's, whatever it names. */
static void adopt_away(struct worker *w, struct client *c) {
    uint64_t cookie = socket_cookie((int)client_index(w, c));
    atomic_store_explicit(&c->cookie, cookie, memory_order_relaxed);
    FAULT("adopt.away.before");
    member_add(w, c);
    away_adopt(w, c);
    adopt_queue(w, c, cookie == 0 ? "its socket is gone" : adopt_damaged(w, c, false));
    FAULT("adopt.away.after");
}

/* A takeover was under way.  True: the record is only left over. */
static bool adopt_taken(struct worker *w, struct client *c) {
    if (!takeover_done(w, c)) {
        takeover_undo(w, c);
        return false;
    }
    member_add(w, c);
    c->mode = MODE_WRITE_FAILED;
    leave_begin(w, c, NULL);
    FAULT("adopt.taken.after");
    return true;
}

void adopt_client(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
    worker_beat(w);
    breadcrumb_set(w, BREADCRUMB_ADOPT, c, client_facts(c)->consumed);
    FAULT("adopt.client.before");
    if (client_state(word) == CLIENT_LIVE && client_away(client_facts(c))) {
        adopt_away(w, c);
        return;
    }
    if (client_state(word) == CLIENT_LIVE && client_facts(c)->web & WEB_TAKES && adopt_taken(w, c))
        return;
    bool there = adopt_same_socket(c, (int)fd);
    if (atomic_load(&c->state_word) != word || adopt_closed(c, word, there))
        return;
    bool broken = false, counted = there && adopt_counters(c, (int)fd, &broken);
    FAULT("adopt.client.counted");
    c->mode = MODE_SLOW;
    client_refresh(c);
    member_add(w, c);
    const char *fault = adopt_fault(w, c, word, counted, broken);
    if (client_kind(c) == KIND_CONTROL)
        c->mode = MODE_WRITE_FAILED; /* how much of an answer it was sent is not known */
    if (broken && !fault)
        leave_broken(w, c, 0); /* before the input in its buffer is looked at */
    if (adopt_torn(client_facts(c)) && !fault)
        leave_lost(w, c, "a frame of it is torn");
    adopt_queue(w, c, fault);
    if (there)
        interest_arm(w, c);
    FAULT("adopt.client.after");
}

/* ---- what a dead predecessor left ---- */

static void adopt_close_poisoner(struct worker *w, uint32_t client, uint32_t generation) {
    if (!segment_has_client(w->seg, client))
        return;
    struct client *c = worker_client(w, client);
    if (client_is(c, generation) && atomic_load(&c->slot) == w->index) {
        log_error("client %u: what it sent killed two workers; disconnecting it", client);
        atomic_store(&c->state_word, client_state_word(generation, CLIENT_CLOSING));
    }
}

/* Two workers in a row died of their own fault with equal breadcrumbs: that client leaves.  Three
 * words decide: the predecessor's breadcrumb, the one before it, and what the predecessor died of.
 * The last is cleared before the breadcrumb is kept: a death between the two forgets a fault, but
 * the other order would count one fault twice. */
static void adopt_poison(struct worker *w) {
    struct slot *slot = w->slot;
    struct breadcrumb *now = &slot->breadcrumb, *last = &slot->last_breadcrumb;
    uint32_t fault = atomic_load(&slot->fault);
    uint32_t client = atomic_load(&now->client), generation = atomic_load(&now->generation);
    bool blamed = fault && now->phase != BREADCRUMB_NONE;
    if (blamed && now->phase == last->phase && client == last->client &&
        generation == last->generation && now->position == last->position)
        adopt_close_poisoner(w, client, generation);
    FAULT("adopt.fault.before");
    atomic_store(&slot->fault, 0);
    FAULT("adopt.fault.cleared");
    if (blamed)
        *last = *now;
    else
        atomic_store(&last->phase, BREADCRUMB_NONE);
    FAULT("adopt.fault.after");
}

/* Whether the record of the buffer's owner leads to it. */
static bool adopt_in_use(struct worker *w, const struct buffer_pool *pool, uint32_t buffer,
                         const struct client *c) {
    const struct segment *seg = w->seg;
    const struct facts *f = client_facts(c);
    if (pool == &seg->rx_buffers)
        return f->rx == buffer;
    if (pool == &seg->ignore_more)
        return (f->flags & FACT_IGNORES) && seg->ignore_lists[client_index(w, c)].more == buffer;
    return f->line_buffer == buffer || f->last == buffer ||
           (!client_drained(c, f) && chain_has(pool, f, client_tag(w, c), buffer));
}

/* Buffers that the predecessor had taken and not yet, or no longer, put into a record. */
static void adopt_sweep(struct worker *w, struct buffer_pool *pool) {
    uint32_t count = buffer_count(pool);
    for (uint32_t buffer = 1; buffer <= count; buffer++) {
        uint64_t tag = atomic_load_explicit(&pool->owner[buffer], memory_order_acquire);
        uint32_t fd = (uint32_t)tag, generation = (uint32_t)(tag >> 32);
        if (tag == 0 || !segment_has_client(w->seg, fd))
            continue;
        struct client *c = worker_client(w, fd);
        if (!client_is(c, generation)) {
            /* If its generation is just beginning in another worker, its buffers are that one's. */
            uint64_t word = atomic_load(&c->state_word);
            if ((int32_t)(client_generation(word) - generation) > 0 ||
                client_state(word) == CLIENT_FREE)
                buffer_give(pool, buffer, tag);
        } else if (atomic_load(&c->slot) == w->index && !adopt_in_use(w, pool, buffer, c)) {
            buffer_give(pool, buffer, tag);
        }
    }
}

/* Whether the socket was accepted from the control socket, or from the one before a reload: it has
 * that one's name. */
static bool adopt_control(const struct segment *seg, int fd) {
    const struct control_socket *control = seg->header->control;
    union address_any name = {0};
    socklen_t len = sizeof name - 1;
    if (getsockname(fd, &name.any, &len) != 0 || name.any.sa_family != AF_UNIX ||
        name.un.sun_path[0] == '\0' || accept_is_listener(seg, fd))
        return false;
    return strcmp(name.un.sun_path, control[0].path) == 0 ||
           strcmp(name.un.sun_path, control[1].path) == 0;
}

/* Whether the socket was accepted from a listener of ours: it inherits our mark (slot.h, SLOT_TAG).
 * From which slot's listener says nothing, because another worker may have polled it meanwhile. */
static bool adopt_ours(const struct segment *seg, int fd) {
    int tag = 0;
    socklen_t len = sizeof tag;
    return getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &tag, &len) == 0 && tag >= SLOT_TAG &&
           tag < SLOT_TAG + WORKERS_MAX && !accept_is_listener(seg, fd);
}

/* An orphan's record may have no memory yet. */
static bool adopt_served(struct worker *w, uint32_t fd) {
    return segment_has_client(w->seg, fd) && client_live(worker_client(w, fd));
}

bool adopt_orphans(struct worker *w) {
    struct segment_header *h = w->seg->header;
    uint32_t moves = atomic_load(&h->listeners_moves), len = w->seg->clients.len;
    /* The kernel gives the lowest free number, and at most len - max_clients numbers are no
     * client's: so far above every client's descriptor may an orphan's be. */
    uint64_t high = (uint64_t)atomic_load(&h->fd_high) + len - h->geometry.max_clients;
    if (moves & 1)
        return false;
    for (uint32_t fd = 3; fd <= high && fd < len; fd++) {
        uint64_t cookie = adopt_served(w, fd) ? 0 : socket_cookie((int)fd);
        if (cookie == 0 || (!adopt_ours(w->seg, (int)fd) && !adopt_control(w->seg, (int)fd)))
            continue;
        if (atomic_load(&h->listeners_moves) != moves)
            return false;
        accept_socket(w, (int)fd, cookie, NULL);
    }
    return true;
}

/* Enters the successor's guard, under the gate, where the predecessor's was, or as near to it as
 * the text has not been overwritten since: no client is overrun because a worker died.  The ledger
 * stays held from *old on until the clients that the text has overtaken are counted.  Returns the
 * guard. */
static uint64_t adopt_guard(struct worker *w, uint64_t *old) {
    struct room *room = &w->seg->room;
    struct slot *slot = w->slot;
    worker_lock(w);
    uint64_t count = room_count(room), oldest = room_oldest(room);
    uint64_t guard = atomic_load(&slot->guard), floor = atomic_load(&slot->overrun_floor);
    bool vacant = atomic_load(&slot->state) == SLOT_UNUSED;
    if (vacant) {
        atomic_store(&slot->cursor, count);
        guard = oldest;
        floor = 0;
    }
    w->applied = atomic_load(&slot->cursor);
    uint64_t lowest = guard > oldest ? guard : oldest;
    *old = floor != 0 ? floor : lowest;
    uint64_t raised =
        vacant ? room_guard_for(room, count, lowest) : room_whole(room, count, lowest);
    room_enter(room, raised);
    atomic_store(&slot->overrun_floor, *old);
    FAULT("adopt.guard.floor");
    atomic_store(&slot->guard, raised);
    FAULT("adopt.guard.raised");
    atomic_store_explicit(&slot->state, SLOT_ADOPTING, memory_order_release);
    FAULT("adopt.guard.adopting");
    worker_unlock(w);
    return raised;
}

static void adopt_overrun(struct worker *w, uint64_t old, uint64_t guard) {
    uint64_t count = room_count(&w->seg->room);
    for (uint32_t i = 0; i < w->members.count; i++) {
        struct client *c = worker_client(w, w->members.at[i]);
        if (client_live(c))
            overrun_behind(w, c, old, guard, count);
    }
    FAULT("adopt.floor.before");
    atomic_store_explicit(&w->slot->overrun_floor, 0, memory_order_release);
    FAULT("adopt.floor.after");
    room_progress(&w->seg->room);
}

void adopt_slot(struct worker *w) {
    struct segment *seg = w->seg;
    uint64_t old;
    adopt_poison(w);
    uint64_t guard = adopt_guard(w, &old);
    uint32_t high = atomic_load(&seg->header->fd_high);
    for (uint32_t fd = 0; fd <= high && fd < seg->clients.len; fd++) {
        struct client *c = worker_client(w, fd);
        uint64_t word = atomic_load_explicit(&c->state_word, memory_order_acquire);
        if (client_state(word) >= CLIENT_LIVE && atomic_load(&c->slot) == w->index)
            adopt_client(w, c);
    }
    adopt_overrun(w, old, guard);
    adopt_sweep(w, &seg->rx_buffers);
    adopt_sweep(w, &seg->tx_buffers);
    adopt_sweep(w, &seg->ignore_more);
    w->orphans_due = !adopt_orphans(w);
    breadcrumb_clear(w);
}

/* input.c - see input.h. */
#include "worker/input/input.h"

#include "ipc/fault.h"
#include "worker/command/greeting.h"
#include "worker/input/flood.h"
#include "worker/input/header.h"
#include "worker/input/http_client.h"
#include "worker/input/newcomer.h"
#include "worker/input/scan.h"
#include "worker/input/web_client.h"
#include "worker/output/flush.h"
#include "worker/record/change.h"
#include "worker/record/leave.h"
#include "worker/state/account.h"
#include "worker/state/breadcrumb.h"
#include "worker/state/ending.h"
#include "worker/state/pause.h"
#include "worker/text/sentence.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* ---- recv ---- */

/* False: no buffer is free, and the client is paused. */
static bool input_buffer(struct worker *w, struct client *c) {
    struct change ch;
    if (client_facts(c)->rx != NO_BUFFER)
        return true;
    change_begin(&ch, w, c);
    change_rx(&ch);
    return change_commit(&ch);
}

static void input_failed(struct worker *w, struct client *c, int error) {
    bool memory = error == ENOBUFS || error == ENOMEM;
    w->interest.readable[client_index(w, c)] = 0;
    if (memory)
        pause_client(w, c, PAUSE_MEMORY); /* epoll would report the input at once */
    else if (error != EAGAIN && error != EINTR)
        leave_broken(w, c, error);
}

/* One recv, if epoll has reported input.  False: it found the end of the stream, and will again. */
static bool input_recv(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    if (!w->interest.readable[fd] || !input_buffer(w, c))
        return true;
    const struct facts *f = client_facts(c);
    struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
    size_t used = f->raw_off + (size_t)(c->received - f->consumed);
    if (used >= RX_RAW)
        return true;
    FAULT("input.recv.before");
    ssize_t n = recv((int)fd, rx->raw + used, RX_RAW - used, MSG_DONTWAIT);
    FAULT("input.recv.after");
    if (n == 0)
        return false;
    if (n < 0) {
        input_failed(w, c, errno);
        return true;
    }
    c->received += (uint64_t)n;
    atomic_fetch_add_explicit(&w->slot->stats.bytes_in, (uint64_t)n, memory_order_relaxed);
    /* A short read took all there was; epoll is level-triggered and reports what comes later. */
    w->interest.readable[fd] = (size_t)n == RX_RAW - used;
    return true;
}

/* When everything is consumed and no line is half typed, the buffers are given back.  When the raw
 * area is half used up, it starts over: it is zeroed while nothing in it counts, before the commit
 * that makes it count. */
static void input_tidy(struct worker *w, struct client *c) {
    const struct facts *f = client_facts(c);
    struct change ch;
    if (f->rx == NO_BUFFER || f->consumed != c->received)
        return;
    if (f->line_len == 0 && f->sub_len == 0) {
        change_begin(&ch, w, c);
        change_give_input(&ch);
        change_commit(&ch);
    } else if (f->raw_off > RX_RAW / 2) {
        struct rx_buffer *rx = buffer_at(&w->seg->rx_buffers, f->rx);
        memset(rx->raw, 0, f->raw_off);
        FAULT("input.tidy.before");
        change_begin(&ch, w, c);
        ch.f->raw_off = 0;
        change_commit(&ch);
    }
}

/* ---- one client ---- */

/* The client's last byte is processed.  It leaves when its socket has taken every answer, or at the
 * latest when its lines would have to end. */
static void input_ended(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    ending_seen(w, c);
    flush_client(w, c); /* with what it has just said */
    if (w->pauses.why[fd] != 0)
        return; /* for want of a buffer: this is found again when the pause ends */
    if (c->mode == MODE_BLOCKED && ending_left(w, fd) > 0)
        pause_client(w, c, PAUSE_OUTPUT);
    else
        leave_lost(w, c, NULL);
}

/* One pass over its bytes, up to the first line that is answered: so a client with one line does
 * not wait for all of many others' bursts.  True: it has more to do, and is to be queued again. */
static bool input_client(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c), generation = (uint32_t)(client_tag(w, c) >> 32);
    bool one_read = client_facts(c)->consumed == c->received; /* nothing else waits */
    bool open = input_recv(w, c);
    if (!client_live(c))
        return false;
    if (header_waits(w, c))
        return header_input(w, c, open);
    if (client_speaks_http(client_facts(c))) {
        http_client(w, c);
        if (!client_live(c) || w->pauses.why[fd] != 0)
            return false;
        if (!client_speaks_http(client_facts(c)))
            return true; /* it is a WebSocket now, and frames may have come with its request */
    } else if (client_facts(c)->rx != NO_BUFFER && client_facts(c)->consumed < c->received) {
        enum scan_outcome outcome =
            client_kind(c) == KIND_WEB ? web_client(w, c) : scan(w, c, one_read);
        if (outcome == SCAN_STAGED)
            return true;
        if (!client_is(c, generation) || w->pauses.why[fd] != 0)
            return false;
        if (outcome == SCAN_MORE)
            return true;
    }
    input_tidy(w, c);
    if (!w->interest.readable[fd])
        flood_rested(w, c);
    if (open)
        return w->interest.readable[fd];
    input_ended(w, c);
    return false;
}

/* No heartbeat: a turn of the loop is bounded by `until`, and the loop's own shows its progress. */
void input_read(struct worker *w, uint32_t clients, uint32_t until) {
    uint32_t todo = w->ready.count < clients ? w->ready.count : clients;
    for (; todo > 0 && (int32_t)(segment_now(w->seg) - until) < 0; todo--) {
        uint32_t fd = fd_queue_pop(&w->ready);
        bool more = false;
        if (!worker_serves(w, fd))
            continue;
        struct client *c = worker_client(w, fd);
        pause_end(w, c, PAUSE_PUBLISH); /* this worker can publish again */
        if (pause_has(w, fd, PAUSE_ARRIVAL))
            more = !newcomer_waiting(w, c) && greeting_continue(w, c);
        else if (w->pauses.why[fd] == 0)
            more = input_client(w, c);
        if (more)
            fd_queue_push(&w->ready, fd);
    }
    breadcrumb_clear(w);
}

/* ---- pauses that end with time ---- */

enum { INPUT_LOOK_MAX_MS = 1000 };

/* Its FIN came flood_wait ago, and it still waits. */
static bool input_overdue(const struct worker *w, uint32_t fd) {
    return pause_has(w, fd, PAUSE_TIMED | PAUSE_OUTPUT) && ending_left(w, fd) == 0;
}

static void input_resume_one(struct worker *w, struct client *c) {
    uint32_t fd = client_index(w, c);
    bool buffers = pause_has(w, fd, PAUSE_BUFFERS), memory = pause_has(w, fd, PAUSE_MEMORY);
    pause_end(w, c, PAUSE_TIMED);
    if (buffers)
        fd_queue_push(&w->reply_pending, fd); /* a list or a notice may have wanted one */
    if (memory)
        flush_unblock(w, c);
}

void input_resume(struct worker *w) {
    struct pauses *p = &w->pauses;
    if (!pause_look_due(w))
        return;
    p->look_at = w->now + INPUT_LOOK_MAX_MS; /* pauses that begin below make it earlier */
    for (uint32_t todo = p->look.count; todo > 0; todo--) {
        uint32_t fd = fd_queue_pop(&p->look);
        if (!worker_serves(w, fd))
            continue;
        struct client *c = worker_client(w, fd);
        uint32_t wait = 0;
        if (pause_has(w, fd, PAUSE_FLOOD))
            wait = account_wait(w, client_facts(c)->tat);
        if (pause_has(w, fd, PAUSE_FLOOD) && wait == 0)
            wait = account_origin_wait(w, c);
        if (input_overdue(w, fd))
            leave_lost(w, c, "it ended before its lines");
        else if (wait > 0)
            pause_look_in(w, fd, wait);
        else
            input_resume_one(w, c);
        if (client_live(c) && ending_left(w, fd) != ENDING_NONE)
            pause_look_in(w, fd, ending_left(w, fd));
    }
}
